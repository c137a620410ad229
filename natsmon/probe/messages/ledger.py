"""Ledger of messages: the outcome of every sequence number. Pure: no I/O, no clock.

Sequence numbers count from 1 in the order of attempts, and are sent in that order. At every moment

    attempted = sent + buffered + rejected        sent = delivered + in flight + undelivered + lost + unverified

A message is stranded once the connection that carried it has ended without its echo, and lost when the ledger gives
up what is stranded. It is undelivered when the server answered a PING sent after it, and its echo did not come. If its
echo comes later all the same, it is delivered and late.

In-flight messages are flags in a window over the numbers, from the oldest in flight to the last one sent. The window
is bounded; numbers that leave it, or have an outcome that may still change, are kept as runs. A message takes nine
bytes while it is in flight, and none afterwards.
"""

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

from natsmon.probe.messages.number_runs import Runs

WINDOW_KEPT = 262_144
"""Numbers from the oldest in flight to the last one sent. Of older ones, the time they were due is not kept."""

RUNS_KEPT = 10_000
"""Runs of numbers outside the window. Beyond them the oldest are counted, not recognised."""

CUTS_KEPT = 256
LOST_RUNS_KEPT = 256
"""Of one cut. Losses within these are corrected when the echo comes after all."""

CLEARED_AT_ONCE = 8_192
"""Settled numbers, at least, that are removed from the window together."""

_IN_FLIGHT = re.compile(b"\x01+")


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
        """Sent while natsmon could not listen."""
        self.blind = False
        """Messages sent from now on are unverified."""
        self.cut_at = 0
        """The last message sent when a connection last ended."""
        self.passed = 0
        """The last message that a PING followed whose PONG has arrived."""
        self.highest_sent = 0
        self.unordered = False
        """Deliveries may come in another order than that of sending, as acknowledgements do."""
        self._first = 1
        """The number that the window begins with."""
        self._flags = bytearray()
        """1 for a number in flight."""
        self._due = array("d")
        self._oldest = 0
        """Place in the window of the oldest number in flight; its end when there is none."""
        self._room = CLEARED_AT_ONCE
        self._folded = Runs(RUNS_KEPT)
        """In flight, and older than the window."""
        self._unseen = Runs(RUNS_KEPT)
        """Unverified."""
        self._overdue = Runs(RUNS_KEPT)
        """Undelivered."""
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
        if self.blind:
            self.unverified += 1
            self._unseen.append(seq, seq)
            return
        self.flying += 1
        if seq != self._first + len(self._flags):
            self._move_to(seq)
        self._flags.append(1)
        self._due.append(due)
        if len(self._flags) > self._room:
            self._make_room()

    def buffer(self, size: int) -> None:
        """A message waits in the buffer."""
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
        if self._unseen.discard(seq):
            self.unverified -= 1
            self.sent -= 1
            self.rejected += 1
            return
        if not (self._land(seq) or self._folded.discard(seq)):
            return
        self.sent -= 1
        self.rejected += 1
        if seq <= self.cut_at:
            self._open[bisect_left(self._open, seq, key=_last)].stranded -= 1
            self.stranded -= 1
        else:
            self.flying -= 1

    def refuse_next(self) -> None:
        """The server refused a message of this connection: the first that it has not answered otherwise."""
        answered = max(self.cut_at, self.passed, self._highest_echo)
        at = self._flags.find(1, max(self._oldest, answered + 1 - self._first))
        found = [self._folded.after(answered), self._unseen.after(answered), self._first + at if at >= 0 else None]
        seqs = [seq for seq in found if seq is not None]
        if seqs:
            self.refuse(min(seqs))

    # -- on the way back --------------------------------------------------------------------------

    def echo(self, seq: int, now: float) -> float | None:
        """A message came back: its latency in seconds, or None when it was not in flight."""
        at = seq - self._first
        if not self._land(seq):
            self._unexpected(seq)
            return None
        latency = now - self._due[at]
        self._count_echo(seq)
        return latency

    def pass_by(self, last: int) -> None:
        """The server answered a PING that was sent after these messages."""
        self.passed = max(self.passed, last)

    def miss(self, last: int) -> int:
        """Messages of this connection up to this one, still in flight, do not come back: undelivered. How many."""
        missed = 0
        for first, until in [*self._folded.take(last, after=self.cut_at), *self._take_window(self.cut_at + 1, last)]:
            missed += until - first + 1
            self._overdue.append(first, until)
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
        if self._folded.discard(seq):
            self._count_echo(seq)
        elif self._unseen.discard(seq):
            self.unverified -= 1
            self.delivered += 1
            self.late += 1
        elif self._overdue.discard(seq):
            self.undelivered -= 1
            self.delivered += 1
            self.late += 1
        elif self._was_lost(seq):
            self.lost -= 1
            self.delivered += 1
            self.late += 1
        elif 0 < seq <= self.highest_sent:
            self.duplicate += 1

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
            self._forsake(self._open.pop(0))
        return cut

    def give_up(self) -> None:
        """Stranded messages are lost."""
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
        """Messages in flight, and those sent until ``see``, are unverified."""
        for cut in self._open:
            self._forsake(cut)
        self._open.clear()
        self._unseen.extend(self._take(self.highest_sent))
        self.unverified += self.flying
        self.flying = 0
        self.blind = True

    def see(self) -> None:
        """Messages sent from now on are verified."""
        self.blind = False

    def _forsake(self, cut: Cut) -> None:
        self._unseen.extend(self._take(cut.last))
        self.unverified += cut.stranded
        self.stranded -= cut.stranded
        cut.unverified, cut.stranded = cut.stranded, 0

    # -- the window -------------------------------------------------------------------------------

    def _land(self, seq: int) -> bool:
        """Take a number out of the window; False when it is not in flight there."""
        at = seq - self._first
        if at < self._oldest or at >= len(self._flags) or not self._flags[at]:
            return False
        self._flags[at] = 0
        if at == self._oldest:
            self._settle_to(at + 1)
        return True

    def _move_to(self, seq: int) -> None:
        """Make this the next number of the window: those in between were not sent."""
        gap = seq - self._first - len(self._flags)
        if self._oldest < len(self._flags) and 0 < gap <= WINDOW_KEPT:
            self._flags.extend(bytes(gap))
            self._due.extend(array("d", bytes(8 * gap)))
            return
        self._fold(len(self._flags))
        self._clear(len(self._flags))
        self._first = seq

    def _make_room(self) -> None:
        """Remove what is settled, and fold the oldest if that does not suffice: many at once, and not soon again."""
        self._clear(self._oldest)
        if len(self._flags) > WINDOW_KEPT:
            self._fold(len(self._flags) - WINDOW_KEPT // 2)
            self._clear(self._oldest)
        self._room = 2 * len(self._flags) + CLEARED_AT_ONCE

    def _fold(self, end: int) -> None:
        """All up to this place leaves the window; numbers in flight are kept as runs."""
        self._folded.extend(self._runs(self._oldest, end))
        self._settle_to(end)

    def _take(self, last: int) -> Iterator[tuple[int, int]]:
        """Take out the runs of all numbers in flight up to this one."""
        yield from self._folded.take(last)
        yield from self._take_window(0, last)

    def _take_window(self, first: int, last: int) -> list[tuple[int, int]]:
        """Take the runs of the numbers in flight between two numbers out of the window."""
        start = max(first - self._first, self._oldest)
        end = min(last + 1 - self._first, len(self._flags))
        if start >= end:
            return []
        runs = self._runs(start, end)
        if start == self._oldest:
            self._settle_to(end)
        else:
            self._flags[start:end] = bytes(end - start)
        return runs

    def _runs(self, start: int, end: int) -> list[tuple[int, int]]:
        """Of the numbers in flight between two places of the window."""
        found = _IN_FLIGHT.finditer(self._flags, start, end)
        return [(self._first + run.start(), self._first + run.end() - 1) for run in found]

    def _settle_to(self, end: int) -> None:
        """Nothing before this place of the window is in flight."""
        oldest = self._flags.find(1, end)
        self._oldest = oldest if oldest >= 0 else len(self._flags)

    def _clear(self, many: int) -> None:
        del self._flags[:many], self._due[:many]
        self._first += many
        self._oldest = max(0, self._oldest - many)


def _last(cut: Cut) -> int:
    return cut.last
