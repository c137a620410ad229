"""What became of every message: a ledger of sequence numbers. Pure: no I/O, no clock.

Sequence numbers count from 1 in the order in which messages were attempted. At every moment

    attempted = sent + buffered + rejected        sent = echoed + in flight + lost

A message is lost only once that is certain: the connection that carried it has ended, and a message sent on
the next one has come back. Should its echo come all the same (a cluster may deliver it by another way), it
is counted as echoed and late, and is lost no more.
"""

from collections import OrderedDict
from dataclasses import dataclass

LATENCIES_KEPT = 10_000
"""Echoes between two reports whose latency is kept; of more, the first ones."""

LOST_KEPT = 20_000
IN_FLIGHT_KEPT = 100_000
"""Beyond these the oldest are kept as a number only: counted, not recognised."""


@dataclass(slots=True)
class Cut:
    """The end of a connection: the last message it was given, and what became of those it had not echoed."""

    last: int
    stranded: int
    """Not known yet."""
    lost: int = 0


class Ledger:
    def __init__(self) -> None:
        self.attempted = 0
        self.rejected = 0
        self.buffered = 0
        self.buffered_bytes = 0
        """On the wire, protocol and headers included."""
        self.sent = 0
        self.echoed = 0
        self.lost = 0
        self.late = 0
        self.duplicate = 0
        self.out_of_order = 0
        self.bytes = 0
        """Payload bytes sent."""
        self.latencies: list[float] = []
        """Seconds from when a message was due to its echo, since they were last taken."""
        self._flying: OrderedDict[int, float] = OrderedDict()
        self._stranded: OrderedDict[int, float] = OrderedDict()
        self._cuts: list[Cut] = []
        """Those with something stranded, oldest first."""
        self._folded = 0
        self._lost_seqs: OrderedDict[int, None] = OrderedDict()
        self._highest_sent = 0
        self._highest_echo = 0

    @property
    def in_flight(self) -> int:
        return len(self._flying) + len(self._stranded) + self._folded

    @property
    def flying(self) -> int:
        """In flight on the connection that is up."""
        return len(self._flying)

    @property
    def stranded(self) -> int:
        """In flight on a connection that has ended: late, or lost, soon to be known."""
        return len(self._stranded)

    def attempt(self) -> int:
        """The next sequence number; one of ``send``, ``buffer`` and ``reject`` must follow."""
        self.attempted += 1
        return self.attempted

    def send(self, seq: int, due: float, size: int) -> None:
        """It is on its way, ``due`` being when it should have been."""
        self.sent += 1
        self.bytes += size
        self._flying[seq] = due
        if seq > self._highest_sent:
            self._highest_sent = seq
        if len(self._flying) > IN_FLIGHT_KEPT:
            self._flying.popitem(last=False)
            self._folded += 1

    def buffer(self, size: int) -> None:
        self.buffered += 1
        self.buffered_bytes += size

    def unbuffer(self, size: int) -> None:
        """It leaves the buffer; ``send`` or ``reject`` must follow."""
        self.buffered -= 1
        self.buffered_bytes -= size

    def reject(self) -> None:
        self.rejected += 1

    def echo(self, seq: int, now: float) -> float | None:
        """It came back: its latency in seconds, or None when it was not expected (any more)."""
        due = self._flying.pop(seq, None)
        if due is None:
            return self._unexpected(seq, now)
        self.echoed += 1
        if self._stranded:
            self._give_up()
        if seq < self._highest_echo:
            self.out_of_order += 1
        else:
            self._highest_echo = seq
        latency = round(now - due, 6)
        if len(self.latencies) < LATENCIES_KEPT:
            self.latencies.append(latency)
        return latency

    def _unexpected(self, seq: int, now: float) -> float | None:
        due = self._stranded.pop(seq, None)
        if due is not None:
            next(cut for cut in self._cuts if seq <= cut.last).stranded -= 1
            self.echoed += 1
            self.late += 1
            return round(now - due, 6)
        if seq in self._lost_seqs:
            del self._lost_seqs[seq]
            self.lost -= 1
            self.echoed += 1
            self.late += 1
        elif 0 < seq <= self._highest_sent:
            self.duplicate += 1
        return None

    def cut(self) -> Cut:
        """The connection ended: what it carried and did not echo is stranded."""
        cut = Cut(self._highest_sent, len(self._flying))
        if self._flying:
            self._cuts.append(cut)
        self._stranded.update(self._flying)
        self._flying.clear()
        while len(self._stranded) > IN_FLIGHT_KEPT:
            self._stranded.popitem(last=False)
            self._folded += 1
        return cut

    def _give_up(self) -> None:
        """A message sent after the cut has come back: what is still stranded is lost."""
        for cut in self._cuts:
            cut.lost, cut.stranded = cut.stranded, 0
        self._cuts.clear()
        self.lost += len(self._stranded)
        self._lost_seqs.update(dict.fromkeys(self._stranded))
        self._stranded.clear()
        while len(self._lost_seqs) > LOST_KEPT:
            self._lost_seqs.popitem(last=False)

    def take_latencies(self) -> tuple[float, float, float, float] | None:
        """p50, p90, p99 and max in seconds of the echoes since the last call; none without one."""
        if not self.latencies:
            return None
        ordered, self.latencies = sorted(self.latencies), []
        last = len(ordered) - 1
        return ordered[round(last * 0.5)], ordered[round(last * 0.9)], ordered[round(last * 0.99)], ordered[last]
