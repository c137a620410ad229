"""What a connection shows of who it is: which credentials are used, where they came from, until when they are good.

The order is the nats CLI's: user and password, then a credentials file, then an nkey, then a JWT with its
seed; a token goes on top. Files are read again at every dial, so that credentials may be renewed meanwhile.
"""

import base64
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from natsmon.dial.causes import DialError
from natsmon.dial.stream_transport import SECRET_FIELDS
from natsmon.settings import Settings

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
}


class ClientOptions(TypedDict, total=False):
    """What nats-py's ``connect`` takes of them."""

    user: str
    password: str
    token: str
    user_jwt_cb: Callable[[], bytes]
    signature_cb: Callable[[str], bytes]
    nkeys_seed_str: str


def client_options(settings: Settings) -> ClientOptions:
    """Raises DialError in the stage ``connect`` when a file cannot be used."""
    options: ClientOptions = {}
    if settings.token is not None:
        options["token"] = settings.token.reveal()
    if settings.user is not None:
        options["user"] = settings.user.reveal()
        options["password"] = settings.password.reveal() if settings.password else ""
    elif settings.creds:
        text = _read("credentials file", settings.creds)
        jwt, seed = _JWT.search(text), _SEED.search(text)
        if jwt is None or seed is None:
            raise _unusable(f"the credentials file {settings.creds} has no JWT and seed in it")
        options["user_jwt_cb"], options["signature_cb"] = _constant(jwt[0]), _signer(seed[0])
    elif settings.nkey:
        found = _SEED.search(_read("nkey", settings.nkey))
        if found is None:
            raise _unusable(f"the nkey file {settings.nkey} has no seed in it")
        options["nkeys_seed_str"] = _checked(found[0]).decode()
    elif settings.jwt is not None and settings.seed is not None:
        options["user_jwt_cb"] = _constant(settings.jwt.reveal().encode())
        options["signature_cb"] = _signer(settings.seed.reveal().encode())
    return options


def used(settings: Settings) -> str:
    """Which credentials are used, and where each came from: ``user (flag --user), password (env NATS_PASSWORD)``."""
    if settings.user is not None:
        fields = ["user", "password"]
    elif settings.creds:
        fields = ["creds"]
    elif settings.nkey:
        fields = ["nkey"]
    elif settings.jwt is not None and settings.seed is not None:
        fields = ["jwt", "seed"]
    else:
        fields = []
    if settings.token is not None:
        fields.append("token")
    return ", ".join(f"{_WORDS[name]} ({settings.origins.get(name, 'default')})" for name in fields)


def refused(settings: Settings, said: str) -> tuple[str, str]:
    """The cause class and the words for a server's refusal of these credentials, which it does not explain itself."""
    names = used(settings)
    if not names:
        return "auth_missing", f"{said}: no credentials were given"
    if settings.user is None and (settings.creds or settings.jwt is not None):
        expires = jwt_expiry(settings)
        if expires is not None and expires <= time.time():
            return "auth_expired", f"{dated(settings, said)}; used: {names}"
        return "auth_jwt", f"{said}; used: {names}"
    if settings.user is None and settings.nkey:
        return "auth_nkey", f"{said}: public key {_public_key(settings)}; used: {names}"
    return "auth", f"{said}; used: {names}"


def dated(settings: Settings, said: str) -> str:
    """What a server says of credentials that expired, and when they did, where a JWT tells that."""
    expires = jwt_expiry(settings)
    if expires is None:
        return said
    try:
        day = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(expires))
    except (OverflowError, ValueError, OSError):  # no calendar has such a day; a JWT may claim it
        return said
    return f"{said}: the user JWT expired on {day}"


def _public_key(settings: Settings) -> str:
    """What the server knows an nkey by; it is no secret."""
    import nkeys

    try:
        found = _SEED.search(_read("nkey", settings.nkey))
        pair = nkeys.from_seed(bytearray(found[0])) if found else None
        return pair.public_key.decode() if pair else "unknown"
    except (nkeys.NkeysError, ValueError, DialError):  # the file has changed since it was used
        return "unknown"


def mask(connect: dict[str, Any]) -> dict[str, Any]:
    """A CONNECT as it may be shown."""
    return {name: "****" if name in SECRET_FIELDS else value for name, value in connect.items()}


def jwt_expiry(settings: Settings) -> float | None:
    """When the user JWT expires, seconds since the epoch; none when there is no JWT, or it does not expire."""
    if settings.user is not None or (settings.nkey and not settings.creds):
        return None  # these come first
    try:
        if settings.creds:
            found = _JWT.search(Path(settings.creds).read_bytes())
            jwt = found[0] if found else b""
        else:
            jwt = settings.jwt.reveal().encode() if settings.jwt is not None else b""
        body = jwt.split(b".")[1]
        expires = json.loads(base64.urlsafe_b64decode(body + b"=" * (-len(body) % 4))).get("exp")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return float(expires) if isinstance(expires, int | float) and expires > 0 else None


def _read(what: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unusable(f"the {what} {path} cannot be read: {error.strerror}") from error


def _unusable(text: str) -> DialError:
    return DialError("connect", "credentials", text)


def _constant(value: bytes) -> Callable[[], bytes]:
    return lambda: value


def _checked(seed: bytes) -> bytes:
    _signer(seed)("")
    return seed


def _signer(seed: bytes) -> Callable[[str], bytes]:
    """Signs a server's nonce, as base64."""

    def sign(nonce: str) -> bytes:
        import nkeys

        try:
            pair = nkeys.from_seed(bytearray(seed))
            return base64.b64encode(pair.sign(nonce.encode()))
        except (nkeys.NkeysError, ValueError) as error:
            raise _unusable("the seed is not a usable nkey") from error

    return sign
