"""Deliveries: the one owner of the ledger. It counts what is sent, arrives, is refused or lost, and emits it.

The publisher reports what it sends, the verifier what it learns of it, the monitored connection when a server is lost.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable

from natsmon.config.settings import Settings
from natsmon.probe.messages.ledger import Ledger
from natsmon.probe.messages.outage_costs import OutageCosts
from natsmon.probe.timer import Timer
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit
from natsmon.stream.latency_buckets import quantised

EMITTED_SINGLY_BELOW = 50.0
"""Messages a second; above that, tallies carry all changes."""
OVERDUE_AFTER = 1.0
"""Seconds from the PONG of a PING sent after a message until the message counts as undelivered."""
PING_EVERY = 0.5
"""Seconds between two PINGs at most while messages are in flight: half of what makes a server silent."""
_CHECK_EVERY = 0.25
TALLY_EVERY = 0.1
"""Seconds within which totals follow a change that no other event carries."""
CHECKPOINT_EVERY = 5.0
"""Seconds between two tallies while single messages carry every change."""
_TOTALS = [name for name in ev.Tally.__struct_fields__ if name not in ev.Event.__struct_fields__]


class LatencySamples:
    """Collects the latencies of echoes, in seconds."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self.add: Callable[[float], None] = self._seconds.append

    def take(self) -> ev.Latencies | None:
        """The samples added since the last call, in buckets; none without one."""
        if not self._seconds:
            return None
        counts: Counter[int] = Counter()
        for seconds, many in Counter(self._seconds).items():  # at full speed many are equal: they were read at once
            counts[quantised(seconds)] += many
        longest = round(max(self._seconds), 6)
        self._seconds.clear()
        return ev.Latencies(kind="echo", counts=sorted(counts.items()), longest=longest)


class Deliveries:
    """Counts messages of one connection, over all its connections to servers."""

    def __init__(self, settings: Settings, emit: Emit) -> None:
        self.ledger = Ledger()
        self.costs = OutageCosts(self.ledger, emit)
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._singly = settings.every_message or settings.interval > 1.0 / EMITTED_SINGLY_BELOW
        self._latencies = LatencySamples()
        self._tally_timer = Timer(self.emit_tally)
        self.verifiable = True
        """Delivery could be verified on every connection so far."""
        self._connection: ServerConnection | None = None
        self._delivered = False
        """A message of this connection to a server has been delivered."""
        self._passed: deque[tuple[int, float]] = deque()
        """(last message before a PING, time of its PONG), until the messages before it are overdue."""
        self._check_timer = Timer(self._check)

    # -- in step with the connection --------------------------------------------------------------

    def connection_up(self, connection: ServerConnection) -> None:
        """Messages are sent on this connection from now on."""
        self._connection = connection
        self._delivered = False
        connection.mark = self.ledger.highest_sent
        connection.on_passed = self._pong
        self._check()

    def connection_down(self) -> None:
        """The connection is not used any more."""
        self._connection = None
        self._passed.clear()
        self._check_timer.stop()

    def lost(self, loss: ev.Disconnected, last_data: float) -> None:
        """An outage begins: what was in flight is stranded. ``last_data`` is when data was received last, as ``t``."""
        self.costs.lost(loss, last_data)
        self.changed()

    def closed(self, at: float) -> None:
        """No connection follows: what was in flight is unverified."""
        self.ledger.cut()
        self.ledger.abandon()
        self.costs.closed(at)
        self.changed()

    # -- on the way out ---------------------------------------------------------------------------

    def sent(self, seq: int, due: float, size: int) -> None:
        """A message is written; ``due`` is when it should have been, as ``t``."""
        self.ledger.send(seq, due, size)
        if self._connection is not None:
            self._connection.mark = seq

    def published(self, seq: int, outcome: ev.PublishOutcome, reason: str = "") -> None:
        """Emit what was done with one message."""
        if self._singly:
            self._emit(ev.Published(seq=seq, outcome=outcome, reason=reason))
        self.changed(within=CHECKPOINT_EVERY if self._singly and outcome == "sent" else TALLY_EVERY)

    # -- what a verifier learns -------------------------------------------------------------------

    def arrived(self, seq: int) -> None:
        """A message was delivered, just now."""
        ledger, connection = self.ledger, self._connection
        # It arrived when it was read, not when its turn came among all that was read with it.
        now = self._emit.stream_time(connection.last_read) if connection is not None else self._emit.now()
        irregular = ledger.irregular if self._singly else 0
        latency = ledger.echo(seq, now)
        if latency is not None:
            latency = max(0.0, latency)
            if connection is not None:
                connection.answer()
            if not self._delivered and seq > ledger.cut_at:
                self._delivered = True
                self._emit(ev.FirstEcho(seq=seq, latency=round(latency, 6)))
            if not self._singly:
                self._latencies.add(latency)
            else:
                self._emit(ev.Echoed(seq=seq, latency=round(latency, 6)))
        if self._singly:
            emitted = latency is not None and ledger.irregular == irregular
            self.changed(within=CHECKPOINT_EVERY if emitted else TALLY_EVERY)
        elif self._tally_timer.at is None:
            self.changed()

    def refused(self, seq: int) -> None:
        """The server, or a stream, refused a message that was sent."""
        self.ledger.refuse(seq)
        self.changed()

    def next_refused(self) -> None:
        """The server refused a message: the first sent on this connection that it has not answered otherwise."""
        self.ledger.refuse_next()
        self.changed()

    def on_unverifiable(self, reason: str) -> None:
        """Delivery cannot be verified from now on."""
        if self.ledger.unverifiable:
            return
        self.verifiable = False
        self.ledger.stop_verifying()
        self._emit(ev.Unverified(reason=reason))
        self.changed()

    def on_verifiable(self) -> None:
        """Delivery can be verified: again, if it could not be on this connection to the server."""
        if self.ledger.unverifiable:
            self.ledger.verify()
            self._emit(ev.Verified())

    def on_settled(self) -> None:
        """Stranded messages are lost."""
        self.ledger.give_up()
        self.emit_tally()

    # -- totals -----------------------------------------------------------------------------------

    def changed(self, *, within: float = TALLY_EVERY) -> None:
        """Emit a tally within these seconds; several changes make one."""
        at = self._loop.time() + within
        if self._tally_timer.at is None or self._tally_timer.at > at:
            self._tally_timer.set(at)

    def emit_tally(self) -> None:
        """Emit the totals now, and the latencies since they were last emitted."""
        self._tally_timer.stop()
        if (samples := self._latencies.take()) is not None:
            self._emit(samples)
        self._emit(ev.Tally(**{name: getattr(self.ledger, name) for name in _TOTALS}))
        self.costs.review()

    # -- the PONG rule ----------------------------------------------------------------------------

    def _pong(self, last: int) -> None:
        """A PONG arrived; its PING was sent after this message."""
        if self.ledger.unordered:
            return
        self.ledger.pass_by(last)
        if self.ledger.flying and not (self._passed and self._passed[-1][0] == last):
            self._passed.append((last, self._loop.time()))

    def _check(self) -> None:
        """Find messages that do not come back, and PING while any are in flight."""
        now = self._loop.time()
        while self._passed and now - self._passed[0][1] >= OVERDUE_AFTER:
            last, _ = self._passed.popleft()
            if self.ledger.miss(last):
                self.changed()
        connection = self._connection
        if connection is not None and connection.open:
            in_question = self.ledger.flying or self.ledger.unverifiable
            if in_question and connection.last_ping + PING_EVERY < time.monotonic() + _CHECK_EVERY:
                connection.ping()
            self._check_timer.set_in(_CHECK_EVERY)
