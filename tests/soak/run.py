"""A run: the cluster, the probe, one cycle after another, and the judgement when all has become quiet."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.soak import core, jetstream
from tests.soak.claims import WITHIN, Claims, Stuck
from tests.soak.cluster import WitnessedCluster
from tests.soak.core import Judgement, Violation
from tests.soak.cycles import KINDS, Situation

MODES = {"core": core, "jetstream": jetstream}
"""What a run promises, by name: a module with ``configure``, ``settings``, ``until_whole`` and a ``Judgement`` of
``evidence``."""

LATENCY = 0.005
"""Seconds each way through a relay: at 200 messages a second, two are on their way whenever something happens."""


@dataclass
class Cycle:
    """One of them, and which numbers and events are of it."""

    kind: str
    first: int
    """The number of the first message sent in it."""
    last: int
    disconnected: int
    downtimes: list[float]
    """Seconds, by natsmon's events."""
    took: float


@dataclass
class Run:
    cycles: list[Cycle]
    judgement: Judgement
    stuck: str
    """Why it ended early; empty when it did not."""

    @property
    def violations(self) -> list[Violation]:
        stuck = [Violation(f"stuck: {self.stuck}")] if self.stuck else []
        return [*self.judgement.violations, *stuck]


def soak(
    plan: Mapping[str, int],
    *,
    mode: str = "core",
    seed: int = 0,
    within: float = float("inf"),
    on_cycle: Callable[[Cycle], None] = lambda _: None,
) -> Run:
    """So many cycles of each kind, in a mixed order, for ``within`` seconds at most.

    Raises TimeoutError when not even the beginning went as it should.
    """
    rules = MODES[mode]
    order = [kind for kind, times in plan.items() for _ in range(times)]
    random.Random(seed).shuffle(order)
    deadline = time.monotonic() + within
    cycles: list[Cycle] = []
    done = dict.fromkeys(plan, 0)
    where = stuck = ""
    with WitnessedCluster(rules.configure, LATENCY) as cluster, Claims(rules.settings(cluster)) as claims:
        claims.until(ev.Connected)
        claims.until_echo(0)
        try:
            for kind in order:
                if time.monotonic() > deadline:
                    break
                where = f"in cycle {len(cycles) + 1}, {kind}"
                cycles.append(_cycle(kind, done[kind], cluster, claims, rules.until_whole))
                done[kind] += 1
                on_cycle(cycles[-1])
            where = "at the end"
            _become_quiet(cluster, claims)
            claims.end()
        except TimeoutError as error:
            stuck = f"{where}: {error}"
            cluster.mend()
        return Run(cycles, rules.Judgement(rules.evidence(claims, cluster)), stuck)


def _cycle(
    kind: str, number: int, cluster: WitnessedCluster, claims: Claims, until_whole: Callable[[WitnessedCluster], None]
) -> Cycle:
    began = time.monotonic()
    first = cluster.youngest + 1
    claims.until_connected()
    before = len(claims.events)
    KINDS[kind](Situation(cluster, claims, cluster.behind(claims.server)), number)
    until_whole(cluster)
    events = claims.events[before:]
    return Cycle(
        kind,
        first,
        cluster.youngest,
        sum(isinstance(event, ev.Disconnected) for event in events),
        [event.downtime for event in events if isinstance(event, ev.Reconnected)],
        time.monotonic() - began,
    )


def _become_quiet(cluster: WitnessedCluster, claims: Claims) -> None:
    """Publish no more, until everything has arrived wherever it will; then one last message, seen by all."""
    claims.execute(commands.Pause())
    claims.until(ev.Paused)
    claims.wait_for(lambda: claims.tally.buffered == 0, "an empty buffer")
    cluster.until_settled(claims.server)
    cluster.until_passed_on("the end")
    claims.execute(commands.Publish())
    claims.execute(commands.Pause())  # its answer, "paused already", comes after the message was published
    published = claims.until(ev.Answer)
    claims.wait_for(
        lambda: (
            claims.tally.t > published.t and claims.tally.in_flight == 0 and claims.received(claims.tally.attempted)
        ),
        "nothing in flight",
    )
    for node in cluster.nodes:
        if not node.subscriber.until_seen(claims.tally.attempted, WITHIN):
            raise Stuck(f"the witness at {node.server} has not seen the last message, {claims.tally.attempted}")
