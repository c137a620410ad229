"""Server URLs, parsed by the rules of nats.go (``processUrlString``, ``setupServerPool``).

Userinfo is removed from a URL here and percent-decoded, so an address further down never carries a secret.
Errors quote the input with every part masked that may be a secret: the userinfo, everything behind the host, a port
that is not a number (``nats://user:password`` without a host looks like that), and the whole URL where the end of
the userinfo is ambiguous.
"""

import importlib.util
import itertools
import re
from collections.abc import Iterable
from urllib.parse import unquote

import msgspec

from natsmon.config.secret import Secret
from natsmon.config.settings import DEFAULT_PORT, Server
from natsmon.text.plain_text import quotable

DEFAULT_MONITOR_PORT = 8222
_WEBSOCKET_PORTS = {"ws": 80, "wss": 443}
_FAMILIAR = ("nats", "tls", *_WEBSOCKET_PORTS, "http", "https", "tcp")
"""Schemes that are shown in an error: they are not a part of a password, whatever follows."""
# Patterns are not compiled before they are used: every start reads this module.
_PATH = r"(?:/[A-Za-z0-9._~!$&'()*+;=:%-]*)*"
_QUERY = r"[A-Za-z0-9._~!$&'()*+;=:/?%-]*"
_SCHEME = r"[a-z][a-z0-9+.-]*"
_LABEL = r"[a-z0-9_-]{1,63}"
_SURELY_ADDRESS = r"[^:]*(?::[0-9]{0,5})?|\[.*\](?::[0-9]{0,5})?"
_HALF_USERINFO = r".*://.*|[^:]*:.*[^0-9].*"
_BAD_ESCAPE = r"%(?![0-9A-Fa-f]{2})"
_HOST_LIMIT = 253
_NO_SCHEME = r"(nats|tls|wss?|tcp|https?)(?:/|:(?:/|[^0-9]|.*:))"
"""A scheme without ``://`` behind it; ``nats:4222`` is a host and its port."""
_IPV6_CHARACTERS = r"[0-9a-fA-F:.]+(%.*)?"


class BadURL(ValueError):
    """A URL that cannot be used; ``shown`` is the URL, safe to print."""

    def __init__(self, shown: str, why: str) -> None:
        super().__init__(why)
        self.shown = shown


UserInfo = dict[str, Secret]
"""The part of a URL before the ``@``: user and password, or the token that a user without a password is; or nothing."""


class _Parts(msgspec.Struct, frozen=True):
    """A URL split at its separators; the parts are not checked yet."""

    prefix: str
    """The scheme as it was written, empty for a bare host."""
    userinfo: str | None
    address: str
    tail: str
    ambiguous: bool = False
    """It may be the first half of a URL with a comma in its password: the next one has an ``@`` and no scheme."""

    @property
    def scheme(self) -> str:
        return self.prefix.removesuffix("://").lower() if self.prefix else "nats"

    @property
    def websocket(self) -> bool:
        return self.scheme in _WEBSOCKET_PORTS

    @property
    def shown(self) -> str:
        familiar = self.prefix if self.scheme in _FAMILIAR else ""
        if self.ambiguous or "@" in (self.userinfo or "") or ":" in self.scheme:
            return f"{familiar}****"
        before = self.prefix if self.userinfo is None else f"{familiar}****@"
        address = self.address
        if not re.fullmatch(_SURELY_ADDRESS, address) and _as_ipv6(address) is None:
            address = f"{address.partition(':')[0]}:****"
        return quotable(f"{before}{address}{'/****' if self.tail.strip('/') else ''}")


def _cut(url: str, *, ambiguous: bool = False) -> _Parts:
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    userinfo, at, address = rest.rpartition("@")
    host = re.match(r"[^/?#]*", address)
    assert host is not None
    return _Parts(scheme + separator, userinfo if at else None, host[0], address[host.end() :], ambiguous)


def _cut_all(pieces: list[str]) -> list[_Parts]:
    """From the last to the first: only what follows a comma shows whether it may be in a password."""
    urls: list[_Parts] = []
    ambiguous = False
    for piece in reversed(pieces):
        url = _cut(piece, ambiguous=ambiguous)
        urls.append(url)
        ambiguous = (ambiguous or url.userinfo is not None) and not (url.prefix and url.scheme in _FAMILIAR)
    return urls[::-1]


def _split(text: str) -> list[_Parts]:
    """The URLs of a comma-separated list; blanks and empty places are dropped, as in nats.go."""
    pieces = [piece for part in text.split(",") if (piece := part.strip())]
    urls = _cut_all(pieces)
    for url, (piece, following) in zip(urls, itertools.pairwise(pieces), strict=False):
        if "@" in following and "://" not in following and "@" not in piece and re.fullmatch(_HALF_USERINFO, piece):
            raise BadURL(url.shown, "a comma in a user or password must be written %2C")
    if not pieces:
        raise BadURL(quotable(text), "names no server")
    return urls


def _host_and_port(parts: _Parts, default: int = DEFAULT_PORT) -> tuple[str, int]:
    address = parts.address
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise BadURL(parts.shown, "the brackets around the IPv6 address do not match")
        port = rest[1:] if rest else str(default)
        ipv6 = _as_ipv6(host.replace("%25", "%"))
        if ipv6 is None:
            raise BadURL(parts.shown, "the text in brackets is not an IPv6 address")
        host = ipv6
    else:
        host, colon, port = address.partition(":")
        if ":" in port:
            raise BadURL(parts.shown, _two_colons(address))
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


def _two_colons(address: str) -> str:
    """What is wrong with an address that has more than one colon and no brackets."""
    if re.fullmatch(_IPV6_CHARACTERS, address) and (address.count(":") > 2 or "::" in address):
        return "an IPv6 address goes in brackets, as in nats://[::1]:4222"
    if re.search(r"[\s;]", address):
        return "servers are separated by commas"
    return "the address has two colons; HOST:PORT has one"


def _as_ipv6(text: str) -> str | None:
    import ipaddress  # imported where it is used: it takes longer than all of this module

    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        return None


def _name(parts: _Parts, host: str) -> str:
    if not host:
        raise BadURL(parts.shown, "the host is empty")
    name = _as_name(host)
    if name is None:
        if re.search(r"[\s;]", host.strip()):
            raise BadURL(parts.shown, "servers are separated by commas, and a host has no spaces")
        if host[0] in "\"'" or host[-1] in "\"'":
            raise BadURL(parts.shown, "there are quotation marks around it")
        raise BadURL(parts.shown, "the host is not a valid name or address")
    return name


def _as_name(host: str) -> str | None:
    """A host name or an IPv4 address in the form a resolver takes; None where it is neither."""
    name = host.lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    if len(name) > _HOST_LIMIT or not all(re.fullmatch(_LABEL, label) for label in name.removesuffix(".").split(".")):
        return None
    return name


def check_tls_name(name: str) -> str:
    """Return a name that a certificate can be checked for. Raises ValueError."""
    if _as_name(name) is None and _as_ipv6(name) is None:
        raise ValueError("is not a valid name or address")
    return name


def _user_info(parts: _Parts) -> UserInfo:
    if not parts.userinfo:
        return {}
    if not parts.userinfo.isprintable() or re.search(rf"[/?#@\s]|{_BAD_ESCAPE}", parts.userinfo):
        raise BadURL(parts.shown, "special characters in a user or password must be percent-encoded (/ is %2F)")
    user, colon, password = parts.userinfo.partition(":")
    try:
        name = unquote(user, errors="strict")
        if not colon:
            return {"token": Secret(name)}
        return {"user": Secret(name), "password": Secret(unquote(password, errors="strict"))}
    except UnicodeDecodeError:
        raise BadURL(parts.shown, "the user or password is not UTF-8") from None


def _server(parts: _Parts) -> Server:
    if not re.fullmatch(_SCHEME, parts.scheme):
        if parts.scheme.lstrip()[:1] in ('"', "'"):
            raise BadURL(parts.shown, "there are quotation marks around it")
        raise BadURL(
            parts.shown, "the text before :// is not a scheme; a URL begins with nats://, tls://, ws:// or wss://"
        )
    if not parts.prefix and (scheme := re.match(_NO_SCHEME, parts.address + parts.tail)):
        raise BadURL(parts.shown, f"a colon and two slashes follow the scheme: {scheme[1]}://HOST:PORT")
    host, port = _host_and_port(parts, _WEBSOCKET_PORTS.get(parts.scheme, DEFAULT_PORT))
    if not parts.websocket:  # a path or a query has no meaning there, and nats.go ignores it
        return Server(host, port, "tls" if parts.scheme == "tls" else "nats")
    path, _, query = parts.tail.partition("?")
    if not (re.fullmatch(_PATH, path) and re.fullmatch(_QUERY, query)):
        raise BadURL(parts.shown, "the path or query has a character that must be percent-encoded")
    return Server(host, port, parts.scheme, path="" if path == "/" and not query else path, query=Secret(query))


def parse_servers(texts: Iterable[str]) -> tuple[tuple[Server, ...], UserInfo]:
    """Parse comma-separated lists of URLs.

    A connection has one set of credentials for its whole pool, discovered servers included. URLs may repeat the
    credentials or omit them; different ones are an error. Returns each server once; raises BadURL.
    """
    urls = [parts for text in texts for parts in _split(text)]
    websocket = next((parts for parts in urls if parts.websocket), None)
    if websocket is not None and not all(parts.websocket for parts in urls):
        raise BadURL(websocket.shown, "WebSocket and NATS servers cannot be mixed in one connection")
    if websocket is not None and importlib.util.find_spec("websockets") is None:
        raise BadURL(websocket.shown, f"{websocket.scheme}:// needs a package: pip install websockets")
    servers: dict[Server, None] = {}
    credentials: UserInfo = {}
    for parts in urls:
        servers[_server(parts)] = None
        own = _user_info(parts)
        if credentials and own not in ({}, credentials):
            raise BadURL(parts.shown, "has other credentials than the servers before it; a connection has one set")
        credentials = credentials or own
    return tuple(servers), credentials


def masked_urls(text: str) -> str:
    """A comma-separated list of URLs, each in a form that is safe to print."""
    return ", ".join(parts.shown for parts in _cut_all([piece.strip() for piece in text.split(",")]))


def parse_server(url: str) -> Server:
    """Parse the URL of one server and ignore its userinfo; for addresses in an INFO. Raises BadURL."""
    return _server(_cut(url.strip()))


def parse_monitor(url: str) -> tuple[str, str, int]:
    """Parse the URL of a monitoring port into scheme, host and port. Raises ValueError."""
    parts = _cut(url.strip())
    if parts.prefix.lower() not in ("http://", "https://"):
        raise ValueError("is not a URL that begins with http:// or https://")
    if parts.userinfo is not None:
        raise ValueError("contains a user, and a monitoring port needs none")
    if parts.tail not in ("", "/"):
        raise ValueError("must end after the port")
    host, port = _host_and_port(parts, 443 if parts.scheme == "https" else DEFAULT_MONITOR_PORT)
    return parts.scheme, host, port


def check_monitor(url: str) -> str:
    """Return the URL of a monitoring port; an empty one means none. Raises ValueError."""
    if url:
        parse_monitor(url)
    return url
