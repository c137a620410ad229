"""One stream that was dialed, as nats-py's transport; ``transport.py`` has one that dials."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any, cast
from urllib.parse import ParseResult

import msgspec
import nats.aio.transport
import nats.errors

from natsmon.config.secret import redact
from natsmon.dial.error_causes import classify
from natsmon.dial.errors import DialError
from natsmon.dial.stream import Stream
from natsmon.protocol.server_errors import classify_server_error
from natsmon.protocol.server_info import Info, parse_info, read_answer

SECRET_FIELDS = ("pass", "auth_token", "jwt", "sig")
"""Fields of CONNECT that are never shown."""


def _notice_cancel() -> None:
    """Python 3.11's wait_for, with which nats-py waits, loses a cancel that comes together with the result."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def send(writer: asyncio.StreamWriter, payload: bytes) -> None:
    """Write, unless the connection is gone already; uvloop raises then, asyncio lets it pass."""
    if not writer.transport.is_closing():
        writer.write(payload)


class StreamTransport(nats.aio.transport.Transport):
    """A dialed stream as nats-py's transport: it is connected from the start, and closing it never waits.

    Until PONG it passes on only the lines of the handshake: with others, nats-py returns a client that is not
    connected, or ends it without an error.
    """

    def __init__(
        self,
        stream: Stream,
        info_line: bytes,
        credentials: dict[str, str],
        connect_sent: Callable[[dict[str, Any]], None],
    ) -> None:
        self._reader = stream.reader
        self._writer = cast(asyncio.StreamWriter, stream.writer)
        self._info_line: bytes | None = info_line
        self._credentials = credentials
        self._connect_sent = connect_sent
        self._held = b""
        self.our_connect: dict[str, Any] = {}
        """CONNECT as it is sent together with PING, secrets included; empty until then."""
        self.refused: DialError | None = None
        """Why the server refused the client after CONNECT."""
        self.early_info: Info | None = None
        """The newest INFO that came before PONG."""

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """The stream is open already."""

    async def connect_tls(self, *args: Any, **kwargs: Any) -> None:
        """The stream is under TLS already, where it should be."""

    async def readline(self) -> bytes:
        if self._info_line is not None:
            line, self._info_line = self._info_line, None
            return line
        early: list[bytes] = []
        try:
            verb, text = await read_answer(self._reader, self._writer, early, until=(b"PONG", b"-ERR"))
            if early:
                self.early_info, _ = parse_info(early[-1][4:])
        except DialError as error:
            raise self._refuse(error.cause, self.redact(error.text)) from error
        except OSError as error:
            raise self._refuse(*classify(error)) from error
        if verb == b"-ERR":
            raise self._refuse(classify_server_error(text), self.redact(text))
        return b"PONG\r\n"

    def _refuse(self, cause: str, text: str) -> DialError:
        self.refused = DialError("connect", cause, text)
        return self.refused

    async def read(self, buffer_size: int) -> bytes:
        return await self._reader.read(buffer_size)

    def write(self, payload: bytes) -> None:
        if payload.startswith(b"CONNECT "):
            _notice_cancel()
            # The credentials are ours: nats-py leaves out some of several.
            self.our_connect = msgspec.json.decode(payload[8:]) | self._credentials
            self._held = b"CONNECT " + msgspec.json.encode(self.our_connect) + b"\r\n"  # one packet with PING
        elif self._held:
            send(self._writer, self._held + payload)
            self._held = b""
            self._connect_sent(self.our_connect)
        else:
            send(self._writer, payload)

    def redact(self, text: str) -> str:
        """Server text, unless it contains a secret of ours."""
        return redact(text, (self.our_connect.get(name, "") for name in SECRET_FIELDS))

    @property
    def backlog(self) -> int:
        """Bytes written that the operating system has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def writelines(self, payload: list[bytes]) -> None:
        send(self._writer, b"".join(payload))

    async def drain(self) -> None:
        with suppress(OSError):  # the reader has what arrived before, and then the reason
            await self._writer.drain()

    def close(self) -> None:
        """The ServerConnection closes the stream, gently or not."""

    async def wait_closed(self) -> None:
        pass

    def at_eof(self) -> bool:
        return self._reader.at_eof()

    def __bool__(self) -> bool:
        # nats-py replaces a transport that is false.
        return True
