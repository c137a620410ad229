"""Dialing through a proxy: SOCKS5 and HTTP CONNECT, each around a dialer that opens the connection to the proxy.

The proxy receives the server's name and resolves it. Bytes behind the proxy's answer belong to the server, which
sends first in NATS, and stay in the stream; that is why this is not a library's.
"""

import asyncio
import base64
import ipaddress
import re
import ssl
from contextlib import suppress

from natsmon.dial.arguments import check, check_address, check_tls
from natsmon.dial.causes import Cause, Stage
from natsmon.dial.deadline import until
from natsmon.dial.errors import DialError, Hop, classify
from natsmon.dial.foreign_dialer import given_or_tcp
from natsmon.dial.resolver import authority
from natsmon.dial.starttls import upgrade
from natsmon.dial.stream import Address, ByteReader, CustomDialer, Stream, as_stream
from natsmon.dial.trace import DialTrace
from natsmon.text.plain_text import clip, printable

_MAX_HEAD = 16 * 1024
"""Longest header of an HTTP response, in bytes."""

_MAX_INTERIM = 10
"""Responses of class 1xx before the final one."""

_LONGEST = 255
"""Longest name, user or password of SOCKS, in bytes."""

_REPLIES: dict[int, tuple[Hop, str, str]] = {
    1: ("proxy", "proxy", "general SOCKS server failure"),
    2: ("proxy", "proxy", "connection not allowed by ruleset"),
    3: ("server", "unreachable", "network unreachable"),
    4: ("server", "unreachable", "host unreachable"),
    5: ("server", "refused", "connection refused"),
    6: ("server", "unreachable", "TTL expired"),
    7: ("proxy", "proxy", "command not supported"),
    8: ("proxy", "proxy", "address type not supported"),
}
"""Which end failed, the cause and the words of a SOCKS reply (RFC 1928, section 6)."""

_GATEWAY = {502: "proxy", 503: "proxy", 504: "timeout"}
"""HTTP status codes with which a proxy reports that the server failed (RFC 9110, 15.6), and their causes."""


class ProxyDialer:
    """Base class: opens a connection to the proxy, under TLS if wanted, and asks it for the server."""

    _kind = "proxy"

    def __init__(
        self,
        proxy: Address,
        *,
        user: str | None = None,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        dialer: CustomDialer | None = None,
    ) -> None:
        """Dial through a proxy.

        Args:
            proxy: Host and port of the proxy.
            user: For a proxy that requires one.
            password: Sent with the user. Neither appears in an error.
            tls: For a proxy that is reached over TLS; its certificate is verified for its host name.
            dialer: Opens the connection to the proxy; it may be another proxy's.

        Raises:
            TypeError: An argument is of another type.
            ValueError: The protocol has no room for this user or password, or there is a password without a user;
                the proxy has no host, or no port of TCP.
        """
        check_address("proxy", proxy)
        check("user", user, "a string or None", (str, type(None)))
        check("password", password, "a string or None", (str, type(None)))
        check_tls(tls)
        self._proxy = proxy[0], proxy[1]
        self._tls = tls
        self._dialer = given_or_tcp(dialer)
        if user is None and password is not None:
            raise ValueError("a password needs a user")
        self._login = b"" if user is None else self._encode(user, password or "")

    async def dial(self, address: Address, *, deadline: float | None = None, trace: DialTrace | None = None) -> Stream:
        """Open a stream to the server through the proxy.

        Args:
            address: Host and port of the server. The proxy resolves the name.
            deadline: Time on the running loop's clock, in seconds; None for no limit. Covers both connections.
            trace: Its hooks are called for the connection to the proxy.

        Raises:
            DialError: In the stage ``tcp``, ``tls`` for the proxy's TLS, or ``info`` for the upgrade of a gateway;
                ``proxy`` and ``hop`` are set.
            TypeError: The port is not a number.
            ValueError: The port is not one of TCP.
        """
        host, port = _ascii(address[0]), address[1]
        check_address("address", address)
        target = authority(host, port)
        opened: Stream | None = None
        stage: Stage = "tcp"
        try:
            opened = as_stream(await self._dialer.dial(self._proxy, deadline=deadline, trace=trace))
            async with until(deadline):
                if self._tls is not None:
                    stage = "tls"
                    await upgrade(opened, self._tls, self._proxy[0], first=True)
                    stage = "tcp"
                stream = await self._ask(opened, host, port)
        except BaseException as error:
            if opened is not None:
                opened.writer.transport.abort()
            if isinstance(error, DialError):
                self._located(error, target, error.hop if opened is not None and error.proxy else "proxy")
                raise
            cause, text = classify(error)
            if isinstance(error, TimeoutError):
                what = "TLS handshake with the" if stage == "tls" else "answer from the"
                text = f"no {what} {self._kind}"
            elif isinstance(error, EOFError):
                cause, text = Cause.PROXY, f"closed by the {self._kind}"
            elif isinstance(error, OSError):
                cause = cause if opened is None else Cause.PROXY
                text = f"the connection to the {self._kind}: {text}"
            else:
                raise
            raise self._located(DialError(stage, cause, text, origin=error), target, "proxy") from error
        return stream._replace(address=target, tls_done=False)  # that handshake was with the proxy

    def _located(self, error: DialError, target: str, hop: Hop) -> DialError:
        """Add where the error occurred, as seen from here: what a proxy on the way reports of this one is its hop."""
        if not error.proxy or error.hop == "server":
            error.proxy = authority(*self._proxy)
        error.hop = hop
        error.address = target
        return error

    def _refusal(self, hop: Hop, cause: str, text: str) -> DialError:
        error = DialError("tcp", cause, text)
        error.hop, error.proxy = hop, authority(*self._proxy)
        return error

    def _encode(self, user: str, password: str) -> bytes:
        raise NotImplementedError

    async def _ask(self, opened: Stream, host: str, port: int) -> Stream:
        """Return the stream to the server, over the one to the proxy."""
        raise NotImplementedError


class SocksDialer(ProxyDialer):
    """Dials through a SOCKS5 proxy (RFC 1928), without a password or with one (RFC 1929)."""

    def _encode(self, user: str, password: str) -> bytes:
        return b"\x01" + _counted(user, "the user") + _counted(password, "the password")

    async def _ask(self, opened: Stream, host: str, port: int) -> Stream:
        reader, writer = opened.reader, opened.writer
        writer.write(b"\x05\x02\x00\x02" if self._login else b"\x05\x01\x00")
        version, method = await reader.readexactly(2)
        if version != 5:
            raise DialError("tcp", "proxy", "the peer is not a SOCKS5 proxy")
        if method == 2 and self._login:
            writer.write(self._login)
            _, status = await reader.readexactly(2)
            if status != 0:
                raise DialError("tcp", "proxy", "the proxy refused the user or the password")
        elif method != 0:
            wanted = "another authentication" if self._login else "a user and a password, or another authentication"
            raise DialError("tcp", "proxy", f"the proxy requires {wanted}")
        writer.write(b"\x05\x01\x00" + _destination(host) + port.to_bytes(2, "big"))
        _, reply, _, kind = await reader.readexactly(4)
        if reply != 0:
            hop, cause, text = _REPLIES.get(reply, ("proxy", "proxy", f"error {reply}"))
            raise self._refusal(hop, cause, f"the proxy answered: {text}")
        # The address and port the proxy connects from are not used.
        length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        await reader.readexactly(length + 2)
        return opened


class HttpConnectDialer(ProxyDialer):
    """Dials through an HTTP proxy by CONNECT (RFC 9110, 9.3.6), with Basic authentication if there is a user."""

    def _encode(self, user: str, password: str) -> bytes:
        if ":" in user:
            raise ValueError("a user of HTTP has no colon in it")
        return b"Proxy-Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()) + b"\r\n"

    async def _ask(self, opened: Stream, host: str, port: int) -> Stream:
        to = authority(host, port)
        opened.writer.write(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n".encode() + self._login + b"\r\n")
        for _ in range(_MAX_INTERIM):
            status, reason = await _status(opened.reader)
            if status >= 200:
                break
        if not 200 <= status < 300:
            if self._login:  # the proxy's own words may repeat the credentials
                from http import HTTPStatus

                reason = next((known.phrase for known in HTTPStatus if known == status), "")
            hop: Hop = "server" if status in _GATEWAY else "proxy"
            text = f"the proxy answered: {status} {reason}".rstrip()
            raise self._refusal(hop, _GATEWAY.get(status, "proxy"), text)
        return opened


async def _status(reader: ByteReader) -> tuple[int, str]:
    """Read a response up to the end of its header, and no further; return its status code and reason."""
    opening = await reader.readexactly(5)
    if opening != b"HTTP/":
        raise DialError("tcp", "proxy", "the peer is not an HTTP proxy")
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise DialError("tcp", "proxy", "the proxy's answer does not end") from error
    found = re.match(rb"1\.\d (\d{3})(?: ([^\r\n]*))?\r\n", head)
    if found is None or len(head) > _MAX_HEAD:
        raise DialError("tcp", "proxy", "the proxy's answer is not valid HTTP")
    return int(found[1]), clip(printable((found[2] or b"").decode(errors="replace")))


def _ascii(host: str) -> str:
    """Return the name as it is sent, without anything that would end a line."""
    with suppress(UnicodeError):
        name = host if host.isascii() else host.encode("idna").decode()
        if len(name) <= _LONGEST and re.fullmatch(r"[!-~]+", name):
            return name
    raise DialError("dns", "dns", f"{printable(host)}: not a name")


def _destination(host: str) -> bytes:
    """Return the address type and the address, as SOCKS encodes them."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return b"\x03" + _counted(host, "the name")
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed


def _counted(text: str, what: str) -> bytes:
    encoded = text.encode()
    if not 0 < len(encoded) <= _LONGEST:
        raise ValueError(f"{what} has 1 to {_LONGEST} bytes")
    return bytes([len(encoded)]) + encoded
