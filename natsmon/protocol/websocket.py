"""WebSocket on a dialed stream: the upgrade, then NATS in binary frames.

A layer between a transport and a stream's reader and writer, as asyncio's TLS is: received frames are unpacked as they
arrive, and every write is one frame. It has no task and buffers one incomplete frame at most, so that back-pressure, a
cancel and an abort reach the socket as without it. It uses the part of the package websockets that does no I/O (extra
``ws``).
"""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from websockets.client import ClientProtocol
from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from natsmon.dial.arguments import check
from natsmon.dial.causes import Cause
from natsmon.dial.deadline import within
from natsmon.dial.errors import DialError
from natsmon.dial.socket_stream import CompleteProtocol
from natsmon.dial.stream import STREAM_LIMIT, SocketStream, Stream
from natsmon.protocol.server_errors import classify_close_reason
from natsmon.protocol.server_info import HandshakeError, begins_tls, rest_of_greeting
from natsmon.text.plain_text import clip, excerpt, printable

_LARGEST_FRAME = 128 * 1024 * 1024
"""Bytes. A server sends all it has for a client in one frame: 64 MiB at most by default."""

_MOST_OWED = 64 * 1024
"""Bytes waiting to be sent, above which PINGs are not answered: the peer does not read."""

_SILENT = logging.Logger("websockets", logging.CRITICAL)
"""In the place of the package's logger, which writes headers and CONNECT, with the credentials in them, at DEBUG."""

_PAYLOAD = (Opcode.BINARY, Opcode.CONT, Opcode.TEXT)


async def upgrade(opened: Stream, url: str, headers: Mapping[str, str | Sequence[str]] | None = None) -> SocketStream:
    """Upgrade a stream to a WebSocket; the caller limits the time. Raises DialError in the stage ``info``.

    Args:
        opened: A stream over an asyncio transport, not to be used afterwards.
        url: Its host, path and query are sent.
        headers: Additional header fields of the request.
    """
    stream = cast(SocketStream, opened)
    if not hasattr(stream.writer.transport, "set_protocol"):
        raise DialError("info", "ws_bad", "WebSocket is not possible on this stream: it has no asyncio transport")
    frames = ClientProtocol(parse_uri(url), max_size=_LARGEST_FRAME, logger=_SILENT)
    request = frames.connect()
    for name, value in header_fields(headers):
        request.headers[name] = value
    frames.send_request(request)
    stream.writer.write(b"".join(frames.data_to_send()))
    frames.receive_data(await _read_answer(stream.reader, url))
    if frames.handshake_exc is not None:
        why = clip(printable(str(frames.handshake_exc)))
        raise HandshakeError("info", "ws_bad", f"the answer to the WebSocket upgrade is invalid: {why}")
    frames.events_received()
    framing = _Framing(frames, stream.writer.transport)
    transport = _Transport(stream.writer, frames)
    framing.connection_made(transport)
    stream.writer.transport.set_protocol(framing)
    await _hand_over(stream.reader, framing)
    writer = asyncio.StreamWriter(transport, framing, framing.reader, asyncio.get_running_loop())
    return SocketStream(framing.reader, writer, stream.address)


def header_fields(headers: Mapping[str, str | Sequence[str]] | None) -> list[tuple[str, str]]:
    """Return the fields in order. Raises TypeError or ValueError for one that cannot be sent, without its value."""
    check("headers", headers, "a mapping of names to values", (Mapping, type(None)))
    fields = []
    for name, values in (headers or {}).items():
        check("the name of a header", name, "a token", str, re.compile(r"[!#-'*+.^-z|~\w-]+", re.ASCII).fullmatch)
        check(f"the value of the header {name}", values, "a string, or a sequence of strings", (str, Sequence))
        for value in [values] if isinstance(values, str) else values:
            check(f"the value of the header {name}", value, "a string", str)
            if "\r" in value or "\n" in value:
                raise ValueError(f"the value of the header {name} has a line end in it")
            fields.append((name, value))
    return fields


async def _hand_over(reader: asyncio.StreamReader, framing: "_Framing") -> None:
    """Pass on the bytes behind the upgrade's answer, which the old reader has received."""
    try:
        async with within(0):
            while rest := await reader.read(STREAM_LIMIT):
                framing.data_received(rest)
    except TimeoutError:
        return
    framing.eof_received()


class _Framing(CompleteProtocol):
    """Unpacks received frames; answers PING and close frames."""

    def __init__(self, frames: ClientProtocol, below: asyncio.WriteTransport) -> None:
        super().__init__()
        self._frames = frames
        self._socket = below

    def data_received(self, data: bytes) -> None:
        if self.reader.exception() is not None:
            return
        self._frames.receive_data(data)
        events = self._frames.events_received()
        payload = b"".join([e.data for e in events if isinstance(e, Frame) and e.opcode in _PAYLOAD])
        if (answer := b"".join(self._frames.data_to_send())) and self._socket.get_write_buffer_size() <= _MOST_OWED:
            self._socket.write(answer)
        if payload:
            super().data_received(payload)
        if (ending := _ending(self._frames)) is not None:
            self.reader.set_exception(ending)


def _ending(frames: ClientProtocol) -> DialError | None:
    """Why the WebSocket ended, with the server's text where it sent one; None while it is open."""
    close = frames.close_rcvd
    if close is not None:
        known = classify_close_reason(close.reason)
        # The codes mean little: 1008 is any refusal, 1005 is no code.
        why = f": {printable(close.reason)} ({close.code:d})" if close.reason else f" ({close.code:d})"
        return HandshakeError(
            "info", "ws_closed" if known == "unknown" else known, f"the server closed the WebSocket{why}"
        )
    if frames.parser_exc is not None:
        why = clip(printable(str(frames.parser_exc)))
        return HandshakeError("info", "ws_bad", f"received data is not a WebSocket frame: {why}")
    return None


_PASSED_ON = ("abort", "is_closing", "get_protocol", "get_extra_info", "get_write_buffer_size", "pause_reading")


class _Transport(asyncio.Transport):
    """Writes frames; everything else is the transport below."""

    def __init__(self, below: asyncio.StreamWriter, frames: ClientProtocol) -> None:
        super().__init__()
        self._owner = below  # a StreamWriter without a reference closes its transport
        self._below: Any = below.transport
        self._frames = frames
        for name in _PASSED_ON:
            setattr(self, name, getattr(self._below, name))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and self._open:  # otherwise the reader raises the reason
            self._frames.send_binary(bytes(data))
            self._send()

    def close(self) -> None:
        if self._open:
            self._frames.send_close(CloseCode.NORMAL_CLOSURE)
            self._send()
        self._below.close()

    @property
    def _open(self) -> bool:
        # uvloop's transports raise another error than OSError after their end.
        return self._frames.state is State.OPEN and not self._below.is_closing()

    def _send(self) -> None:
        self._below.write(b"".join(self._frames.data_to_send()))

    def can_write_eof(self) -> bool:
        return False

    def resume_reading(self) -> None:
        if not self._below.is_closing():
            self._below.resume_reading()


# -- the peer's answer to the upgrade: accepted, or the cause of its refusal ---------------------------


async def _read_answer(reader: asyncio.StreamReader, url: str) -> bytes:
    """Read the answer to the upgrade up to the end of its header. Raises DialError unless it accepts."""
    try:
        opening = await reader.readexactly(5)
        if opening != b"HTTP/":
            raise await _not_http(opening, reader)
        head = opening + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise DialError("info", "eof", "closed during the WebSocket upgrade") from error
    except asyncio.LimitOverrunError as error:
        raise HandshakeError("info", "ws_bad", "the answer to the WebSocket upgrade does not end") from error
    found = re.match(rb"HTTP/1\.\d (\d{3})(?: ([^\r\n]*))?\r\n", head)
    if found is None:
        raise HandshakeError("info", "ws_bad", f"the answer to the WebSocket upgrade is invalid: {excerpt(head)}")
    if found[1] != b"101":
        raise _refused(int(found[1]), found[2] or b"", head, await rest_of_greeting(reader), url)
    return head


_BY_STATUS = {
    **dict.fromkeys((301, 302, 303, 307, 308), Cause.WS_REDIRECT),
    **dict.fromkeys((401, 407), Cause.WS_CREDENTIALS),
    **dict.fromkeys((404, 410), Cause.WS_PATH),
    **dict.fromkeys((502, 503, 504), Cause.WS_NO_SERVER),
    **dict.fromkeys(range(520, 528), Cause.WS_NO_SERVER),  # Cloudflare's
    403: Cause.WS_ORIGIN,
    429: Cause.WS_BUSY,
}
"""Causes by status code (RFC 9110, 15)."""
_DETAIL = {
    Cause.WS_CREDENTIALS: rb"(?:www|proxy)-authenticate",
    Cause.WS_BUSY: rb"retry-after",
    Cause.WS_NO_SERVER: rb"retry-after",
}
"""The header with a detail, by cause."""


def _refused(status: int, phrase: bytes, head: bytes, body: bytes, url: str) -> DialError:
    words = clip(printable(f"{status} {phrase.decode(errors='replace')}".strip()))
    text = f"the peer answered the WebSocket upgrade with {words}"
    if status == 400 and b"https" in body.lower():  # in the text of Go, and of nginx
        return HandshakeError("info", Cause.WS_TLS, f"{text}: it requires TLS")
    if b"/varz" in body:
        return HandshakeError("info", Cause.MONITORING_PORT, f"{text}, as the monitoring port of a NATS server does")
    cause = _BY_STATUS.get(status, Cause.WS_UPGRADE)
    if cause is Cause.WS_REDIRECT:
        location = _header(head, rb"location").partition(": ")[2]
        if not location:
            return HandshakeError("info", Cause.WS_UPGRADE, f"{text}: a redirect that names no address")
        # User, password and query of ours are credentials, and many servers repeat the query.
        ours = urlsplit(url)
        if ours.query:
            location = location.replace(ours.query, "…")
        ours = ours._replace(netloc=ours.netloc.rpartition("@")[2])
        there = urlsplit(urljoin(ours.geturl(), location))
        # Another path is mostly a login page.
        use = ""
        if there.path.rstrip("/") == ours.path.rstrip("/"):
            scheme = {"http": "ws", "https": "wss"}.get(there.scheme, there.scheme)
            use = f"; use {there._replace(scheme=scheme).geturl()}"
        return HandshakeError("info", cause, f"{text}: it redirects to {location}{use}")
    if (name := _DETAIL.get(cause)) and (detail := _header(head, name)):
        text += f", {detail}"
    return HandshakeError("info", cause, text)


def _header(head: bytes, name: bytes) -> str:
    """A header with its name, safe to print; empty without it."""
    found = re.search(rb"\r\n(" + name + rb"): *([^\r\n]*)", head, re.IGNORECASE)
    if found is None:
        return ""
    return f"{found[1].decode()}: {clip(printable(found[2].decode(errors='replace').strip()))}"


async def _not_http(opening: bytes, reader: asyncio.StreamReader) -> DialError:
    if opening.upper() in (b"INFO ", b"INFO\t"):
        return HandshakeError("info", "ws_nats_port", "the server sent INFO instead of the answer to the upgrade")
    if begins_tls(opening):
        return HandshakeError("info", "ws_tls", "the peer answered the WebSocket upgrade in TLS")
    sent = excerpt(opening + await rest_of_greeting(reader))
    return HandshakeError("info", "ws_bad", f"the peer does not speak HTTP: it sent {sent}")
