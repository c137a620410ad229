"""Numbered messages and what became of each one: published on a schedule, proved one by one.

What cannot be sent while there is no connection is buffered here, within bounds, and sent after the reconnect;
nats-py may lose what it buffers itself.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from natsmon.config.settings import MAX_RATE, Settings
from natsmon.probe.messages.echo_verifier import proof_for
from natsmon.probe.messages.latency_samples import LatencySamples
from natsmon.probe.messages.ledger import Cut, Ledger
from natsmon.probe.messages.tallies import CHECKPOINT_EVERY, TALLY_EVERY, Tallies
from natsmon.probe.messages.verifier import Counts
from natsmon.protocol.link import Link
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

TOLD_SINGLY_BELOW = 50.0
"""Messages a second; above that the tally alone tells."""

WINDOW = 16_384
"""Messages in flight at full speed: enough to fill the pipe, few enough to be counted at once."""

_BURST = 256
_CATCH_UP = 0.1
"""Seconds of schedule that are made up for after the loop was late; what is older is left out."""

_FIRST_AFTER = 0.1
_TIMELY = 0.01
"""Seconds after it was due within which a message is on time."""

_BACKLOG = 1024 * 1024
"""Bytes the operating system may owe us before messages wait in our buffer instead."""


_TAKES_MORE_AFTER = 0.02
"""Seconds in which a connection may take some of that."""


class Heartbeat:
    """Publishes numbered messages and counts them."""

    def __init__(self, settings: Settings, session: str, emit: Emit) -> None:
        self._settings = settings
        self._emit = emit
        self.ledger = Ledger()
        self.proof = proof_for(settings, session, self.ledger, self)
        self._message = self.proof.message
        self._latencies = LatencySamples()
        self._tallies = Tallies(self.ledger, self._latencies, emit, lambda: self.tally_emitted())
        self.tally_emitted: Callable[[], None] = lambda: None
        """Called after each tally."""
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
        self._told_singly = settings.interval > 1.0 / TOLD_SINGLY_BELOW
        self._burst = max(1, min(_BURST, _BACKLOG // self._message.wire_size(1)))
        self._complained = False
        self._proved = False
        """A message of this connection has been proved."""

    # -- in step with the connection --------------------------------------------------------------

    def link_up(self, link: Link) -> None:
        """Listen first, then send what was buffered, then go on."""
        self._proved = False
        self.proof.link_up(link)
        self._link = link
        if self.paused:
            self._send_the_rest()
            return
        self._flush()
        if self._settings.interval == MAX_RATE:
            self._race()

    def link_down(self) -> None:
        self._link = None
        self.cut = self.proof.link_down()
        self._tallies.changed()

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
        self._send_the_rest()
        return True

    def unpause(self) -> bool:
        """Publish again from now on: what a pause left out is not made up for. False when it was not paused."""
        if not self.paused:
            return False
        self.paused = False
        self._stop()
        if not self._suspended:
            self._start()
        return True

    def publish_one(self) -> bool:
        """One message now, whatever the schedule says. False when there is, and will be, no connection for it."""
        if not self._suspended:
            self._publish(self._emit.now())
        return not self._suspended

    async def conclude(self, link: Link) -> None:
        """Before the link is closed: what can be known only now of all that was published."""
        audit = await self.proof.conclude(link)
        if audit is not None:
            self._tallies.emit_now()
            self._emit(ev.Audit(**audit._asdict()))

    def close(self) -> None:
        """Nothing is scheduled any more; the last tally is told."""
        self.suspend()
        self._tallies.emit_now()

    # -- the schedule -----------------------------------------------------------------------------

    def _start(self, after: float = 0.0) -> None:
        if self.paused or self.done.is_set() or self._settings.observe:
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

    def _send_the_rest(self) -> None:
        """Of what is buffered, while nothing new is published: as fast as the connection takes it."""
        self._stop()
        if self._suspended:
            return
        self._flush()
        if self._buffer and self._link is not None:
            self._timer = self._loop.call_later(_TAKES_MORE_AFTER, self._send_the_rest)

    def _tick(self) -> None:
        """Publish what is due. The schedule is a grid in time: being late once moves no later message."""
        interval = self._settings.interval
        now = self._loop.time()
        oldest = now - max(interval, _CATCH_UP)
        if self._due < oldest:
            self._due += interval * int((now - self._due) / interval)
        offset = now - self._emit.now()
        self._flush()
        for _ in range(_BURST):  # of more, the rest is due at once, but what the server says is read before
            if self._due > now or self._limited(1) <= 0:
                break
            # A message that is late counts from when it was due; a timer's own grain is no lateness.
            self._publish(self._due - offset if now - self._due > _TIMELY else self._emit.now())
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
            self._flush()
            room = min(self._burst, WINDOW - self.ledger.flying, self.proof.room)
            if room <= 0 or link.backlog > _BACKLOG:
                await link.drained()
                await asyncio.sleep(0.001 if room <= 0 else 0)
                continue
            seqs = self._number(room, self._emit.now())
            link.write(b"".join([self._message.compose(seq) for seq in seqs]))
            self._tallies.changed()
            # What the server would refuse is not offered at full speed.
            await asyncio.sleep(0 if seqs else TALLY_EVERY)

    def _number(self, wanted: int, now: float) -> list[int]:
        """Sequence numbers of messages that are sent in this moment, as far as ``--count`` allows."""
        ledger, size = self.ledger, self._message.size
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
            self.proof.sent(seq)
            seqs.append(seq)
        self._check_done()
        return seqs

    def _limited(self, wanted: int) -> int:
        count = self._settings.count
        return wanted if count is None else min(wanted, count - self.ledger.attempted)

    def _check_done(self) -> None:
        count = self._settings.count
        if count is not None and self.ledger.attempted >= count and not self._buffer:
            self.done.set()

    # -- one message ------------------------------------------------------------------------------

    def _publish(self, due: float) -> None:
        seq = self.ledger.attempt()
        link = self._link
        outcome: ev.PublishOutcome
        reason = ""
        if link is not None and self._refused(link, seq):
            outcome, reason = "rejected", "refused"
            self.ledger.reject()
        elif link is not None and not self._buffer and self._takes(link):
            outcome = "sent"
            self.ledger.send(seq, due, self._message.size)
            self.proof.sent(seq)
            link.write(self._message.compose(seq))
        elif self.ledger.buffered_bytes + (wire := self._message.wire_size(seq)) <= self._settings.reconnect_buffer:
            outcome = "buffered"
            self.ledger.buffer(wire)
            self._buffer.append((seq, due))
        else:
            outcome, reason = "rejected", "full"
            self.ledger.reject()
        if self._told_singly:
            self._emit(ev.Published(seq=seq, outcome=outcome, reason=reason))
        self._check_done()
        self._tallies.changed(within=CHECKPOINT_EVERY if self._told_singly and outcome == "sent" else TALLY_EVERY)

    def _flush(self) -> None:
        """Send what was buffered, in order, as far as the connection takes it."""
        message = self._message
        while self._buffer and self._link is not None and self._takes(self._link):
            first = self._buffer[0][0]
            if self._refused(self._link, first):
                self._buffer.popleft()
                self.ledger.unbuffer(message.wire_size(first))
                self.ledger.reject()
                continue
            many = min(self._burst, len(self._buffer), self.proof.room)
            batch = [self._buffer.popleft() for _ in range(many)]
            for seq, due in batch:
                self.ledger.unbuffer(message.wire_size(seq))
                self.ledger.send(seq, due, message.size)
                self.proof.sent(seq)
            self._link.write(b"".join([message.compose(seq) for seq, _ in batch]))
            self._tallies.changed()
        self._check_done()

    def _takes(self, link: Link) -> bool:
        """Whether another message may be written now."""
        return link.open and link.backlog <= _BACKLOG and self.proof.room > 0

    def _refused(self, link: Link, seq: int) -> bool:
        """True when the server would end the connection over a message like this one; said once."""
        why = self._message.refusal(link.info, seq)
        if why and not self._complained:
            self._complained = True
            self._emit(ev.AsyncError(text=why))
        return bool(why)

    # -- what became of it ------------------------------------------------------------------------

    def proved(self, seq: int) -> None:
        # It has arrived when it was read, not when its turn came among all that was read with it.
        now = self._emit.stream_time(self._link.last_read) if self._link is not None else self._emit.now()
        irregular = self.ledger.irregular if self._told_singly else 0
        latency = self.ledger.echo(seq, now)
        if latency is not None:
            if not self._proved and seq > self.ledger.cut_at:
                self._proved = True
                self._emit(ev.FirstEcho(seq=seq, latency=round(max(0.0, latency), 6)))
            if not self._told_singly:
                self._latencies.add(max(0.0, latency))
            else:
                self._emit(ev.Echoed(seq=seq, latency=round(max(0.0, latency), 6)))
        if self._told_singly:
            said = latency is not None and self.ledger.irregular == irregular
            self._tallies.changed(within=CHECKPOINT_EVERY if said else TALLY_EVERY)
        elif not self._tallies.due:
            self._tallies.changed()

    def settled(self) -> None:
        self._tallies.emit_now()

    def blinded(self, why: str) -> None:
        self._emit(ev.Unverified(reason=why))
        self._tallies.changed()

    def recounted(self) -> None:
        self._tallies.changed()

    def observed(self, counts: Counts) -> None:
        self._emit(ev.Observed(**counts._asdict()))

    def roomy(self) -> None:
        self._flush()
        if self._settings.interval == MAX_RATE:
            self._race()

    def complained(self, text: str) -> None:
        self._emit(ev.AsyncError(text=text))
