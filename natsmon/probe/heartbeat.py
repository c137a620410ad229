"""Numbered messages and what became of each one: published on a schedule, heard again by our own subscription.

Subject and payload stay as the user gave them; the number travels in a header. What cannot be sent while
there is no connection is buffered here, within bounds, and sent after the reconnect; nats-py may lose what
it buffers itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from natsmon import events as ev
from natsmon.probe.attempt import Clock, Emit
from natsmon.probe.ledger import Cut, Ledger
from natsmon.probe.link import Link
from natsmon.settings import MAX_RATE, Settings

TOLD_SINGLY_BELOW = 50.0
"""Messages a second; above that the tally alone tells."""

TALLY_EVERY = 0.1
WINDOW = 16_384
"""Messages in flight at full speed: enough to fill the pipe, few enough to be counted at once."""

_BURST = 256
_CATCH_UP = 0.1
"""Seconds of schedule that are made up for after the loop was late; what is older is left out."""

_FIRST_AFTER = 0.1
_TIMELY = 0.01
"""Seconds after it was due within which a message is on time."""

_DIGITS = 18
"""Of a sequence number at most: anybody may write one into a header."""

_BACKLOG = 1024 * 1024
"""Bytes the operating system may owe us before messages wait in our buffer instead."""


class Heartbeat:
    """Publishes, listens and counts. ``on_echo`` is told the sequence number of every echo."""

    def __init__(self, settings: Settings, session: str, emit: Emit, clock: Clock) -> None:
        self._settings = settings
        self._emit = emit
        self._clock = clock
        self.ledger = Ledger()
        self.paused = False
        self.done = asyncio.Event()
        """``--count`` messages have been published, or rejected."""
        self.cut = Cut(0, 0)
        """The last end of a connection."""
        self._suspended = True
        self._link: Link | None = None
        self._buffer: deque[tuple[int, float]] = deque()
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._racer: asyncio.Task[None] | None = None
        self._tally_timer: asyncio.TimerHandle | None = None
        self._told_singly = settings.interval > 1.0 / TOLD_SINGLY_BELOW
        self._header = b"NATS/1.0\r\nNatsmon-Session: %b\r\nNatsmon-Seq: " % session.encode()
        self._tail = b"\r\n\r\n" + settings.payload + b"\r\n"
        self._starts: dict[int, bytes] = {}
        self._burst = max(1, min(_BURST, _BACKLOG // len(self._tail)))
        self._complained = False
        self.on_echo: Callable[[int], None] | None = None

    # -- in step with the connection --------------------------------------------------------------

    async def link_up(self, link: Link) -> None:
        """Listen first, then send what was buffered, then go on."""
        await link.subscribe(self._settings.subject, self._receive)
        self._link = link
        self._flush()
        if self._settings.interval == MAX_RATE:
            self._race()

    def link_down(self) -> None:
        self._link = None
        self.cut = self.ledger.cut()
        self._changed()

    def suspend(self) -> None:
        self._suspended = True
        self._stop()

    def resume(self) -> None:
        self._suspended = False
        # A server that is there has answered by then, and its first message need not wait in a buffer.
        self._start(min(self._settings.interval, _FIRST_AFTER))

    def pause(self) -> bool:
        """False when it is paused already."""
        if self.paused:
            return False
        self.paused = True
        self._stop()
        return True

    def unpause(self) -> bool:
        """Publish again from now on: what a pause left out is not made up for. False when it was not paused."""
        if not self.paused:
            return False
        self.paused = False
        if not self._suspended:
            self._start()
        return True

    def publish_one(self) -> bool:
        """One message now, whatever the schedule says. False when there is, and will be, no connection for it."""
        if not self._suspended:
            self._publish(self._clock())
        return not self._suspended

    def close(self) -> None:
        """Nothing is scheduled any more; the last tally is told."""
        self.suspend()
        if self._tally_timer is not None:
            self._tally_timer.cancel()
        self._tell_tally()

    # -- the schedule -----------------------------------------------------------------------------

    def _start(self, after: float = 0.0) -> None:
        if self.paused or self.done.is_set():
            return
        if self._settings.interval == MAX_RATE:
            self._race()
        elif self._timer is None:
            self._due = self._loop.time() + after
            self._timer = self._loop.call_at(self._due, self._tick)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._racer is not None:
            self._racer.cancel()
            self._racer = None

    def _tick(self) -> None:
        """Publish what is due. The schedule is a grid in time: being late once moves no later message."""
        interval = self._settings.interval
        now = self._loop.time()
        oldest = now - max(interval, _CATCH_UP)
        if self._due < oldest:
            self._due += interval * int((now - self._due) / interval)
        offset = now - self._clock()
        self._flush()
        while self._due <= now and self._limited(1) > 0:
            # A message that is late counts from when it was due; a timer's own grain is no lateness.
            self._publish(self._due - offset if now - self._due > _TIMELY else self._clock())
            self._due += interval
        if self._limited(1) <= 0:  # nothing is left to number, only the buffer to send
            self._due = now + max(interval, _CATCH_UP)
        self._timer = None if self.done.is_set() else self._loop.call_at(self._due, self._tick)

    def _race(self) -> None:
        ready = self._link is not None and not self.paused and not self._suspended and not self.done.is_set()
        if ready and (self._racer is None or self._racer.done()):
            self._racer = self._loop.create_task(self._publish_as_fast_as_echoed())

    async def _publish_as_fast_as_echoed(self) -> None:
        while self._link is not None and not self.done.is_set():
            link = self._link
            room = min(self._burst, WINDOW - self.ledger.flying)
            if room <= 0 or link.backlog > _BACKLOG:
                await link.drained()
                await asyncio.sleep(0.001 if room <= 0 else 0)
                continue
            seqs = self._number(room, self._clock())
            link.write(b"".join([self._compose(seq) for seq in seqs]))
            self._changed()
            # What the server would refuse is not offered at full speed.
            await asyncio.sleep(0 if seqs else TALLY_EVERY)

    def _number(self, wanted: int, now: float) -> list[int]:
        """Sequence numbers of messages that are sent in this moment, as far as ``--count`` allows."""
        ledger, size = self.ledger, len(self._settings.payload)
        if self._link is None or self._refused(self._link, ledger.attempted + wanted):
            for _ in range(self._limited(wanted)):
                ledger.attempt()
                ledger.reject()
            self._check_done()
            return []
        seqs = []
        for _ in range(self._limited(wanted)):
            seq = ledger.attempt()
            ledger.send(seq, now, size)
            seqs.append(seq)
        self._check_done()
        return seqs

    def _limited(self, wanted: int) -> int:
        count = self._settings.count
        return wanted if count is None else min(wanted, count - self.ledger.attempted)

    # -- one message ------------------------------------------------------------------------------

    def _publish(self, due: float) -> None:
        size = len(self._settings.payload)
        seq = self.ledger.attempt()
        link = self._link
        fate: ev.Fate
        why = ""
        if link is not None and self._refused(link, seq):
            fate, why = "rejected", "refused"
            self.ledger.reject()
        elif link is not None and link.open and not self._buffer and link.backlog <= _BACKLOG:
            fate = "sent"
            self.ledger.send(seq, due, size)
            link.write(self._compose(seq))
        elif self.ledger.buffered_bytes + (wire := self._wire_size(seq)) <= self._settings.reconnect_buffer:
            fate = "buffered"
            self.ledger.buffer(wire)
            self._buffer.append((seq, due))
        else:
            fate, why = "rejected", "full"
            self.ledger.reject()
        if self._told_singly:
            subject = self._settings.subject
            self._emit(ev.Published(t=self._clock(), seq=seq, fate=fate, size=size, subject=subject, why=why))
        self._check_done()
        self._changed()

    def _flush(self) -> None:
        """Send what was buffered, in order, as far as the connection takes it."""
        size = len(self._settings.payload)
        while self._buffer and self._link is not None and self._link.open and self._link.backlog <= _BACKLOG:
            first = self._buffer[0][0]
            if self._refused(self._link, first):
                self._buffer.popleft()
                self.ledger.unbuffer(self._wire_size(first))
                self.ledger.reject()
                continue
            batch = [self._buffer.popleft() for _ in range(min(self._burst, len(self._buffer)))]
            for seq, due in batch:
                self.ledger.unbuffer(self._wire_size(seq))
                self.ledger.send(seq, due, size)
            self._link.write(b"".join([self._compose(seq) for seq, _ in batch]))
            self._changed()
        self._check_done()

    def _wire_size(self, seq: int) -> int:
        """Bytes that a message takes on the wire, which is what a buffer is measured in, as in nats.go."""
        return len(self._compose(seq))

    def _refused(self, link: Link, seq: int) -> bool:
        """True when the server would end the connection over a message like this one; said once."""
        total = len(self._header) + len(str(seq)) + len(self._tail) - 2
        if not link.info.headers:
            why = "the server takes no headers, and messages are numbered by one: they are rejected"
        elif total > link.info.max_payload:
            why = (
                f"messages of {total} bytes with their header are over the server's maximum payload of "
                f"{link.info.max_payload} bytes: they are rejected"
            )
        else:
            return False
        if not self._complained:
            self._complained = True
            self._emit(ev.AsyncError(t=self._clock(), text=why))
        return True

    def _compose(self, seq: int) -> bytes:
        """HPUB with the number in its header; only the number differs between messages of as many digits."""
        digits = b"%d" % seq
        start = self._starts.get(len(digits))
        if start is None:
            headers = len(self._header) + len(digits) + 4
            total = headers + len(self._settings.payload)
            start = b"HPUB %b %d %d\r\n%b" % (self._settings.subject.encode(), headers, total, self._header)
            self._starts[len(digits)] = start
        return start + digits + self._tail

    def _receive(self, headers: bytes, payload: bytes) -> None:
        if not headers or not headers.startswith(self._header):
            return  # somebody else's message on our subject
        digits = headers[len(self._header) :].rstrip()
        if not digits.isdigit() or len(digits) > _DIGITS:
            return
        seq = int(digits)
        latency = self.ledger.echo(seq, self._clock())
        if self._told_singly and latency is not None:
            self._emit(ev.Echoed(t=self._clock(), seq=seq, latency=latency))
        if self.on_echo is not None:
            self.on_echo(seq)
        if self._tally_timer is None:
            self._changed()

    # -- telling ----------------------------------------------------------------------------------

    def _check_done(self) -> None:
        count = self._settings.count
        if count is not None and self.ledger.attempted >= count and not self._buffer:
            self.done.set()

    def _changed(self) -> None:
        """A tally follows soon; many changes make one."""
        if self._tally_timer is None:
            self._tally_timer = self._loop.call_later(TALLY_EVERY, self._tell_tally)

    def _tell_tally(self) -> None:
        self._tally_timer = None
        ledger = self.ledger
        self._emit(
            ev.Tally(
                t=self._clock(),
                attempted=ledger.attempted,
                sent=ledger.sent,
                buffered=ledger.buffered,
                rejected=ledger.rejected,
                echoed=ledger.echoed,
                in_flight=ledger.in_flight,
                lost=ledger.lost,
                late=ledger.late,
                duplicate=ledger.duplicate,
                out_of_order=ledger.out_of_order,
                bytes=ledger.bytes,
                buffered_bytes=ledger.buffered_bytes,
                latency=ledger.take_latencies(),
            )
        )
