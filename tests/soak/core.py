"""The promise of core NATS, where a message has arrived when our own subscription receives it, as rules.

Of each number, after the run has become quiet:

- What natsmon calls echoed came back to it over the wire, and was *seen*: by one witness at least, unless the
  witness on the node that sent it back was not subscribed from before it was sent until ``APART`` after it came
  back. (A node that is killed may have written to one client and not to the other yet.)
- What natsmon calls lost was not echoed. Nor did it come back over the wire, unless the connection it came on
  ended within ``APART``: bytes that the kernel has, natsmon may never be given.
- Each number up to the last one attempted is echoed, lost or rejected, and only one of these; none is in flight.

The sums are those of the sets: echoed, lost, late (received first on another connection than it was sent on),
duplicates and out of order are counted here again, from the echoes and the wire, and must be the same to the
message. So must the losses of all outages together be. No number passes the wire to a server twice.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from natsmon.config.settings import Server, Settings
from natsmon.lab.nats_server import HOST
from natsmon.stream import events as ev
from tests.soak.claims import Claims
from tests.soak.cluster import SUBJECT, WitnessedCluster
from tests.soak.cycles import STALE_AFTER
from tests.soak.subscriber import Witness
from tests.soak.wire import PAYLOAD, Passage, Wire, by_number

APART = 0.02
"""Seconds within which two things happen together."""

RATE = 200.0
"""Messages a second."""


def configure(folder: Path) -> str:
    """What a node's configuration has besides: nothing."""
    return ""


def settings(cluster: WitnessedCluster) -> Settings:
    """For a probe that dials the proxies, and is quick to notice and to come back."""
    return Settings(
        servers=tuple(Server(HOST, node.relay.port) for node in cluster.nodes),
        subject=SUBJECT,
        payload=PAYLOAD,
        interval=1 / RATE,
        ignore_discovered_servers=True,
        randomize=False,
        max_reconnects=-1,
        reconnect_wait=0.02,
        reconnect_jitter=0.0,
        connect_timeout=1.0,
        ping_interval=STALE_AFTER,
        max_pings_out=2,
        rtt_interval=0.25,
        name="soak",
    )


class Violation(NamedTuple):
    rule: str
    seqs: tuple[int, ...] = ()


@dataclass
class Evidence:
    """All events and observations of a run."""

    tally: ev.Tally
    """The last one."""
    off: list[ev.Tally]
    """Those whose sums are wrong."""
    outages: list[ev.Outage]
    """In the order in which they were emitted, corrections included."""
    echoes: list[int]
    """Every one that natsmon received, in order."""
    wires: list[Wire]
    witnesses: list[Witness]
    """Of each node, in order, as the wires are."""


def until_whole(cluster: WitnessedCluster) -> None:
    cluster.until_whole()


def evidence(claims: Claims, cluster: WitnessedCluster) -> Evidence:
    return Evidence(
        claims.tally,
        claims.off,
        claims.of(ev.Outage),
        claims.echoes,
        [node.wire for node in cluster.nodes],
        [node.subscriber.witness for node in cluster.nodes],
    )


class Judgement:
    """The outcome of every number, by natsmon, by the wire and by the witnesses."""

    def __init__(self, evidence: Evidence) -> None:
        self.tally = evidence.tally
        self.outages = list({outage.outage: outage for outage in evidence.outages}.values())
        """As last emitted."""
        self.echoes = Counter(evidence.echoes)
        self.lost = {seq for outage in self.outages for seq in _within(outage.lost_seqs)}
        self.sent = by_number(passage for wire in evidence.wires for passage in wire.sent)
        self.returned = by_number(passage for wire in evidence.wires for passage in wire.returned)
        self.ended = {connection: at for wire in evidence.wires for connection, at in dict(wire.ended).items()}
        self.witnesses = evidence.witnesses
        self.late = {seq for seq in self.echoes if self._came_another_way(seq)}
        self.out_of_order = set(self._out_of_order(evidence.echoes))
        self.excused: set[int] = set()
        """Numbers that would be a violation, but for an end within ``APART``."""
        self.violations = [*self._wrong_sums(evidence.off), *self._wrong_outcomes()]

    # -- the sums ---------------------------------------------------------------------------------

    def _wrong_sums(self, off: list[ev.Tally]) -> Iterable[Violation]:
        tally = self.tally
        if off:
            yield Violation(f"the sums are wrong in {len(off)} tallies, first in {off[0]}")
        counted = {
            "in_flight": 0,
            "buffered": 0,
            "delivered": len(self.echoes),
            "undelivered": 0,
            "unverified": 0,
            "lost": len(self.lost),
            "late": len(self.late),
            "duplicate": self.echoes.total() - len(self.echoes),
            "out_of_order": len(self.out_of_order),
        }
        for name, number in counted.items():
            if getattr(tally, name) != number:
                yield Violation(f"the tally has {getattr(tally, name)} {name}, and there are {number}")
        reported = sum(outage.lost for outage in self.outages)
        if reported != tally.lost:
            yield Violation(f"the outages have {reported} lost, the tally {tally.lost}")
        if unknown := sum(outage.unverified for outage in self.outages):
            yield Violation(f"{unknown} of the outages are unknown at the end")
        fateless = {seq for seq in range(1, tally.attempted + 1) if seq not in self.echoes and seq not in self.lost}
        if len(fateless) != tally.rejected:
            yield Violation(f"neither echoed nor lost, and {tally.rejected} rejected", tuple(sorted(fateless)))

    # -- the outcomes -----------------------------------------------------------------------------

    def _wrong_outcomes(self) -> Iterable[Violation]:
        rules: dict[str, Iterable[int]] = {
            "echoed, and never attempted": (seq for seq in self.echoes if not 0 < seq <= self.tally.attempted),
            "echoed, and it did not come back over the wire": (seq for seq in self.echoes if seq not in self.returned),
            "echoed, and no witness saw it": filter(self._unseen, self.echoes),
            "called lost, and echoed": (seq for seq in self.lost if seq in self.echoes),
            "called lost, and it came back over the wire": filter(self._came_back, self.lost),
            "sent twice": (seq for seq, passages in self.sent.items() if len(passages) > 1),
        }
        for rule, broken in rules.items():
            if seqs := tuple(sorted(broken)):
                yield Violation(rule, seqs)

    def _unseen(self, seq: int) -> bool:
        if any(seq in witness.seen for witness in self.witnesses) or seq not in self.returned or seq not in self.sent:
            return False
        back = self.returned[seq][0]
        if self.witnesses[back.node].was_there(self.sent[seq][0].at, back.at + APART):
            return True
        self.excused.add(seq)
        return False

    def _came_back(self, seq: int) -> bool:
        back = self.returned.get(seq, [])
        if any(self.ended.get(passage.connection, float("inf")) - passage.at > APART for passage in back):
            return True
        self.excused.update([seq] if back else [])
        return False

    def _came_another_way(self, seq: int) -> bool:
        """By its first arrival: the end of a connection discards what came back before it and was not received."""
        sent, returned = self.sent.get(seq), self.returned.get(seq)
        if not sent or not returned:
            return False
        first = returned[-min(self.echoes[seq], len(returned))]
        return sent[0].connection != first.connection

    def _out_of_order(self, echoes: list[int]) -> Iterable[int]:
        highest = 0
        received: set[int] = set()
        for seq in echoes:
            if seq not in received and seq not in self.late:
                if seq < highest:
                    yield seq
                highest = max(highest, seq)
            received.add(seq)

    # -- in words ---------------------------------------------------------------------------------

    def account(self, seq: int) -> str:
        """What each side recorded of one number."""
        outcome = "lost" if seq in self.lost else "echoed" if seq in self.echoes else "nothing"
        seen = [
            f"{witness.seen[seq]}× at node {node}" for node, witness in enumerate(self.witnesses) if seq in witness.seen
        ]
        return (
            f"{seq}: natsmon has it as {outcome} (received {self.echoes[seq]}×); "
            f"sent {self._passages(self.sent.get(seq, []))}; returned {self._passages(self.returned.get(seq, []))}; "
            f"seen {', '.join(seen) or 'by no one'}"
        )

    def _passages(self, passages: list[Passage]) -> str:
        return ", ".join(map(self._passage, passages)) or "never"

    def _passage(self, passage: Passage) -> str:
        node, number = passage.connection
        end = self.ended.get(passage.connection)
        spans = self.witnesses[node].spans
        there = [span for span in spans if span.began <= passage.at]
        witness = (
            f"its witness subscribed {there[-1].began:.4f} to {there[-1].ended:.4f}" if there else "no witness yet"
        )
        ended = f"ended {end:.4f}" if end else "up"
        return f"at {passage.at:.4f} on node {node}'s connection {number} ({ended}; {witness})"


def _within(runs: Iterable[tuple[int, int]]) -> Iterable[int]:
    for first, last in runs:
        yield from range(first, last + 1)
