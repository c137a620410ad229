"""Publisher: sends numbered messages as scheduled, or as fast as they are delivered.

Messages that cannot be sent while there is no connection are buffered here and sent after the reconnect, in order;
nats-py may lose what it buffers itself.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from natsmon.config.settings import MAX_RATE, Settings
from natsmon.probe.messages.deliveries import TALLY_EVERY, Deliveries
from natsmon.probe.messages.schedule import Schedule
from natsmon.probe.messages.verifier import Verifier
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

WINDOW = 16_384
"""Messages in flight at full speed: enough to fill the pipe, few enough to be counted at once."""

_BURST = 256
_FIRST_AFTER = 0.1
"""Seconds until the first message: a server that is there has answered by then."""
_BACKLOG = 1024 * 1024
"""Bytes that the operating system has not taken; beyond them messages wait in our buffer instead."""
_LOOK_AGAIN = 0.001
"""Seconds until the sender looks again for room."""


class Publisher:
    """Publishes on one connection, while it has a connection; buffers otherwise."""

    def __init__(self, settings: Settings, verifier: Verifier, deliveries: Deliveries, emit: Emit) -> None:
        self._settings = settings
        self._verifier = verifier
        self._deliveries = deliveries
        self._emit = emit
        self._ledger = deliveries.ledger
        self._message = verifier.message
        self._buffer: deque[tuple[int, float, int]] = deque()
        """Reconnect buffer, in order: number, when it was due, bytes on the wire."""
        self._full_speed = settings.interval == MAX_RATE
        self._schedule = Schedule(settings.interval or 1.0, emit.now, self._publish_due)
        self._burst = max(1, min(_BURST, _BACKLOG // self._message.wire_size(1)))
        self._sender: asyncio.Task[None] | None = None
        self._connection: ServerConnection | None = None
        self._suspended = True
        self._refusing = False
        """The server would refuse messages, which has been emitted."""
        self.paused = False
        self.done = asyncio.Event()
        """``--count`` messages have been published or rejected."""
        verifier.on_window_open = self._send

    # -- in step with the connection --------------------------------------------------------------

    def connection_up(self, connection: ServerConnection) -> None:
        """Send what is buffered, then go on as scheduled."""
        self._connection = connection
        self._refusing = False
        self._send()

    def connection_down(self) -> None:
        """Buffer until the next connection."""
        self._connection = None
        self._stop_sender()

    def suspend(self) -> None:
        """Publish nothing: the connection is being closed."""
        self._suspended = True
        self._schedule.stop()
        self._stop_sender()

    def resume(self) -> None:
        self._suspended = False
        self._start(min(self._settings.interval, _FIRST_AFTER))

    def pause(self) -> None:
        """Publish nothing new; what is buffered is sent."""
        self.paused = True
        self._schedule.stop()
        self._emit(ev.Paused())

    def unpause(self) -> None:
        """Publish again from now on; what a pause left out is not made up for."""
        self.paused = False
        self._start(0.0)
        self._emit(ev.Resumed())

    def publish_one(self) -> bool:
        """Publish one message now. False when there is, and will be, no connection for it."""
        if not self._suspended:
            self._publish(self._emit.now())
        return not self._suspended

    def _start(self, after: float) -> None:
        if self._suspended or self.paused or self.done.is_set() or self._settings.observe:
            return
        if self._full_speed:
            self._send()
        else:
            self._schedule.start(after)

    # -- what is buffered, and full speed ---------------------------------------------------------

    def _send(self) -> None:
        """Run the sender while there is something for it to do."""
        wanted = bool(self._buffer) or self._publishes_at_full_speed
        idle = self._sender is None or self._sender.done()
        if wanted and idle and self._connection is not None and not self._suspended:
            self._sender = asyncio.get_running_loop().create_task(self._run_sender(self._connection))

    def _stop_sender(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None

    async def _run_sender(self, connection: ServerConnection) -> None:
        """Send in slices that let other tasks run, as fast as the connection takes them."""
        while connection.open and (self._buffer or self._publishes_at_full_speed):
            room = min(self._burst, self._verifier.room)
            if not self._buffer:
                room = min(room, WINDOW - self._ledger.flying)
            if room <= 0 and self._buffer and not self._full_speed:
                return  # the verifier calls when there is room
            if room <= 0 or connection.backlog > _BACKLOG:
                await connection.drained()
                await asyncio.sleep(_LOOK_AGAIN if room <= 0 else 0)
                continue
            sent = self._send_buffered(connection, room) if self._buffer else self._send_new(connection, room)
            # What the server would refuse is not offered at full speed.
            await asyncio.sleep(0 if sent else TALLY_EVERY)

    @property
    def _publishes_at_full_speed(self) -> bool:
        return self._full_speed and not (self.paused or self.done.is_set() or self._settings.observe)

    def _send_buffered(self, connection: ServerConnection, room: int) -> bool:
        waiting = [self._buffer.popleft() for _ in range(min(room, len(self._buffer)))]
        for _, _, size in waiting:  # as it was buffered: a stream may name the subject meanwhile
            self._ledger.unbuffer(size)
        self._send_all(connection, ((seq, due, self._is_refused(connection, seq)) for seq, due, _ in waiting))
        return True

    def _send_new(self, connection: ServerConnection, room: int) -> bool:
        """Send as many new messages as ``--count`` allows; False when the server would refuse them."""
        now, ledger = self._emit.now(), self._ledger
        many = self._limited(room)
        refused = self._is_refused(connection, ledger.attempted + many)
        self._send_all(connection, ((ledger.attempt(), now, refused) for _ in range(many)))
        return not refused

    def _send_all(self, connection: ServerConnection, messages: Iterable[tuple[int, float, bool]]) -> None:
        """Send messages, or reject those that the server would refuse: number, when it was due, would be refused."""
        written = []
        for seq, due, refused in messages:
            if refused:
                self._ledger.reject()
            else:
                self._count_sent(seq, due)
                written.append(self._message.compose(seq))
        if written:
            connection.write(b"".join(written))
        self._deliveries.changed()
        self._check_done()

    def _limited(self, wanted: int) -> int:
        count = self._settings.count
        return wanted if count is None else min(wanted, count - self._ledger.attempted)

    def _check_done(self) -> None:
        count = self._settings.count
        if count is not None and self._ledger.attempted >= count and not self._buffer:
            self.done.set()
            self._schedule.stop()

    # -- one message ------------------------------------------------------------------------------

    def _publish_due(self, due: float) -> bool:
        if self._limited(1) <= 0:
            return False  # nothing is left to number, only the buffer to send
        self._publish(due)
        return True

    def _publish(self, due: float) -> None:
        ledger, connection = self._ledger, self._connection
        seq = ledger.attempt()
        outcome: ev.PublishOutcome
        reason = ""
        if connection is not None and self._is_refused(connection, seq):
            outcome, reason = "rejected", "refused"
            ledger.reject()
        elif connection is not None and not self._buffer and self._has_room(connection):
            outcome = "sent"
            self._count_sent(seq, due)
            connection.write(self._message.compose(seq))
        elif self._keep(seq, due):
            outcome = "buffered"
            self._send()
        else:
            outcome, reason = "rejected", "full"
            ledger.reject()
        self._deliveries.published(seq, outcome, reason)
        self._check_done()

    def _keep(self, seq: int, due: float) -> bool:
        """Buffer a message; False when the buffer is full, in bytes on the wire (nats.go's ``ReconnectBufSize``)."""
        size = self._message.wire_size(seq)
        if self._ledger.buffered_bytes + size > self._settings.reconnect_buffer:
            return False
        self._ledger.buffer(size)
        self._buffer.append((seq, due, size))
        return True

    def _count_sent(self, seq: int, due: float) -> None:
        self._deliveries.sent(seq, due, self._message.size)
        self._verifier.sent(seq)

    def _has_room(self, connection: ServerConnection) -> bool:
        return connection.open and connection.backlog <= _BACKLOG and self._verifier.room > 0

    def _is_refused(self, connection: ServerConnection, seq: int) -> bool:
        """Whether the server would end the connection over a message like this one; emitted when it begins."""
        reason = self._message.refusal(connection.info, seq)
        if reason and not self._refusing:
            self._emit(ev.AsyncError(text=reason))
        self._refusing = bool(reason)
        return self._refusing
