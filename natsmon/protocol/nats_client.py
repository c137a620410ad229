"""nats-py without its retry loop and its reactions to a loss: the one file with nats-py's private names.

nats-py speaks the protocol (CONNECT, PING and PONG, subscriptions, draining); what it must not do is decide when
a connection has ended, because it does not tell why, may stay in a state it never leaves, or wait for a peer
that is frozen. So the transport and the four places where nats-py would act on a loss are ours, and lead to
``LinkClient.lost``. When a connection is stale is decided by who sends its PINGs.
"""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import nats.aio.client
import nats.errors
from nats.aio.subscription import Subscription
from nats.aio.transport import Transport
from nats.protocol.parser import AWAITING_CONTROL_LINE

from natsmon.dial.causes import classify, classify_server_error
from natsmon.dial.errors import DialError
from natsmon.protocol.jwt_expiry import dated
from natsmon.protocol.server_info import Info, parse_info
from natsmon.protocol.stream_transport import StreamTransport

_MAX_CONTROL_LINE = 256 * 1024
_MAX_MESSAGE = 128 * 1024 * 1024
_READ_SIZE = 64 * 1024


class Loss(NamedTuple):
    """Why a connection ended."""

    cause: str
    text: str


class LinkClient(nats.aio.client.Client):
    """nats-py without its reactions to a loss: whatever ends the connection is told once, by ``lost``."""

    def __init__(self, transport: StreamTransport) -> None:
        super().__init__()
        self._transport = self._stream = transport
        self.lost: asyncio.Future[Loss] = asyncio.get_running_loop().create_future()
        self.last_read = time.monotonic()
        self.first_ping = 0.0
        """``time.monotonic()`` of the first PING since ``last_read``; before that while there is none."""
        self.on_read: Callable[[], None] | None = None
        self.on_pong: Callable[[], None] | None = None
        self._answered: dict[asyncio.Future[float], Callable[[], None]] = {}
        self.receivers: dict[int, Callable[[bytes, bytes], None]] = {}
        self.whole_receivers: dict[int, Callable[[bytes, bytes, bytes, bytes], None]] = {}
        self.on_info: Callable[[Info], None] | None = None
        self.on_error: Callable[[str], None] | None = None
        self.later_infos: list[Info] = []
        self.later_errors: list[str] = []

    def lose(self, cause: str, text: str) -> None:
        """The first reason counts; what follows from it does not."""
        if not self.lost.done() and not self.is_closed:
            self.lost.set_result(Loss(cause, text))

    def stop(self) -> None:
        """End everything nats-py has running, waiting for nothing."""
        self._status = self.CLOSED
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None:
                task.cancel()
        for pong in self._pongs:
            pong.cancel()
        self._pongs.clear()
        self._answered.clear()
        self.on_read = self.on_pong = None
        for subscription in self._subs.values():
            subscription._stop_processing()
        self._subs.clear()
        self._pending.clear()
        self._pending_data_size = 0

    async def listen(self, subject: str, receive: Callable[[bytes, bytes], None]) -> Subscription:
        """Pass every message on ``subject`` to ``receive(headers, payload)``, from the read loop itself.

        The SUB is on its way when this returns.
        """
        subscription = await self.subscribe(subject)
        self.receivers[subscription._id] = receive
        self.flush_now()
        return subscription

    async def listen_whole(self, subject: str, receive: Callable[[bytes, bytes, bytes, bytes], None]) -> Subscription:
        """The same to ``receive(subject, reply, headers, payload)``."""
        subscription = await self.subscribe(subject)
        self.whole_receivers[subscription._id] = receive
        self.flush_now()
        return subscription

    async def forget(self, subscription: Subscription) -> None:
        """Listen no more."""
        self.receivers.pop(subscription._id, None)
        self.whole_receivers.pop(subscription._id, None)
        await subscription.unsubscribe()

    def ping(self, answered: Callable[[], None] | None = None) -> "asyncio.Future[float]":
        """PING now; the future gets the ``time.perf_counter()`` of its PONG.

        ``answered`` is called from the read loop itself, before anything that follows the PONG is looked at.
        """
        pong: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._pongs.append(pong)
        if answered is not None:
            self._answered[pong] = answered
        if self.first_ping <= self.last_read:
            self.first_ping = time.monotonic()
        self._stream.write(b"PING\r\n")
        return pong

    async def hear_info(self, info: dict[str, Any]) -> None:
        """An INFO that came before the read loop began."""
        await self._process_info(info)

    def flush_now(self) -> None:
        """Write what nats-py holds back for its flusher, so that order on the wire is order in the program."""
        if self._pending:
            self._stream.writelines(self._pending)
            self._pending = []
            self._pending_data_size = 0

    async def _read_loop(self) -> None:
        # nats-py's own ends silently on what it does not expect, and goes on saying CONNECTED.
        try:
            while not self.is_closed:
                data = await self._stream.read(_READ_SIZE)
                if not data:
                    self.lose("eof", "closed by the server")
                    return
                self.last_read = time.monotonic()
                if self.on_read is not None:
                    self.on_read()
                await self._ps.parse(data)
                if self._ps.needed > _MAX_MESSAGE or (
                    self._ps.state == AWAITING_CONTROL_LINE and len(self._ps.buf) > _MAX_CONTROL_LINE
                ):
                    self.lose("protocol", "the server sent a line or a message without end")
                    return
        except DialError as error:  # a WebSocket is closed with words of the server's
            self.lose(error.cause, self._stream.redact(error.text))
        except OSError as error:
            self.lose(*classify(error))
        except nats.errors.ProtocolError as error:
            self.lose("protocol", str(error).removeprefix("nats: ") or "the server sent what is not NATS")
        except Exception as error:
            self.lose("protocol", f"the server sent what makes no sense ({type(error).__name__})")

    async def _ping_interval(self) -> None:
        """PINGs are sent by who counts them, which is not nats-py."""

    async def _process_op_err(self, e: Exception) -> None:
        self.lose(*classify(e))

    async def _process_err(self, err_msg: str) -> None:
        text = err_msg.strip("'")
        cause = classify_server_error(text)
        told, text = text, self._stream.redact(text)
        if cause == "auth_expired":
            text = dated(self._stream.our_connect, text)
        if "permissions violation" in told or "maximum subscriptions exceeded" in told:
            if self.on_error is None:
                self.later_errors.append(text)
            else:
                self.on_error(text)
        else:
            self.lose(cause, text)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection:
            return
        later, _ = parse_info(json.dumps(info).encode())
        if self.on_info is None:
            self.later_infos.append(later)
        else:
            self.on_info(later)

    async def _process_pong(self) -> None:
        # nats-py's own dies of a PONG that comes after its waiter has given up.
        if self.on_pong is not None:
            self.on_pong()
        if self._pongs:
            pong = self._pongs.pop(0)
            answered = self._answered.pop(pong, None)
            if not pong.done():
                pong.set_result(time.perf_counter())
            if answered is not None:
                answered()

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        # Straight from the read loop: no queue, no task and no parsed headers between a message and its count.
        receive = self.receivers.get(sid)
        if receive is not None:
            receive(headers, data)
        elif (receive_whole := self.whole_receivers.get(sid)) is not None:
            receive_whole(subject, reply, headers, data)
        else:
            await super()._process_msg(sid, subject, reply, data, headers)


class DialClient(nats.aio.client.Client):
    """nats-py with its own retry loop, over one transport that dials; see ``natsmon.library``."""

    def __init__(self) -> None:
        super().__init__()
        self._dialing = self.make_transport()
        self.initial = False
        """Whether the initial connect is under way."""
        self._cancels = 0
        """How often the connecting task had been cancelled before. A reconnecting task is new."""

    def make_transport(self) -> Transport:
        """Return the transport for the client's life."""
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

    async def _connect_to_server(self, s: nats.aio.client.Srv) -> None:
        self._transport = self._dialing
        await super()._connect_to_server(s)

    async def _process_connect_init(self) -> None:
        await super()._process_connect_init()
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
