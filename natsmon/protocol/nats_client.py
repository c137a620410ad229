"""nats-py without its retry loop and its reactions to a loss: the one file with nats-py's private names.

nats-py speaks the handshake and parses the protocol. It does not decide when a connection has ended: it gives no
reason, may stay in a state for ever, or wait for a peer that is frozen. Its queue of pending flushes is not used
either: the read loop would wait in it when a peer sends many PINGs and reads nothing. So the transport, every write
and every reaction to a loss are ours.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import nats.aio.client
import nats.errors
from nats.aio.transport import Transport
from nats.protocol.parser import AWAITING_CONTROL_LINE

from natsmon.dial.error_causes import classify
from natsmon.dial.errors import DialError
from natsmon.protocol.nats_py_versions import check_nats_py
from natsmon.protocol.server_errors import classify_server_error, error_text
from natsmon.protocol.server_info import Info, convert_info

if TYPE_CHECKING:
    from natsmon.protocol.stream_transport import StreamTransport

check_nats_py(nats.aio.client.Client)

_MAX_CONTROL_LINE = 256 * 1024
_MAX_MESSAGE = 72 * 1024 * 1024
"""Bytes; nats-server allows a payload of 64 MiB at most."""
_READ_SIZE = 64 * 1024
_SLICE = 4_000
"""Bytes parsed at once; below nats-py's 4,096, up to which it recognises what is not NATS."""
_TURN = 0.002
"""Seconds of parsing after which other tasks of the loop run."""
_PONGS_UNSENT = 1_000
"""PONGs written since the socket last took everything; a peer that sends PINGs and reads nothing gets no more."""
_ERRORS_KEPT = 100
"""Errors received before there is a callback for them."""

Receive = Callable[[bytes, bytes, bytes, bytes], None]
"""Called with subject, reply, headers and payload of a message."""


class Loss(NamedTuple):
    """Why a connection ended."""

    cause: str
    text: str


class StreamClient(nats.aio.client.Client):
    """nats-py without its reactions to a loss: whatever ends the connection sets ``lost``, once."""

    def __init__(self, transport: "StreamTransport") -> None:
        super().__init__()
        self._transport = self._stream = transport
        self.lost: asyncio.Future[Loss] = asyncio.get_running_loop().create_future()
        self.last_read = time.monotonic()
        self.last_answer = self.last_read
        """``time.monotonic()`` of the last PONG, or of the last message that was an answer."""
        self.last_write = 0.0
        """``time.monotonic()`` of the last command written."""
        self.first_ping = 0.0
        """``time.monotonic()`` of the first PING since ``last_answer``; an older time while there is none."""
        self.last_ping = 0.0
        self.mark = 0
        """Number of the last message written; the PONG of a PING written now shows that the server has it."""
        self.on_passed: Callable[[int], None] | None = None
        """Called with the mark of each PING that is answered."""
        self.on_answer: Callable[[], None] | None = None
        self.on_pong: Callable[[], None] | None = None
        self.on_info: Callable[[Info], None] | None = None
        self.on_error: Callable[[str], None] | None = None
        """Called with each error that leaves the connection open, as the server wrote it."""
        self.later_info: Info | None = None
        """The newest INFO that arrived before there was a callback for it."""
        self.later_errors: list[str] = []
        self._unanswered: deque[tuple[int, Callable[[], None] | None]] = deque()
        """Mark and callback of each PING without a PONG, in order."""
        self._receivers: dict[int, Receive] = {}
        self._last_sid = 0
        self._pongs_unsent = 0

    def lose(self, cause: str, text: str) -> None:
        """End the connection. The first reason counts; later ones follow from it."""
        if not self.lost.done() and not self.is_closed:
            self.lost.set_result(Loss(cause, text))

    def stop(self) -> None:
        """End every task of nats-py without waiting."""
        self._status = self.CLOSED
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None:
                task.cancel()
        self._unanswered.clear()
        self._receivers.clear()
        self.on_pong = self.on_passed = self.on_answer = None

    def write(self, commands: bytes) -> None:
        """Write whole protocol commands, unless the connection is gone."""
        if not self.is_closed:
            self.last_write = time.monotonic()
            self._stream.write(commands)

    def subscribe_with(self, subject: str, receive: Receive) -> int:
        """Write SUB; ``receive`` is called from the read loop with every message. Returns the subscription's number."""
        self._last_sid += 1
        self._receivers[self._last_sid] = receive
        self.write(b"SUB %b %d\r\n" % (subject.encode(), self._last_sid))
        return self._last_sid

    def unsubscribe(self, sid: int) -> None:
        """Write UNSUB; messages that are on their way are dropped."""
        if self._receivers.pop(sid, None) is not None:
            self.write(b"UNSUB %d\r\n" % sid)

    def unsubscribe_all(self) -> None:
        """Write UNSUB for every subscription; messages that are on their way are still received."""
        self.write(b"".join(b"UNSUB %d\r\n" % sid for sid in self._receivers))

    def ping(self, answered: Callable[[], None] | None = None) -> None:
        """Write PING; ``answered`` is called from the read loop, before anything that follows the PONG is parsed."""
        self._unanswered.append((self.mark, answered))
        self.last_ping = time.monotonic()
        if self.first_ping <= self.last_answer:
            self.first_ping = self.last_ping
        self.write(b"PING\r\n")

    async def _read_loop(self) -> None:
        # nats-py's own ends silently on what it does not expect, and its status stays CONNECTED.
        try:
            while not self.is_closed:
                data = await self._stream.read(_READ_SIZE)
                if not data:
                    self.lose("eof", "closed by the server")
                    return
                self.last_read = time.monotonic()
                await self._parse(data)
        except DialError as error:  # a WebSocket is closed with a text of the server's
            self.lose(error.cause, self._stream.redact(error.text))
        except OSError as error:
            self.lose(*classify(error))
        except nats.errors.ProtocolError as error:
            self.lose("protocol", str(error).removeprefix("nats: ") or "the server sent data that is not NATS")
        except Exception as error:
            self.lose("protocol", f"the server sent data that is not valid ({type(error).__name__})")

    async def _parse(self, data: bytes) -> None:
        """Parse in slices: buffered data is read without a turn of the loop, and a flood of it never ends."""
        began = time.perf_counter()
        for start in range(0, len(data), _SLICE):
            await self._ps.parse(data[start : start + _SLICE])
            if self._ps.needed > _MAX_MESSAGE or (
                self._ps.state == AWAITING_CONTROL_LINE and len(self._ps.buf) > _MAX_CONTROL_LINE
            ):
                raise nats.errors.ProtocolError("the server sent a line or a message without end")
            if time.perf_counter() - began > _TURN:
                await asyncio.sleep(0)
                began = time.perf_counter()

    async def _flusher(self) -> None:
        """Nothing is queued: every command is written at once."""

    async def _ping_interval(self) -> None:
        """PINGs are sent by the keepalive and the round trips."""

    async def _process_op_err(self, e: Exception) -> None:
        self.lose(*classify(e))

    def redact(self, text: str) -> str:
        """Server text, unless it contains a secret of ours."""
        return self._stream.redact(text)

    async def _process_err(self, err_msg: str) -> None:
        # nats-py gives it in lower case; its parser still has the line. Subjects are case-sensitive.
        line = bytes(self._ps.buf[: self._ps.buf.find(b"\r\n")])
        raw = error_text(line)
        cause = classify_server_error(raw)
        text = self.redact(raw)
        if cause == "auth_expired":
            from natsmon.protocol.jwt_claims import dated  # with msgspec, a tenth of what the library costs to import

            text = dated(self._stream.our_connect, text)
        lower = raw.lower()
        if "permissions violation" not in lower and "maximum subscriptions exceeded" not in lower:
            self.lose(cause, text)
        elif self.on_error is not None:
            self.on_error(raw)
        elif len(self.later_errors) < _ERRORS_KEPT:
            self.later_errors.append(raw)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection:
            return
        await asyncio.sleep(0)  # it may be long
        self.receive_info(convert_info(info))
        await asyncio.sleep(0)

    def receive_info(self, info: Info) -> None:
        """Pass a later INFO on, or keep it for the callback that comes."""
        if self.on_info is None:
            before = self.later_info
            self.later_info = info if before is None or not before.ldm else info._replace(ldm=True)
        else:
            self.on_info(info)

    async def _process_ping(self) -> None:
        if self._stream.backlog == 0:
            self._pongs_unsent = 0
        if self._pongs_unsent < _PONGS_UNSENT:
            self._pongs_unsent += 1
            self.write(b"PONG\r\n")

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

    def answer(self) -> None:
        """What was read just now is an answer: a PONG, or a message of our own."""
        self.last_answer = self.last_read
        if self.on_answer is not None:
            self.on_answer()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        # From the read loop itself: no queue, no task and no parsed headers between a message and its count.
        receive = self._receivers.get(sid)
        if receive is not None:
            receive(subject, reply, headers, data)


class DialClient(nats.aio.client.Client):
    """nats-py with its own retry loop, over one transport that dials; see ``natsmon.library``."""

    def __init__(self) -> None:
        super().__init__()
        self._transport = self._dialing = self.make_transport()
        self.initial = False
        """Whether the initial connect is under way."""
        self._cancels = 0
        """How often the connecting task had been cancelled before. A reconnecting task is new."""

    def make_transport(self) -> Transport:
        """Return the transport for the client's life."""
        raise NotImplementedError

    def timed_out(self) -> DialError:
        """Return the error for a timeout of nats-py's in the handshake."""
        raise NotImplementedError

    async def connect(self, *args: Any, **options: Any) -> None:
        task = asyncio.current_task()
        self._cancels = task.cancelling() if task else 0
        self.initial = True
        try:
            await super().connect(*args, **options)
        finally:
            self.initial = False
            self._cancels = 0

    async def _process_connect_init(self) -> None:
        try:
            await super()._process_connect_init()
        except TimeoutError as error:
            if isinstance(error, DialError):
                raise
            raise self.timed_out() from error
        if self.given_up():
            await self._undo_connect()
            raise asyncio.CancelledError

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        await super()._process_info(info, initial_connection)
        # nats-py discovers only nats:// and tls://, but a server advertises its WebSocket addresses over WebSocket.
        if self._current_server is not None and self._current_server.uri.scheme in ("ws", "wss"):
            for server in self._server_pool:
                if server.discovered:
                    server.uri = server.uri._replace(scheme=self._current_server.uri.scheme)

    async def _undo_connect(self) -> None:
        self._status = self.CLOSED
        for begun in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if begun is not None:
                begun.cancel()
        self._dialing.close()  # type: ignore[no-untyped-call]
        await self._dialing.wait_closed()  # type: ignore[no-untyped-call]

    def given_up(self) -> bool:
        """Return whether the running dial was cancelled, or the client closed, without nats-py noticing.

        Python 3.11's wait_for, with which nats-py waits, loses a cancel that arrives together with the result.
        """
        task = asyncio.current_task()
        return task is not None and task.cancelling() > self._cancels
