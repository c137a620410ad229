"""Which credentials CONNECT carries, where they came from, and why a server may have refused them.

The nats CLI decides which of several are sent: user and password, then a credentials file, then an nkey, then a JWT
with its seed; a token is added to any of them. Userinfo in a URL follows nats.go (``connectProto``): it is sent beside
a JWT, and instead of an nkey. Files are read again at every dial, so that credentials can be renewed meanwhile.
"""

import base64
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

from natsmon.config.credentials_file import jwt_and_seed
from natsmon.config.credentials_file import seed as seed_in
from natsmon.config.secret import Secret
from natsmon.config.settings import Settings
from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError
from natsmon.protocol.jwt_claims import Claims, contradictions, expired, form_defects, read_claims
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.server_info import Info
from natsmon.protocol.stream_client import SECRET_FIELDS
from natsmon.text import units
from natsmon.text.files import read_file

_WORDS = {"creds": "credentials file", "jwt": "JWT", "tlscert": "client certificate"}
"""Words for settings whose name is none."""
_KINDS = {"A": "an account", "O": "an operator", "N": "a server", "C": "a cluster", "X": "an encryption key"}
"""What an nkey is for, by the first letter of its public key."""
_SLOW = 0.4
"""Seconds. A server that checks credentials itself refuses within milliseconds."""
_SLOW_IN_ROUND_TRIPS = 4


def connect_fields(settings: Settings, nonce: str) -> dict[str, str]:
    """The fields of CONNECT that identify the client. Raises DialError when credentials cannot be used or signed."""
    fields = {}
    if settings.user is not None:
        fields["user"] = settings.user.reveal()
        fields["pass"] = settings.password.reveal() if settings.password else ""
    if settings.token is not None:
        fields["auth_token"] = settings.token.reveal()
    match _signer(settings):
        case "creds":
            jwt, seed = _read("credentials file", settings.creds, settings.creds_data, jwt_and_seed)
            fields |= _signed_jwt(jwt, seed, nonce)
        case "nkey":
            public_key, signature = _sign(_read("nkey file", settings.nkey, settings.nkey_data, seed_in), nonce)
            if not nonce:  # nats.go's ErrNkeysNotSupported
                raise DialError("connect", Cause.NKEYS_UNSUPPORTED, "the server sent no nonce for the nkey to sign")
            fields |= {"nkey": public_key, "sig": signature}
        case "jwt" if settings.jwt is not None:
            # Go's base32 and base64 decoders skip line breaks; neither encoding has white space of its own.
            seed_text = "".join(settings.seed.reveal().split()) if settings.seed is not None else ""
            fields |= _signed_jwt("".join(settings.jwt.reveal().split()), seed_text.encode(), nonce)
    return fields


def _signer(settings: Settings) -> str:
    """The setting that identifies the client by a signature; none where there is none, or a user comes first."""
    if settings.user is not None and not settings.credentials_in_url:
        return ""
    if settings.creds:
        return "creds"
    if settings.nkey:
        return "" if settings.credentials_in_url else "nkey"
    return "jwt" if settings.jwt is not None else ""


def _signed_jwt(jwt: str, seed: bytes, nonce: str) -> dict[str, str]:
    """The JWT with the nonce signed; without a signature where there is no nonce, or no seed (a bearer token)."""
    claims = read_claims(jwt)
    if claims.kind not in ("", "user"):
        raise _unusable(f"the JWT is of the type {claims.kind}, not of a user")
    if not (nonce and seed):
        return {"jwt": jwt}
    public_key, signature = _sign(seed, nonce)
    if claims.kind and not claims.bearer and claims.subject != public_key:
        raise _unusable(
            f"the seed and the user JWT do not belong together: the seed is of {_short(public_key)}, "
            f"the JWT of {_short(claims.subject)}"
        )
    return {"jwt": jwt, "sig": signature}


def used(connect: dict[str, Any], settings: Settings, info: Info) -> str:
    """Return which credentials were sent and where each came from: ``user (flag --user), token (env NATS_TOKEN)``.

    A client certificate is one of them, where the server asks for it.
    """
    names = []
    if "user" in connect:
        names += ["user", "password"] if connect.get("pass") else ["user"]
    if "jwt" in connect:
        names += ["creds"] if settings.creds else ["jwt", "seed"] if "sig" in connect else ["jwt"]
    if "nkey" in connect:
        names.append("nkey")
    if "auth_token" in connect:
        names.append("token")
    if settings.tlscert and info.tls_verify:
        names.append("tlscert")
    without = ["no password"] if "user" in connect and "password" not in names else []
    return ", ".join([*(_named(name, settings) for name in names), *without])


def _named(name: str, settings: Settings) -> str:
    return f"{_WORDS.get(name, name)} ({settings.origins.get(name, 'default')})"


def refused(
    connection: ServerConnection, text: str, settings: Settings, *, seconds: float, round_trip: float
) -> tuple[Cause, str]:
    """Return the cause of an *Authorization Violation*, which the server does not give, and the evidence for it.

    ``seconds`` are from CONNECT to the refusal; ``round_trip`` too, 0 when not measured.
    """
    connect, info, websocket = connection.connect, connection.info, connection.server.websocket
    names = used(connect, settings, info)
    ending = f"; used: {names}" if names else ": no credentials were given"
    claims = read_claims(connect.get("jwt", ""))
    if "jwt" in connect and "nkey" not in connect:
        against = [
            *(form_defects(connect["jwt"]) if claims.kind else ()),
            *contradictions(claims, websocket=websocket, address=info.client_ip, signed="sig" in connect),
        ]
        if info.nonce and (too_late := expired(claims)):
            return Cause.AUTH_EXPIRED, f"{text}: {'; '.join([too_late, *against])}{ending}"
        if against and info.nonce:
            return Cause.AUTH_CLAIMS, f"{text}: {'; '.join(against)}{ending}"
    if spaces := list(_invisible(connect, settings)):
        return Cause.AUTH_WHITESPACE, f"{text}: {'; '.join(spaces)}{ending}"
    by_jwt = "jwt" in connect and ("user" not in connect or "sig" in connect)
    issued = f": {_issuer(claims, info)}" if by_jwt else ""
    if seconds >= max(_SLOW, _SLOW_IN_ROUND_TRIPS * round_trip):
        return Cause.AUTH_CALLOUT, f"{text}, refused after {units.elapsed(seconds)}{issued}{ending}"
    if "nkey" in connect:
        return Cause.AUTH_NKEY, f"{text}: public key {connect['nkey']}{ending}"
    if by_jwt:
        return Cause.AUTH_JWT, f"{text}{issued}{ending}"
    if "user" in connect or "auth_token" in connect:
        return Cause.AUTH, f"{text}{ending}"
    if names:
        return Cause.AUTH_CERTIFICATE, f"{text}{ending}"
    return Cause.AUTH_MISSING, f"{text}{ending}"


def _issuer(claims: Claims, info: Info) -> str:
    """What there is to compare with the server."""
    if not info.nonce:
        return "the server sent no nonce to sign, as servers that check JWTs do"
    if not claims.kind:
        return "the JWT is not one of NATS"
    bearer = " (a bearer token, which the account may not allow)" if claims.bearer else ""
    return f"issued by the account {claims.account or 'without a key'}{bearer}"


def _invisible(connect: dict[str, Any], settings: Settings) -> Iterator[str]:
    """Characters at the ends of a user, password or token that no message shows."""
    for field, name in (("user", "user"), ("pass", "password"), ("auth_token", "token")):
        value = connect.get(field, "")
        for where, end in (("begins with", value[:1]), ("ends in", value[-1:])):
            if what := _unseen(end):
                yield f"the {_named(name, settings)} {where} {what}"


_UNSEEN = {
    **dict.fromkeys("\n\r", "a line break"),
    " ": "a blank",
    "\t": "a tab",
    **dict.fromkeys("'\"", "a quotation mark"),
}


def _unseen(character: str) -> str:
    """The name of a character that is not seen in a terminal; empty for one that is."""
    if character in _UNSEEN:
        return _UNSEEN[character]
    if character and unicodedata.category(character)[0] in "CZ":
        return f"an invisible character (U+{ord(character):04X})"
    return ""


def mask(connect: dict[str, Any]) -> dict[str, Any]:
    """A CONNECT as it may be shown."""
    return {name: "****" if name in SECRET_FIELDS else value for name, value in connect.items()}


def _read(what: str, path: str, content: Secret | None, parse: Callable[[bytes], Any]) -> Any:
    try:
        return parse(content.reveal().encode() if content is not None else read_file(path))
    except OSError as error:
        raise _unusable(f"the {what} {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _unusable(f"the {what} {path} {error}") from error


def _unusable(text: str) -> DialError:
    return DialError("connect", Cause.CREDENTIALS, text)


def _short(public_key: str) -> str:
    return f"{public_key[:8]}…" if public_key else "no user"


def _sign(seed: bytes, nonce: str) -> tuple[str, str]:
    """The public key of a user's seed, and the nonce signed with it: base64 for URLs without padding, as nats.go."""
    import nkeys

    try:
        pair = nkeys.from_seed(bytearray(seed))
        signature = base64.urlsafe_b64encode(pair.sign(nonce.encode())).rstrip(b"=").decode()
        public_key = str(pair.public_key.decode())
    except (nkeys.NkeysError, ValueError) as error:
        raise _unusable("the seed is not a usable nkey") from error
    if not public_key.startswith("U"):
        raise _unusable(f"the seed is one of {_KINDS.get(public_key[:1], 'another kind')}, not of a user")
    return public_key, signature
