"""The promise of JetStream, where a message has arrived when the stream acknowledges it, as rules.

The stream has three replicas, and is read at the end by a client that is not natsmon's. Of each number:

- What natsmon calls acknowledged is in the stream, once; nothing else is there twice either.
- Each number up to the last one attempted is acknowledged or rejected; none is lost, and none in flight.

What natsmon read back itself agrees: as many acknowledged as stored, none missing, none twice. A connection that is
stale by then has ended the reading, as it must.
"""

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import nats.errors
from msgspec.structs import replace

from natsmon.config.settings import Settings
from natsmon.stream import events as ev
from tests.probe import streams
from tests.soak import core
from tests.soak.claims import WITHIN, Claims, Stuck
from tests.soak.cluster import SUBJECT, WitnessedCluster
from tests.soak.core import Violation
from tests.soak.wire import Passage, Wire, by_number

T = TypeVar("T")

_STALE = "no PONG for"
"""How the end of a connection is given on which a busy machine did not answer two PINGs within 0.3 s."""


def configure(folder: Path) -> str:
    return streams.jetstream(folder / "streams")


def settings(cluster: WitnessedCluster) -> Settings:
    """For a probe that publishes to a stream, which is there from now on."""
    _run(_create(cluster), "a stream being made")
    return replace(core.settings(cluster), jetstream=streams.STREAM, drain_timeout=15.0)


def until_whole(cluster: WitnessedCluster) -> None:
    """Also every replica has what the leader has: two that have not, of three, may elect no leader when it goes."""
    cluster.until_whole()
    _run(_until_level(cluster), "every replica having what the leader has")


@dataclass
class Evidence:
    tally: ev.Tally
    off: list[ev.Tally]
    outages: list[ev.Outage]
    echoes: list[int]
    """The number of every acknowledgement that natsmon took."""
    read_back: list[ev.Audit]
    stored: list[int]
    """The number of every message in the stream."""
    wires: list[Wire]


def evidence(claims: Claims, cluster: WitnessedCluster) -> Evidence:
    return Evidence(
        claims.tally,
        claims.off,
        claims.of(ev.Outage),
        claims.echoes,
        claims.of(ev.Audit),
        _run(_stored(cluster), "the stream being read"),
        [node.wire for node in cluster.nodes],
    )


class Judgement:
    """The outcome of every number, by natsmon and by the stream."""

    def __init__(self, evidence: Evidence) -> None:
        self.tally = evidence.tally
        self.echoes = Counter(evidence.echoes)
        self.stored = Counter(evidence.stored)
        self.sent = by_number(passage for wire in evidence.wires for passage in wire.sent)
        self.late = {seq for seq, passages in self.sent.items() if len(passages) > 1}
        """Sent again."""
        self.lost: set[int] = set()
        self.out_of_order: set[int] = set()
        self.excused: set[int] = set()
        self.violations = [*self._wrong_sums(evidence), *self._wrong_outcomes()]

    def _wrong_sums(self, evidence: Evidence) -> Iterable[Violation]:
        tally = self.tally
        if evidence.off:
            yield Violation(f"the sums are wrong in {len(evidence.off)} tallies, first in {evidence.off[0]}")
        counted = {"in_flight": 0, "buffered": 0, "delivered": len(self.echoes), "lost": 0, "duplicate": 0}
        for name, number in counted.items():
            if getattr(tally, name) != number:
                yield Violation(f"the tally has {getattr(tally, name)} {name}, and there are {number}")
        if lost := sum(outage.lost + outage.unverified for outage in evidence.outages):
            yield Violation(f"the outages have {lost} lost or unknown")
        fateless = {seq for seq in range(1, tally.attempted + 1) if seq not in self.echoes}
        if len(fateless) != tally.rejected:
            yield Violation(f"not acknowledged, and {tally.rejected} rejected", tuple(sorted(fateless)))
        many = len(self.echoes)
        reported = [(b.acknowledged, b.stored, b.missing, b.twice, b.complete) for b in evidence.read_back]
        if reported != [(many, many, 0, 0, True)] and not any(_STALE in back.text for back in evidence.read_back):
            yield Violation(f"{many} are acknowledged, and natsmon read back {evidence.read_back}")

    def _wrong_outcomes(self) -> Iterable[Violation]:
        rules: dict[str, Iterable[int]] = {
            "acknowledged, and not in the stream": (seq for seq in self.echoes if seq not in self.stored),
            "acknowledged twice": (seq for seq, times in self.echoes.items() if times > 1),
            "stored twice": (seq for seq, times in self.stored.items() if times > 1),
            "stored, and never attempted": (seq for seq in self.stored if not 0 < seq <= self.tally.attempted),
        }
        for rule, broken in rules.items():
            if seqs := tuple(sorted(broken)):
                yield Violation(rule, seqs)

    def account(self, seq: int) -> str:
        """What each side recorded of one number."""
        return (
            f"{seq}: acknowledged {self.echoes[seq]}×, stored {self.stored[seq]}×; "
            f"sent {', '.join(map(_passage, self.sent.get(seq, []))) or 'never'}"
        )


def _passage(passage: Passage) -> str:
    return f"at {passage.at:.4f} on node {passage.connection[0]}'s connection {passage.connection[1]}"


def _run(asking: Coroutine[Any, Any, T], what: str) -> T:
    try:
        return asyncio.run(asking)
    except (TimeoutError, nats.errors.Error) as error:
        raise Stuck(f"too long a time went by without {what}: {error or 'no answer'}") from None


def _stream(cluster: WitnessedCluster) -> AbstractAsyncContextManager[streams.Stream]:
    return streams.stream_on(*(node.server for node in cluster.nodes), create=False)


async def _create(cluster: WitnessedCluster) -> None:
    async with _stream(cluster) as stream:
        await stream.create_replicated(subjects=[SUBJECT])


async def _until_level(cluster: WitnessedCluster) -> None:
    async with asyncio.timeout(WITHIN), _stream(cluster) as stream:
        await stream.until_level()


async def _stored(cluster: WitnessedCluster) -> list[int]:
    async with _stream(cluster) as stream:
        return [int(found.partition("-")[2]) for found in await stream.ids()]
