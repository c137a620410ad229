"""Ledger of messages: the outcome of every sequence number. Pure: no I/O, no clock.

Sequence numbers count from 1 in the order of attempts, and are sent in that order. At every moment

    attempted = sent + buffered + rejected        sent = delivered + in flight + undelivered + lost + unverified

A message is stranded once the connection that carried it has ended without its echo. Stranded messages are lost when
the ledger gives them up. A message is undelivered when the server answered a PING sent after it, and its echo did not
come. If its echo comes later all the same, it is delivered and late.

Numbers with an outcome that may still change are kept as runs. A settled message takes no memory.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from operator import attrgetter

from natsmon.probe.messages.in_flight_window import InFlightWindow
from natsmon.probe.messages.number_runs import Runs

RUNS_KEPT = 10_000
"""Runs of numbers of one outcome. Beyond them the oldest are counted, not recognised."""

_last = attrgetter("last")

CUTS_KEPT = 256
LOST_RUNS_KEPT = 256
"""Of one cut. Losses within these are corrected when the echo comes after all."""


@dataclass(slots=True, eq=False)
class Cut:
    """The end of a connection: the last message sent until then, and the outcome of those in flight."""

    last: int
    stranded: int
    """Not known yet."""
    unverified: int = 0
    """Never to be determined."""
    lost: int = 0
    late: int = 0
    lost_seqs: Runs = field(default_factory=lambda: Runs(LOST_RUNS_KEPT))


class Ledger:
    """Totals, and the outcome of each number that is not settled."""

    def __init__(self) -> None:
        self.attempted = 0
        self.rejected = 0
        self.buffered = 0
        self.buffered_bytes = 0
        """On the wire, protocol and headers included."""
        self.sent = 0
        self.delivered = 0
        self.undelivered = 0
        self.lost = 0
        self.late = 0
        self.duplicate = 0
        """Echoes of messages that were delivered already."""
        self.out_of_order = 0
        self.bytes = 0
        """Payload bytes sent."""
        self.resent = 0
        """Copies of messages sent again because they were not acknowledged."""
        self.suppressed = 0
        """Copies that a stream recognised and did not store."""
        self.flying = 0
        """In flight on the connection that is up."""
        self.stranded = 0
        """In flight on a connection that has ended."""
        self.unverified = 0
        """Sent while natsmon could not listen, or in flight when it closed the connection."""
        self.unverifiable = False
        """Messages sent from now on are unverified."""
        self.cut_at = 0
        """The last message sent when a connection last ended."""
        self.passed = 0
        """The last message that a PING followed whose PONG has arrived."""
        self.highest_sent = 0
        self.unordered = False
        """Deliveries may come in another order than that of sending, as acknowledgements do."""
        self._window = InFlightWindow(RUNS_KEPT)
        self._unverified = Runs(RUNS_KEPT)
        self._undelivered = Runs(RUNS_KEPT)
        self._open: list[Cut] = []
        """With something stranded, oldest first."""
        self._closed: list[Cut] = []
        """With something lost, oldest first."""
        self._highest_echo = 0

    @property
    def in_flight(self) -> int:
        """On every connection."""
        return self.flying + self.stranded

    @property
    def irregular(self) -> int:
        """Echoes that came twice, late or out of order."""
        return self.late + self.duplicate + self.out_of_order

    # -- on the way out ---------------------------------------------------------------------------

    def attempt(self) -> int:
        """Return the next sequence number; one of ``send``, ``buffer`` and ``reject`` must follow."""
        self.attempted += 1
        return self.attempted

    def send(self, seq: int, due: float, size: int) -> None:
        """A message was written, and was due at this time."""
        self.sent += 1
        self.bytes += size
        if seq > self.highest_sent:
            self.highest_sent = seq
        if self.unverifiable:
            self.unverified += 1
            self._unverified.append(seq, seq)
            return
        self.flying += 1
        self._window.add(seq, due)

    def buffer(self, size: int) -> None:
        self.buffered += 1
        self.buffered_bytes += size

    def unbuffer(self, size: int) -> None:
        """A message leaves the buffer; ``send`` or ``reject`` must follow."""
        self.buffered -= 1
        self.buffered_bytes -= size

    def reject(self) -> None:
        """An attempted message is not sent."""
        self.rejected += 1

    def refuse(self, seq: int) -> None:
        """The server refused a message that was sent: it is rejected after all."""
        if self._unverified.discard(seq):
            self.unverified -= 1
        elif not self._window.discard(seq):
            return
        elif seq <= self.cut_at:
            self._open[bisect_left(self._open, seq, key=_last)].stranded -= 1
            self.stranded -= 1
        else:
            self.flying -= 1
        self.sent -= 1
        self.rejected += 1

    def refuse_next(self) -> None:
        """The server refused a message of this connection: the first that it has not answered otherwise."""
        answered = max(self.cut_at, self.passed, self._highest_echo)
        found = self._window.after(answered), self._unverified.after(answered)
        seqs = [seq for seq in found if seq is not None]
        if seqs:
            self.refuse(min(seqs))

    # -- on the way back --------------------------------------------------------------------------

    def echo(self, seq: int, now: float) -> float | None:
        """A message came back: its latency in seconds, or None when it was not in flight."""
        due = self._window.land(seq)
        if due is None:
            self._unexpected(seq)
            return None
        self._count_echo(seq)
        return now - due

    def pass_by(self, last: int) -> None:
        """The server answered a PING that was sent after these messages."""
        self.passed = max(self.passed, last)

    def miss(self, last: int) -> int:
        """Messages of this connection up to this one, still in flight, do not come back: undelivered. How many."""
        missed = 0
        for first, until in self._window.take(last, after=self.cut_at):
            missed += until - first + 1
            self._undelivered.append(first, until)
        self.flying -= missed
        self.undelivered += missed
        return missed

    def _count_echo(self, seq: int) -> None:
        self.delivered += 1
        if seq <= self.cut_at:
            cut = self._open[bisect_left(self._open, seq, key=_last)]
            cut.late += 1
            cut.stranded -= 1
            self.late += 1
            self.stranded -= 1
            return
        self.flying -= 1
        if seq < self._highest_echo:
            self.out_of_order += 1
        else:
            self._highest_echo = seq

    def _unexpected(self, seq: int) -> None:
        if self._window.older.discard(seq):
            self._count_echo(seq)
            return
        if self._unverified.discard(seq):
            self.unverified -= 1
        elif self._undelivered.discard(seq):
            self.undelivered -= 1
        elif self._was_lost(seq):
            self.lost -= 1
        else:
            if 0 < seq <= self.highest_sent:
                self.duplicate += 1
            return
        self.delivered += 1
        self.late += 1

    def _was_lost(self, seq: int) -> bool:
        """True once: the loss is corrected in its cut."""
        at = bisect_left(self._closed, seq, key=_last)
        if at == len(self._closed) or not self._closed[at].lost_seqs.discard(seq):
            return False
        self._closed[at].lost -= 1
        self._closed[at].late += 1
        return True

    # -- when connections end ---------------------------------------------------------------------

    def cut(self) -> Cut:
        """The connection ended: messages in flight are stranded.

        Not those before a PING or a message that the server answered: it had them, and their echo was not to come.
        """
        if not self.unordered:
            self.miss(max(self.passed, self._highest_echo))
        cut = Cut(self.highest_sent, self.flying)
        if self.flying:
            self._open.append(cut)
        self.stranded += self.flying
        self.flying = 0
        self.cut_at = self.highest_sent
        if len(self._open) > CUTS_KEPT:
            self._leave_unverified(self._open.pop(0))
        return cut

    def give_up(self) -> None:
        """Stranded messages are lost."""
        for cut in self._open:
            for first, last in self._window.take(cut.last):
                if len(cut.lost_seqs) < LOST_RUNS_KEPT:
                    cut.lost_seqs.append(first, last)
            self.lost += cut.stranded
            self.stranded -= cut.stranded
            cut.lost, cut.stranded = cut.stranded, 0
        self._closed += [cut for cut in self._open if cut.lost]
        self._open.clear()
        del self._closed[:-CUTS_KEPT]

    def abandon(self) -> None:
        """Stranded messages are unverified: no connection follows."""
        for cut in self._open:
            self._leave_unverified(cut)
        self._open.clear()

    def stop_verifying(self) -> None:
        """Messages in flight, and those sent until ``verify``, are unverified."""
        self.abandon()
        self._unverified.extend(self._window.take(self.highest_sent))
        self.unverified += self.flying
        self.flying = 0
        self.unverifiable = True

    def verify(self) -> None:
        self.unverifiable = False

    def _leave_unverified(self, cut: Cut) -> None:
        self._unverified.extend(self._window.take(cut.last))
        self.unverified += cut.stranded
        self.stranded -= cut.stranded
        cut.unverified, cut.stranded = cut.stranded, 0
