"""Dialing through a proxy: SOCKS5 and HTTP CONNECT, each around a dialer that opens the way to the proxy.

The server's name goes to the proxy as it is, and is resolved there. What a proxy sends behind its answer belongs
to the server, which speaks first in NATS, and is left in the stream; that is why this is not a library's.
"""

import asyncio
import base64
import ipaddress
import re

from natsmon.dial.causes import DialError, classify
from natsmon.dial.deadline import until
from natsmon.dial.dialer import CustomDialer, Dialer, Stream
from natsmon.dial.trace import DialTrace
from natsmon.text.plain_text import printable

_MAX_HEAD = 16 * 1024
"""Bytes an HTTP answer may have before its body."""

_MAX_INTERIM = 10
"""Answers of the 1xx kind that may come before the one that counts."""

_LONGEST = 255
"""Bytes that SOCKS has room for in a name, a user or a password."""

_SHOWN = 120

_REPLIES = {
    1: "general SOCKS server failure",
    2: "connection not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}
"""RFC 1928, section 6."""


class _ProxyDialer:
    def __init__(
        self,
        proxy: tuple[str, int],
        *,
        user: str | None = None,
        password: str | None = None,
        dialer: CustomDialer | None = None,
    ) -> None:
        self._proxy = proxy
        self._dialer = Dialer() if dialer is None else dialer
        self._login = b"" if user is None else self._encode(user, password or "")

    async def dial(
        self, address: tuple[str, int], *, deadline: float | None = None, trace: DialTrace | None = None
    ) -> Stream:
        """The open stream to ``(host, port)`` through the proxy; ``trace`` is told the way to the proxy.

        ``deadline``, on the running loop's clock, covers both. Raises DialError in the stage ``tcp``, with the
        cause ``proxy`` where the proxy would not, or is none; user and password appear in no error.
        """
        host, port = _ascii(address[0]), address[1]
        stream = await self._dialer.dial(self._proxy, deadline=deadline, trace=trace)
        try:
            async with until(deadline):
                await self._ask(stream, host, port)
        except BaseException as error:
            stream.writer.transport.abort()
            if isinstance(error, DialError):
                raise
            if isinstance(error, TimeoutError):
                raise DialError("tcp", "timeout", "no answer from the proxy") from error
            if isinstance(error, EOFError):
                raise DialError("tcp", "proxy", "closed by the proxy") from error
            if isinstance(error, OSError):
                raise DialError("tcp", "proxy", f"the connection to the proxy: {classify(error)[1]}") from error
            raise
        return stream._replace(address=_authority(host, port))

    def _encode(self, user: str, password: str) -> bytes:
        raise NotImplementedError

    async def _ask(self, stream: Stream, host: str, port: int) -> None:
        raise NotImplementedError


class SocksDialer(_ProxyDialer):
    """Dials through a SOCKS5 proxy (RFC 1928) at ``(host, port)``, without a password or with one (RFC 1929).

    ``dialer`` opens the way to the proxy, and may be another proxy's.
    """

    def _encode(self, user: str, password: str) -> bytes:
        return b"\x01" + _counted(user, "the user") + _counted(password, "the password")

    async def _ask(self, stream: Stream, host: str, port: int) -> None:
        reader, writer, _ = stream
        writer.write(b"\x05\x02\x00\x02" if self._login else b"\x05\x01\x00")
        version, method = await reader.readexactly(2)
        if version != 5:
            raise DialError("tcp", "proxy", "what answers there is no SOCKS5 proxy")
        if method == 2 and self._login:
            writer.write(self._login)
            _, status = await reader.readexactly(2)
            if status != 0:
                raise DialError("tcp", "proxy", "the proxy refused the user or the password")
        elif method != 0:
            wanted = "another authentication" if self._login else "a user and a password, or another authentication"
            raise DialError("tcp", "proxy", f"the proxy wants {wanted}")
        writer.write(b"\x05\x01\x00" + _destination(host) + port.to_bytes(2, "big"))
        _, reply, _, kind = await reader.readexactly(4)
        if reply != 0:
            raise DialError("tcp", "proxy", f"the proxy answered: {_REPLIES.get(reply, f'error {reply}')}")
        # The address it dialed from, which nobody needs, and its port.
        length = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
        await reader.readexactly(length + 2)


class HttpConnectDialer(_ProxyDialer):
    """Dials through an HTTP proxy at ``(host, port)`` by CONNECT (RFC 9110, 9.3.6), with Basic authentication if any.

    ``dialer`` opens the way to the proxy, and may be another proxy's.
    """

    def _encode(self, user: str, password: str) -> bytes:
        if ":" in user:
            raise ValueError("a user of HTTP has no colon in it")
        return b"Proxy-Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()) + b"\r\n"

    async def _ask(self, stream: Stream, host: str, port: int) -> None:
        to = _authority(host, port)
        stream.writer.write(f"CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n".encode() + self._login + b"\r\n")
        for _ in range(_MAX_INTERIM):
            status, reason = await _status(stream.reader)
            if status >= 200:
                break
        if not 200 <= status < 300:
            said = _usual(status) if self._login else reason  # which may repeat what it was told
            raise DialError("tcp", "proxy", f"the proxy answered: {status} {said}".rstrip())


def _usual(status: int) -> str:
    """The words that belong to a status (RFC 9110, 15)."""
    from http import HTTPStatus

    return next((known.phrase for known in HTTPStatus if known == status), "")


async def _status(reader: asyncio.StreamReader) -> tuple[int, str]:
    """The status and its words, from an answer read up to the end of its header and no further."""
    opening = await reader.readexactly(5)
    if opening != b"HTTP/":
        raise DialError("tcp", "proxy", "what answers there is no HTTP proxy")
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError as error:
        raise DialError("tcp", "proxy", "the proxy's answer does not end") from error
    found = re.match(rb"1\.\d (\d{3})(?: ([^\r\n]*))?\r\n", head)
    if found is None or len(head) > _MAX_HEAD:
        raise DialError("tcp", "proxy", "the proxy's answer makes no sense")
    return int(found[1]), printable((found[2] or b"").decode(errors="replace")[:_SHOWN])


def _ascii(host: str) -> str:
    """The name as it goes over the wire, and nothing that would end a line there."""
    try:
        name = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError as error:
        raise DialError("dns", "dns", f"{printable(host)}: not a name") from error
    if not 0 < len(name) <= _LONGEST or not re.fullmatch(r"[!-~]+", name):
        raise DialError("dns", "dns", f"{printable(host)}: not a name")
    return name


def _authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _destination(host: str) -> bytes:
    """The address type and the address, as SOCKS has them."""
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
