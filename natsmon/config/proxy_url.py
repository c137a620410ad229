"""URLs of proxies: ``socks5://USER:PASSWORD@HOST:PORT`` and ``http://…``."""

from urllib.parse import unquote, urlsplit

import msgspec

from natsmon.config.secret import Secret

_PORTS = {"socks5": 1080, "socks5h": 1080, "http": 80}
_LONGEST = 255
"""Longest user or password of SOCKS, in bytes."""


class Proxy(msgspec.Struct, frozen=True):
    """A proxy that every dial goes through. ``str()`` masks user and password."""

    scheme: str
    host: str
    port: int
    user: Secret | None = None
    password: Secret | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{'****@' if self.user else ''}{host}:{self.port}"


def parse_proxy(url: str) -> Proxy | None:
    """Parse the URL of a proxy; empty and ``none`` mean no proxy, as in the nats CLI.

    Raises ValueError with the reason; the URL is not quoted, as it may carry a password.
    """
    if url.strip().lower() in ("", "none", "-"):
        return None
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise ValueError("is not the URL of a proxy (try socks5://HOST:1080)") from None
    if parts.scheme not in _PORTS:
        raise ValueError("must begin with socks5:// or http://")
    if not parts.hostname:
        raise ValueError("has no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("must end after the port")
    user = None if parts.username is None else Secret(unquote(parts.username))
    password = None if parts.password is None else Secret(unquote(parts.password))
    if user is not None:
        _check_login(parts.scheme, user.reveal(), password.reveal() if password is not None else "")
    return Proxy(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user, password)


def _check_login(scheme: str, user: str, password: str) -> None:
    """Raise ValueError where the proxy's protocol has no room for a login (RFC 1929; RFC 7617)."""
    if scheme == "http":
        if ":" in user:
            raise ValueError("has a colon in the user")
    elif not all(0 < len(part.encode()) <= _LONGEST for part in (user, password)):
        raise ValueError(f"needs a user and a password of 1 to {_LONGEST} bytes each")
