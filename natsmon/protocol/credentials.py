"""What a connection shows of who it is: which credentials are sent, and where they came from.

Which of several are sent is for the nats CLI to say: user and password, then a credentials file, then an nkey,
then a JWT with its seed; a token goes on top. Userinfo in a URL is nats.go's to judge (``connectProto``): it goes
beside a JWT, and in the place of an nkey. Files are read again at every dial, so that credentials may be renewed
meanwhile. What is told is told of a CONNECT that was sent, never of what was given.
"""

import base64
import re
from pathlib import Path
from typing import Any

from natsmon.config.secret import Secret
from natsmon.config.settings import Settings
from natsmon.dial.errors import DialError
from natsmon.protocol.jwt_expiry import jwt_expired
from natsmon.protocol.server_info import Info
from natsmon.protocol.stream_transport import SECRET_FIELDS

_SEED = re.compile(rb"\bS[UAOCNX][A-Z2-7]{50,}\b")
_JWT = re.compile(rb"\beyJ[\w-]*\.[\w-]+\.[\w-]+")
_WORDS = {
    "user": "user",
    "password": "password",
    "creds": "credentials file",
    "nkey": "nkey",
    "jwt": "JWT",
    "seed": "seed",
    "token": "token",
    "tlscert": "client certificate",
}


def connect_fields(settings: Settings, nonce: str) -> dict[str, str]:
    """What our CONNECT says of us to a server that gave this nonce to sign, or none.

    Raises DialError in the stage ``connect`` when a file cannot be used, or when an nkey has nothing to sign.
    """
    said = {}
    if settings.user is not None:
        said["user"] = settings.user.reveal()
        said["pass"] = settings.password.reveal() if settings.password else ""
    if settings.token is not None:
        said["auth_token"] = settings.token.reveal()
    match _signer(settings):
        case "creds":
            text = _read("credentials file", settings.creds, settings.creds_data)
            jwt, seed = _JWT.search(text), _SEED.search(text)
            if jwt is None or seed is None:
                raise _unusable(f"the credentials file {settings.creds} has no JWT and seed in it")
            said |= _signed_jwt(jwt[0].decode(), seed[0], nonce)
        case "nkey":
            found = _SEED.search(_read("nkey", settings.nkey, settings.nkey_data))
            if found is None:
                raise _unusable(f"the nkey file {settings.nkey} has no seed in it")
            public_key, signature = _sign(found[0], nonce)
            if not nonce:  # nats.go's ErrNkeysNotSupported
                raise DialError("connect", "nkeys_unsupported", "the server gave no nonce for the nkey to sign")
            said |= {"nkey": public_key, "sig": signature}
        case "jwt" if settings.jwt is not None:
            seed_text = settings.seed.reveal() if settings.seed is not None else ""
            said |= _signed_jwt(settings.jwt.reveal(), seed_text.encode(), nonce)
    return said


def _signer(settings: Settings) -> str:
    """The setting whose seed is to sign; none where there is none, or where a user comes first."""
    if settings.user is not None and not settings.credentials_in_url:
        return ""
    if settings.creds:
        return "creds"
    if settings.nkey:
        return "" if settings.credentials_in_url else "nkey"
    return "jwt" if settings.jwt is not None else ""


def _signed_jwt(jwt: str, seed: bytes, nonce: str) -> dict[str, str]:
    """A server that gives no nonce gets the JWT all the same: it may ask somebody else who we are."""
    return {"jwt": jwt, "sig": _sign(seed, nonce)[1]} if nonce and seed else {"jwt": jwt}


def used(connect: dict[str, Any], settings: Settings, info: Info) -> str:
    """Which credentials a server was shown, and where each came from: ``user (flag --user), token (env NATS_TOKEN)``.

    A client certificate is one, where the server asks for it.
    """
    names = []
    if "user" in connect:
        names += ["user", "password"]
    if "jwt" in connect:
        names += ["creds"] if settings.creds else ["jwt", "seed"] if "sig" in connect else ["jwt"]
    if "nkey" in connect:
        names.append("nkey")
    if "auth_token" in connect:
        names.append("token")
    if settings.tlscert and info.tls_verify:
        names.append("tlscert")
    return ", ".join(f"{_WORDS[name]} ({settings.origins.get(name, 'default')})" for name in names)


def refused(connect: dict[str, Any], settings: Settings, info: Info, said: str) -> tuple[str, str]:
    """The cause class and the words for a server's refusal of this CONNECT, which it does not explain itself."""
    names = used(connect, settings, info)
    if "nkey" in connect:
        return "auth_nkey", f"{said}: public key {connect['nkey']}; used: {names}"
    if "jwt" in connect and "sig" in connect:
        if expired := jwt_expired(connect):
            return "auth_expired", f"{said}: {expired}; used: {names}"
        return "auth_jwt", f"{said}; used: {names}"
    if "user" in connect or "auth_token" in connect:
        return "auth", f"{said}; used: {names}"
    if "jwt" in connect:
        return "auth_jwt", f"{said}: the server gave no nonce to sign, as those do that check JWTs; used: {names}"
    if names:
        return "auth_certificate", f"{said}; used: {names}"
    return "auth_missing", f"{said}: no credentials were given"


def mask(connect: dict[str, Any]) -> dict[str, Any]:
    """A CONNECT as it may be shown."""
    return {name: "****" if name in SECRET_FIELDS else value for name, value in connect.items()}


def _read(what: str, path: str, content: Secret | None) -> bytes:
    if content is not None:
        return content.reveal().encode()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unusable(f"the {what} {path} cannot be read: {error.strerror}") from error


def _unusable(text: str) -> DialError:
    return DialError("connect", "credentials", text)


def _sign(seed: bytes, nonce: str) -> tuple[str, str]:
    """The public key of a seed, and a nonce signed with it: base64 for URLs without its padding, as nats.go has it."""
    import nkeys

    try:
        pair = nkeys.from_seed(bytearray(seed))
        signature = base64.urlsafe_b64encode(pair.sign(nonce.encode())).rstrip(b"=")
        return pair.public_key.decode(), signature.decode()
    except (nkeys.NkeysError, ValueError) as error:
        raise _unusable("the seed is not a usable nkey") from error
