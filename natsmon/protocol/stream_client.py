"""NATS on one open stream: the handshake, a read loop, and what it sends on its own.

nats-py parses what the server sends. Its client is not used: it does not decide when a connection has ended, gives no
reason, may wait for a peer that is frozen, and its queue of pending flushes holds up the read loop when a peer sends
many PINGs and reads nothing. Here every write is immediate.
"""

import asyncio
import math
import time
import traceback
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import msgspec
import nats.errors
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser

from natsmon.config.secret import redact
from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError, classify, described
from natsmon.dial.stream import Stream
from natsmon.protocol.jwt_claims import dated
from natsmon.protocol.server_errors import classify_server_error, error_text
from natsmon.protocol.server_info import Info, convert_info, parse_info, read_answer

_MAX_CONTROL_LINE = 256 * 1024
_MAX_MESSAGE = 72 * 1024 * 1024
"""Bytes; nats-server allows a payload of 64 MiB at most."""
_READ_SIZE = 64 * 1024
_SLICE = 4_000
"""Bytes parsed at once. With 4,096 or more, nats-py does not recognise data that is not NATS."""
_TURN = 0.002
"""Seconds of parsing after which other tasks of the loop run."""
_PONGS_UNSENT = 1_000
"""PONGs written since the socket last took everything; a peer that sends PINGs and reads nothing gets no more."""

_CLOSES_WITHIN = 1.0
"""Seconds in which a server closes a connection over a limit on subscriptions; a refused SUB leaves it open."""

SECRET_FIELDS = ("pass", "auth_token", "jwt", "sig")
"""Fields of CONNECT that are never shown."""

Receive = Callable[[bytes, bytes, bytes, bytes], None]
"""Called with subject, reply, headers and payload of a message."""


class Loss(NamedTuple):
    """Why a connection ended."""

    cause: str
    text: str


class StreamClient:
    """A NATS client on one stream: whatever ends the connection sets ``lost``, once."""

    def __init__(self, stream: Stream) -> None:
        self._reader = stream.reader
        self._writer = cast(asyncio.StreamWriter, stream.writer)
        self._transport = self._writer.transport
        self._parser = Parser(self)
        self._reading: asyncio.Task[None] | None = None
        self._stopped = False
        self.connect: dict[str, Any] = {}
        """CONNECT as it was sent, secrets included."""
        self.lost: asyncio.Future[Loss] = asyncio.get_running_loop().create_future()
        """Done when the connection has ended on its own; it never is after ``abort``."""
        self.last_read = time.monotonic()
        """``time.monotonic()`` of the last data from the server."""
        self.last_answer = self.last_read
        """``time.monotonic()`` of the last PONG, or delivered message; other data does not count."""
        self.last_write = 0.0
        """``time.monotonic()`` of the last command written."""
        self.first_ping = 0.0
        """``time.monotonic()`` of the first PING since ``last_answer``; an older time while there is none."""
        self.last_ping = 0.0
        """``time.monotonic()`` of the last PING."""
        self.mark = 0
        """Number of the last message written; the PONG of a PING written now shows that the server has it."""
        self.on_passed: Callable[[int], None] | None = None
        """Called with the mark of each PING that is answered: the server has all up to it."""
        self.on_answer: Callable[[], None] | None = None
        self.on_pong: Callable[[], None] | None = None
        self._unanswered: deque[tuple[int, Callable[[], None] | None]] = deque()
        """Mark and callback of each PING without a PONG, in order."""
        self._receivers: dict[int, Receive] = {}
        self._last_sid = 0
        self._pongs_unsent = 0
        self._limit_error = -math.inf, ""
        """``time.monotonic()`` and text of the last error about a limit on subscriptions."""

    async def handshake(self, connect: dict[str, Any], sent: Callable[[dict[str, Any]], None]) -> None:
        """Send CONNECT and PING as one packet, wait for PONG, and read from then on.

        ``sent`` is called with the fields of CONNECT when they are written. Raises DialError in the stage ``connect``,
        or OSError when the connection has ended.
        """
        self.connect = connect
        self._write(b"CONNECT " + msgspec.json.encode(connect) + b"\r\nPING\r\n")
        sent(connect)
        early: list[bytes] = []
        verb, text = await read_answer(self._reader, self._writer, early, until=(b"PONG", b"-ERR"))
        if verb == b"-ERR":
            raise DialError("connect", classify_server_error(text), text)
        if early:
            self.receive_info(parse_info(early[-1][4:])[0])
        self._reading = asyncio.get_running_loop().create_task(self._read_loop())

    def receive_info(self, info: Info) -> None:
        """A later INFO was received."""
        raise NotImplementedError

    def receive_error(self, text: str) -> None:
        """An error that leaves the connection open was received; its text may contain secrets."""
        raise NotImplementedError

    def lose(self, cause: str, text: str) -> None:
        """End the connection, also for a reason found on this side. Only the first reason counts."""
        if self.open:
            self.lost.set_result(Loss(cause, text))

    def abort(self) -> None:
        """Drop the connection at once; no task and no socket is left."""
        self._stopped = True
        if self._reading is not None:
            self._reading.cancel()
        self._unanswered.clear()
        self._receivers.clear()
        self.on_pong = self.on_passed = self.on_answer = None
        self._transport.abort()

    @property
    def open(self) -> bool:
        """Whether commands may be written."""
        return not self._stopped and not self.lost.done()

    @property
    def backlog(self) -> int:
        """Bytes written that the operating system has not taken yet."""
        return self._transport.get_write_buffer_size()

    def redact(self, text: str) -> str:
        """Server text, unless it contains a secret of ours."""
        return redact(text, (self.connect.get(name, "") for name in SECRET_FIELDS))

    # -- commands ---------------------------------------------------------------------------------

    def _write(self, commands: bytes) -> None:
        """Write whole protocol commands, unless the connection is gone; uvloop raises then, asyncio lets it pass."""
        if not self._stopped:
            self.last_write = time.monotonic()
            if not self._transport.is_closing():
                self._writer.write(commands)

    async def drained(self) -> None:
        """Wait until the operating system has taken most of what was written, or the connection is gone."""
        with suppress(OSError):
            await self._writer.drain()

    def ping(self, answered: Callable[[], None] | None = None) -> None:
        """Write PING; ``answered`` is called from the read loop, before anything that follows the PONG is parsed."""
        self._unanswered.append((self.mark, answered))
        self.last_ping = time.monotonic()
        if self.first_ping <= self.last_answer:
            self.first_ping = self.last_ping
        self._write(b"PING\r\n")

    def subscribe_with(self, subject: str, receive: Receive) -> int:
        """Write SUB; ``receive`` is called from the read loop with every message. Returns the subscription's number."""
        self._last_sid += 1
        self._receivers[self._last_sid] = receive
        self._write(b"SUB %b %d\r\n" % (subject.encode(), self._last_sid))
        return self._last_sid

    def unsubscribe(self, sid: int) -> None:
        """Write UNSUB; messages that are on their way are dropped."""
        if self._receivers.pop(sid, None) is not None:
            self._write(b"UNSUB %d\r\n" % sid)

    def unsubscribe_all(self) -> None:
        """Write UNSUB for every subscription; messages that are on their way are still received."""
        self._write(b"".join(b"UNSUB %d\r\n" % sid for sid in self._receivers))

    # -- what is read -----------------------------------------------------------------------------

    async def _read_loop(self) -> None:
        try:
            while not self._stopped:
                data = await self._reader.read(_READ_SIZE)
                if not data:
                    at, limit = self._limit_error
                    over_it = time.monotonic() - at < _CLOSES_WITHIN
                    self.lose(*((Cause.ACCOUNT_LIMIT, limit) if over_it else (Cause.EOF, "closed by the server")))
                    return
                self.last_read = time.monotonic()
                await self._parse(data)
        except DialError as error:  # a WebSocket is closed with a text of the server's
            self.lose(error.cause, self.redact(error.text))
        except OSError as error:
            self.lose(*classify(error))
        except nats.errors.ProtocolError as error:
            self.lose("protocol", str(error).removeprefix("nats: ") or "the server sent data that is not NATS")
        except Exception as error:
            if (place := _called_back(error)) is None:
                self.lose("protocol", f"the server sent data that is not valid ({type(error).__name__})")
            else:
                self.lose(Cause.UNKNOWN, self.redact(f"natsmon failed at {place}: {described(error)}"))

    async def _parse(self, data: bytes) -> None:
        """Parse in slices: buffered data is read without a turn of the loop, and a flood of it never ends."""
        parser, began = self._parser, time.perf_counter()
        for start in range(0, len(data), _SLICE):
            await parser.parse(data[start : start + _SLICE])
            if parser.needed > _MAX_MESSAGE or (
                parser.state == AWAITING_CONTROL_LINE and len(parser.buf) > _MAX_CONTROL_LINE
            ):
                raise nats.errors.ProtocolError("the server sent a line or a message without end")
            if time.perf_counter() - began > _TURN:
                await asyncio.sleep(0)
                began = time.perf_counter()

    def answer(self) -> None:
        """What was read just now is an answer: a PONG, or a message of our own."""
        self.last_answer = self.last_read
        if self.on_answer is not None:
            self.on_answer()

    # -- called by nats-py's parser ---------------------------------------------------------------

    async def _process_err(self, err_msg: str) -> None:
        # nats-py gives it in lower case; its parser still has the line. Subjects are case-sensitive.
        line = bytes(self._parser.buf[: self._parser.buf.find(b"\r\n")])
        raw = error_text(line)
        cause = classify_server_error(raw)
        text = self.redact(raw)
        if cause == "auth_expired":
            text = dated(self.connect, text)
        lower = raw.lower()
        if "permissions violation" not in lower and "maximum subscriptions exceeded" not in lower:
            self.lose(cause, text)
        else:
            if cause == Cause.ACCOUNT_LIMIT:
                self._limit_error = time.monotonic(), text
            self.receive_error(raw)

    async def _process_info(self, info: dict[str, Any]) -> None:
        await asyncio.sleep(0)  # it may be long
        self.receive_info(convert_info(info))
        await asyncio.sleep(0)

    async def _process_ping(self) -> None:
        if self.backlog == 0:
            self._pongs_unsent = 0
        if self._pongs_unsent < _PONGS_UNSENT:
            self._pongs_unsent += 1
            self._write(b"PONG\r\n")

    async def _process_pong(self) -> None:
        self.answer()
        if self.on_pong is not None:
            self.on_pong()
        if not self._unanswered:
            return
        mark, answered = self._unanswered.popleft()
        if self.on_passed is not None:
            self.on_passed(mark)
        if answered is not None:
            answered()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        # From the read loop itself: no queue, no task and no parsed headers between a message and its count.
        receive = self._receivers.get(sid)
        if receive is not None:
            receive(subject, reply, headers, data)


def _called_back(error: Exception) -> str | None:
    """File and line of an error in what the parser called; None for an error of the parser itself."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if not any(frame.f_code.co_name.startswith("_process_") for frame, _ in frames):
        return None
    frame, line = frames[-1]
    return f"{Path(frame.f_code.co_filename).name}:{line}"
