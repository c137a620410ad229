"""Server URLs and subjects, read strictly.

Userinfo is taken out of a URL here and percent-decoded, so that no address further down can carry a secret.
The errors quote what was given with everything masked that may be one: the userinfo, what stands behind the
host, a port that is no number (``nats://user:password`` without a host looks like that), and all of a URL of
which nobody can say where its userinfo ends.
"""

import importlib.util
import itertools
import re
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

from natsmon.config.settings import DEFAULT_PORT, Secret, Server
from natsmon.text.plain_text import printable

SCHEMES = ("nats", "tls")
DEFAULT_MONITOR_PORT = 8222
_DEFAULT_PORTS = {"nats": DEFAULT_PORT, "tls": DEFAULT_PORT, "ws": 80, "wss": 443}
_WEBSOCKET = ("ws", "wss")
_FAMILIAR = (*_DEFAULT_PORTS, "http", "https")
"""Schemes that are no part of a password, whatever follows."""
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+;=:%-]*)*")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_SURELY_ADDRESS = re.compile(r"[^:]*(?::[0-9]{0,5})?|\[.*\](?::[0-9]{0,5})?")
_HALF_USERINFO = re.compile(r".*://.*|[^:]*:.*[^0-9].*")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST_LIMIT = 253
_SUBJECT_LIMIT = 2048
_STREAM_LIMIT = 255
_SHOWN_LIMIT = 80


class BadURL(ValueError):
    """``shown`` is the URL, safe to print; ``str()`` what is wrong with it."""

    def __init__(self, shown: str, why: str) -> None:
        super().__init__(why)
        self.shown = shown


class UserInfo(msgspec.Struct, frozen=True):
    """What stood before the ``@``. A user without a password is a token, as for every NATS client."""

    user: Secret | None = None
    password: Secret | None = None
    token: Secret | None = None


class _Parts(msgspec.Struct, frozen=True):
    """A URL cut in pieces, none of them looked at yet."""

    prefix: str
    """The scheme as it was written, empty for a bare host."""
    userinfo: str | None
    address: str
    tail: str
    torn: bool = False
    """It may be half of a URL: what follows in the list has an ``@`` of its own, and no scheme."""

    @property
    def scheme(self) -> str:
        return self.prefix.removesuffix("://").lower() if self.prefix else "nats"

    @property
    def shown(self) -> str:
        familiar = self.prefix if self.scheme in _FAMILIAR else ""
        if self.torn or "@" in (self.userinfo or "") or ":" in self.scheme:
            return f"{familiar}****"  # nobody can say where a password begins and ends
        before = self.prefix if self.userinfo is None else f"{familiar}****@"
        address = self.address
        if not _SURELY_ADDRESS.fullmatch(address) and _as_ipv6(address) is None:
            address = address.partition(":")[0] + ":****"
        return quotable(f"{before}{address}{'/****' if self.tail.strip('/') else ''}")


def quotable(text: str) -> str:
    """A given value, safe and short enough to stand in a line of an error."""
    text = printable(text)
    return text if len(text) <= _SHOWN_LIMIT else text[:_SHOWN_LIMIT] + "…"


def _cut(url: str, *, torn: bool = False) -> _Parts:
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    userinfo, at, address = rest.rpartition("@")
    host = re.match(r"[^/?#]*", address)
    assert host is not None
    return _Parts(scheme + separator, userinfo if at else None, host[0], address[host.end() :], torn)


def _cut_all(pieces: list[str]) -> list[_Parts]:
    """From the last to the first, as only what follows tells of a comma whether it stands in a password."""
    urls: list[_Parts] = []
    torn = False
    for piece in reversed(pieces):
        url = _cut(piece, torn=torn)
        urls.append(url)
        torn = (torn or url.userinfo is not None) and not (url.prefix and url.scheme in _FAMILIAR)
    return urls[::-1]


def _split(text: str) -> list[_Parts]:
    """The URLs of a comma-separated list."""
    pieces = [piece.strip() for piece in text.split(",")]
    urls = _cut_all(pieces)
    for url, (piece, following) in zip(urls, itertools.pairwise(pieces), strict=False):
        if "@" in following and "://" not in following and "@" not in piece and _HALF_USERINFO.fullmatch(piece):
            # The comma most likely stands in a password, and what is before it is half of a secret.
            raise BadURL(url.shown, "a comma in a user or password must be written %2C")
    if any(not piece for piece in pieces):
        raise BadURL("", "names no server" if len(pieces) == 1 else "has an empty place in the list of servers")
    return urls


def _host_and_port(parts: _Parts, default: int = DEFAULT_PORT) -> tuple[str, int]:
    address = parts.address
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise BadURL(parts.shown, "the brackets around the IPv6 address do not match")
        port = rest[1:] if rest else str(default)
        host = _ipv6(parts, host)
    else:
        host, colon, port = address.partition(":")
        if ":" in port:
            raise BadURL(parts.shown, "an IPv6 address goes in brackets, as in nats://[::1]:4222")
        if not colon:
            port = str(default)
        host = _name(parts, host)
    if not port:
        raise BadURL(parts.shown, "the port is missing after the colon")
    if not (port.isascii() and port.isdecimal()):
        raise BadURL(parts.shown, "the port is not a number")
    if len(port) > 5 or not 1 <= int(port) <= 65535:
        raise BadURL(parts.shown, "the port is out of range, 1 to 65535")
    return host, int(port)


def _ipv6(parts: _Parts, host: str) -> str:
    address = _as_ipv6(host.replace("%25", "%"))
    if address is None:
        raise BadURL(parts.shown, "what stands in brackets is not an IPv6 address")
    return address


def _as_ipv6(text: str) -> str | None:
    import ipaddress  # only here: it costs a start more than all of this file

    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        return None


def _name(parts: _Parts, host: str) -> str:
    if not host:
        raise BadURL(parts.shown, "the host is empty")
    name = _as_name(host)
    if name is None:
        raise BadURL(parts.shown, "the host is not a valid name or address")
    return name


def _as_name(host: str) -> str | None:
    """A name or an IPv4 address, as a resolver takes it."""
    name = host.lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    if len(name) > _HOST_LIMIT or not all(_LABEL.fullmatch(label) for label in name.removesuffix(".").split(".")):
        return None
    return name


def check_tls_name(name: str) -> str:
    """The name, if a server's certificate can be checked for it; ValueError says why not."""
    if _as_name(name) is None and _as_ipv6(name) is None:
        raise ValueError("is not a valid name or address")
    return name


def _user_info(parts: _Parts) -> UserInfo | None:
    if not parts.userinfo:
        return None
    if not parts.userinfo.isprintable() or re.search(r"[/?#@\s]", parts.userinfo) or _BAD_ESCAPE.search(parts.userinfo):
        raise BadURL(parts.shown, "special characters in a user or password must be percent-encoded")
    user, colon, password = parts.userinfo.partition(":")
    try:
        name = unquote(user, errors="strict")
        if not colon:
            return UserInfo(token=Secret(name))
        return UserInfo(user=Secret(name), password=Secret(unquote(password, errors="strict")))
    except UnicodeDecodeError:
        raise BadURL(parts.shown, "the user or password is not UTF-8") from None


def _server(parts: _Parts) -> Server:
    if parts.scheme not in _DEFAULT_PORTS:
        named = _SCHEME.fullmatch(parts.scheme)
        known = "nats://, tls://, ws:// and wss:// are" if named else "a URL begins with nats:// or tls://"
        raise BadURL(parts.shown, f"the scheme is not supported, {known}")
    host, port = _host_and_port(parts, _DEFAULT_PORTS[parts.scheme])
    if parts.tail in ("", "/"):
        return Server(host, port, parts.scheme)
    if parts.scheme not in _WEBSOCKET:
        raise BadURL(parts.shown, "a server's URL ends after the port")
    if not _PATH.fullmatch(parts.tail):
        raise BadURL(parts.shown, "a WebSocket's URL ends after the path")
    return Server(host, port, parts.scheme, path=parts.tail)


def parse_servers(texts: Iterable[str]) -> tuple[tuple[Server, ...], UserInfo | None]:
    """The servers of some comma-separated lists, each once, and the one userinfo they carry.

    A connection has one set of credentials for its whole pool, discovered servers too, so URLs may repeat
    them or leave them out but not name different ones.
    """
    urls = [parts for text in texts for parts in _split(text)]
    websocket = next((parts for parts in urls if parts.scheme in _WEBSOCKET), None)
    if websocket is not None and any(parts.scheme in SCHEMES for parts in urls):
        raise BadURL(websocket.shown, "WebSocket and NATS servers cannot be mixed in one connection")
    if websocket is not None and importlib.util.find_spec("websockets") is None:
        why = f"{websocket.scheme}:// needs the package websockets: pip install 'natsmon[ws]'"
        raise BadURL(websocket.shown, why)
    servers: dict[Server, None] = {}
    credentials: UserInfo | None = None
    for parts in urls:
        servers[_server(parts)] = None
        own = _user_info(parts)
        if credentials is not None and own not in (None, credentials):
            raise BadURL(parts.shown, "names other credentials than the servers before it; one connection has one set")
        credentials = credentials or own
    return tuple(servers), credentials


def parse_server(url: str) -> Server:
    """One server, whatever userinfo its URL has; for addresses that come from servers themselves."""
    return _server(_cut(url.strip()))


def parse_monitor(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a monitoring port's URL; ValueError says what is wrong with it."""
    parts = _cut(url.strip())
    if parts.prefix.lower() not in ("http://", "https://"):
        raise ValueError("is not a URL that begins with http:// or https://")
    if parts.userinfo is not None:
        raise ValueError("has a user in it, and a monitoring port asks for none")
    if parts.tail not in ("", "/"):
        raise ValueError("must end after the port")
    host, port = _host_and_port(parts, 443 if parts.scheme == "https" else DEFAULT_MONITOR_PORT)
    return parts.scheme, host, port


def check_monitor(url: str) -> str:
    """The URL of a monitoring port, if it can be one; an empty one is as good as none."""
    if url:
        parse_monitor(url)
    return url


def check_subject(subject: str) -> str:
    """The subject, if one message can be published on it; ValueError says why not."""
    if "*" in subject or ">" in subject:
        raise ValueError("has a wildcard in it: messages are published on one subject")
    return check_subjects(subject)


def check_subjects(subject: str) -> str:
    """The subject, wildcards or not, if one can subscribe to it; ValueError says why not."""
    if not subject:
        raise ValueError("is empty")
    if any(char.isspace() for char in subject):
        raise ValueError("has a space in it")
    if printable(subject) != subject:
        raise ValueError("has a control character in it")
    if any(not token for token in subject.split(".")):
        raise ValueError("has an empty token: a dot at an end, or two in a row")
    tokens = subject.split(".")
    if any(len(token) > 1 and ("*" in token or ">" in token) for token in tokens) or ">" in tokens[:-1]:
        raise ValueError("has a wildcard that is no whole token, or a > that is not the last one")
    if len(subject.encode()) > _SUBJECT_LIMIT:
        raise ValueError(f"is longer than {_SUBJECT_LIMIT} bytes")
    return subject


def check_stream(name: str) -> str:
    """The name, if a stream can have it; ValueError says why not."""
    if not name:
        raise ValueError("is empty")
    if any(char.isspace() or char in ".*>/\\" for char in name) or printable(name) != name:
        raise ValueError("is no name of a stream: it has a space, a dot, a slash or a wildcard in it")
    if len(name.encode()) > _STREAM_LIMIT:
        raise ValueError(f"is longer than {_STREAM_LIMIT} bytes")
    return name
