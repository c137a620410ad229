"""What became of every message: a ledger of sequence numbers. Pure: no I/O, no clock.

Sequence numbers count from 1 in the order in which messages were attempted, and are sent in that order. At
every moment

    attempted = sent + buffered + rejected        sent = delivered + in flight + lost + unverified

A message is stranded once the connection that carried it has ended without its echo, and lost when the ledger
is told to give up what is stranded. Should its echo come all the same (a cluster may deliver it by another
way, a frozen server once it goes on), it is counted as echoed and late, and is lost no more.

What is undecided lies in a window over the numbers, from the oldest that is undecided to the last one sent. It
is bounded; what falls out of it, or cannot be decided at all, is kept as runs of numbers. So a message costs
nine bytes while it is on its way, and nothing afterwards.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from natsmon.probe.messages.number_runs import Runs

WINDOW_KEPT = 262_144
"""Numbers from the oldest undecided one to the last one sent; of older ones it is soon not known when they were due."""

RUNS_KEPT = 10_000
"""Runs of undecided numbers that fell out of the window. Beyond them the oldest are counted, not recognised."""

CUTS_KEPT = 256
LOST_RUNS_KEPT = 256
"""Of one cut. Losses of these can be taken back, should the echo come after all; older ones, and more, cannot."""

CLEARED_AT_ONCE = 8_192
"""Numbers that are settled and still in the window, at least, before they are cleared away."""

_UNDECIDED = re.compile(b"\x01+")


@dataclass(slots=True, eq=False)
class Cut:
    """The end of a connection: the last message sent until then, and what became of those it had not echoed."""

    last: int
    stranded: int
    """Not known yet."""
    unverified: int = 0
    """Never to be determined."""
    lost: int = 0
    late: int = 0
    lost_seqs: Runs = field(default_factory=lambda: Runs(LOST_RUNS_KEPT))


class Ledger:
    def __init__(self) -> None:
        self.attempted = 0
        self.rejected = 0
        self.buffered = 0
        self.buffered_bytes = 0
        """On the wire, protocol and headers included."""
        self.sent = 0
        self.delivered = 0
        self.lost = 0
        self.late = 0
        self.duplicate = 0
        """Echoes of what had one already; nobody but a forger echoes what was not sent."""
        self.out_of_order = 0
        self.bytes = 0
        """Payload bytes sent."""
        self.resent = 0
        """Copies of messages sent again, for they were not acknowledged."""
        self.suppressed = 0
        """Copies that a stream recognised, and did not store."""
        self.flying = 0
        """In flight on the connection that is up."""
        self.stranded = 0
        """In flight on a connection that has ended: late, or lost, soon to be known."""
        self.unverified = 0
        """Sent while natsmon could not listen."""
        self.blind = False
        """What is sent will not be heard."""
        self.cut_at = 0
        """The last message sent when a connection last ended."""
        self._first = 1
        """The number that the window begins with."""
        self._undecided = bytearray()
        self._due = array("d")
        self._oldest = 0
        """Where in the window the oldest undecided number is; at its end when there is none."""
        self._room = CLEARED_AT_ONCE
        self._folded = Runs(RUNS_KEPT)
        """Undecided, and older than the window."""
        self._unseen = Runs(RUNS_KEPT)
        """The unknown ones."""
        self._open: list[Cut] = []
        """With something stranded, oldest first."""
        self._closed: list[Cut] = []
        """With something lost, oldest first."""
        self._highest_sent = 0
        self._highest_echo = 0

    @property
    def in_flight(self) -> int:
        return self.flying + self.stranded

    @property
    def irregular(self) -> int:
        """Echoes that came twice, late or out of order."""
        return self.late + self.duplicate + self.out_of_order

    # -- on the way out ---------------------------------------------------------------------------

    def attempt(self) -> int:
        """The next sequence number; one of ``send``, ``buffer`` and ``reject`` must follow."""
        self.attempted += 1
        return self.attempted

    def send(self, seq: int, due: float, size: int) -> None:
        """It is on its way, ``due`` being when it should have been."""
        self.sent += 1
        self.bytes += size
        if seq > self._highest_sent:
            self._highest_sent = seq
        if self.blind:
            self.unverified += 1
            self._unseen.append(seq, seq)
            return
        self.flying += 1
        if seq != self._first + len(self._undecided):
            self._move_to(seq)
        self._undecided.append(1)
        self._due.append(due)
        if len(self._undecided) > self._room:
            self._make_room()

    def buffer(self, size: int) -> None:
        self.buffered += 1
        self.buffered_bytes += size

    def unbuffer(self, size: int) -> None:
        """It leaves the buffer; ``send`` or ``reject`` must follow."""
        self.buffered -= 1
        self.buffered_bytes -= size

    def reject(self) -> None:
        self.rejected += 1

    def refuse(self, seq: int) -> None:
        """It was sent, and has been turned away: it is rejected after all."""
        at = seq - self._first
        if self._oldest <= at < len(self._undecided) and self._undecided[at]:
            self._undecided[at] = 0
            if at == self._oldest:
                self._settle_to(at + 1)
        elif not self._folded.discard(seq):
            return
        self.sent -= 1
        self.rejected += 1
        if seq <= self.cut_at:
            self._open[bisect_left(self._open, seq, key=_last)].stranded -= 1
            self.stranded -= 1
        else:
            self.flying -= 1

    def refuse_oldest(self) -> None:
        """The first of those that are on their way on this connection has been turned away."""
        seq = self._folded.after(self.cut_at)
        if seq is None:
            at = self._undecided.find(1, max(self._oldest, self.cut_at + 1 - self._first))
            seq = self._first + at if at >= 0 else None
        if seq is not None:
            self.refuse(seq)

    # -- on the way back --------------------------------------------------------------------------

    def echo(self, seq: int, now: float) -> float | None:
        """It came back: its latency in seconds, or None when it was not expected (any more)."""
        at = seq - self._first
        if at < self._oldest or at >= len(self._undecided) or not self._undecided[at]:
            self._unexpected(seq)
            return None
        self._undecided[at] = 0
        latency = now - self._due[at]
        if at == self._oldest:
            self._settle_to(at + 1)
        self._count_echo(seq)
        return latency

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
        if self._folded.discard(seq):
            self._count_echo(seq)
        elif self._unseen.discard(seq):
            self.unverified -= 1
            self.delivered += 1
            self.late += 1
        elif self._was_lost(seq):
            self.lost -= 1
            self.delivered += 1
            self.late += 1
        elif 0 < seq <= self._highest_sent:
            self.duplicate += 1

    def _was_lost(self, seq: int) -> bool:
        """True once: the loss is taken back in the cut it was counted in."""
        at = bisect_left(self._closed, seq, key=_last)
        if at == len(self._closed) or not self._closed[at].lost_seqs.discard(seq):
            return False
        self._closed[at].lost -= 1
        self._closed[at].late += 1
        return True

    # -- when connections end ---------------------------------------------------------------------

    def cut(self) -> Cut:
        """The connection ended: what it carried and did not echo is stranded."""
        cut = Cut(self._highest_sent, self.flying)
        if self.flying:
            self._open.append(cut)
        self.stranded += self.flying
        self.flying = 0
        self.cut_at = self._highest_sent
        if len(self._open) > CUTS_KEPT:
            self._forsake(self._open.pop(0))
        return cut

    def give_up(self) -> None:
        """What is stranded is lost."""
        for cut in self._open:
            for first, last in self._take(cut.last):
                if len(cut.lost_seqs) < LOST_RUNS_KEPT:
                    cut.lost_seqs.append(first, last)
            self.lost += cut.stranded
            self.stranded -= cut.stranded
            cut.lost, cut.stranded = cut.stranded, 0
        self._closed += [cut for cut in self._open if cut.lost]
        self._open.clear()
        del self._closed[:-CUTS_KEPT]

    def go_blind(self) -> None:
        """What is in flight stays in flight, and so does what is sent until ``see``."""
        for cut in self._open:
            self._forsake(cut)
        self._open.clear()
        self._unseen.extend(self._take(self._highest_sent))
        self.unverified += self.flying
        self.flying = 0
        self.blind = True

    def see(self) -> None:
        self.blind = False

    def _forsake(self, cut: Cut) -> None:
        self._unseen.extend(self._take(cut.last))
        self.unverified += cut.stranded
        self.stranded -= cut.stranded
        cut.unverified, cut.stranded = cut.stranded, 0

    # -- the window -------------------------------------------------------------------------------

    def _move_to(self, seq: int) -> None:
        """Make this the next number of the window: those in between were not sent."""
        gap = seq - self._first - len(self._undecided)
        if self._oldest < len(self._undecided) and 0 < gap <= WINDOW_KEPT:
            self._undecided.extend(bytes(gap))
            self._due.extend(array("d", bytes(8 * gap)))
            return
        self._fold(len(self._undecided))
        self._clear(len(self._undecided))
        self._first = seq

    def _make_room(self) -> None:
        """Clear away what is settled, fold the oldest where that does not suffice: many at once, and not soon again."""
        self._clear(self._oldest)
        if len(self._undecided) > WINDOW_KEPT:
            self._fold(len(self._undecided) - WINDOW_KEPT // 2)
            self._clear(self._oldest)
        self._room = 2 * len(self._undecided) + CLEARED_AT_ONCE

    def _fold(self, end: int) -> None:
        """All up to this place leaves the window; what is undecided of it is kept as runs."""
        self._folded.extend(self._runs(end))
        self._settle_to(end)

    def _take(self, last: int) -> Iterator[tuple[int, int]]:
        """Take out the runs of everything undecided up to a number."""
        yield from self._folded.take(last)
        end = min(max(last + 1 - self._first, self._oldest), len(self._undecided))
        yield from self._runs(end)
        self._settle_to(end)

    def _runs(self, end: int) -> list[tuple[int, int]]:
        """Of the undecided numbers of the window, up to a place in it."""
        found = _UNDECIDED.finditer(self._undecided, self._oldest, end)
        return [(self._first + run.start(), self._first + run.end() - 1) for run in found]

    def _settle_to(self, end: int) -> None:
        """Nothing before this place of the window is undecided."""
        oldest = self._undecided.find(1, end)
        self._oldest = oldest if oldest >= 0 else len(self._undecided)

    def _clear(self, many: int) -> None:
        del self._undecided[:many], self._due[:many]
        self._first += many
        self._oldest = max(0, self._oldest - many)


def _last(cut: Cut) -> int:
    return cut.last
