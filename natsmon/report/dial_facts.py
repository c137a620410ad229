"""Facts of the dials: by server with the times of their stages, and failures by kind."""

from collections.abc import Iterable

from natsmon.report.facts import Failure, Percentiles, Server, Stage
from natsmon.state import Dial, State
from natsmon.state.histogram import Histogram
from natsmon.stream import events as ev

KINDS_KEPT = 200
"""Different servers, or failures, that are distinguished; the others are counted as one more."""
OTHERS = "others"
_NAMES_KEPT = 8
FAILED = ("failed", "timeout")


def percentiles(histogram: Histogram) -> Percentiles | None:
    """None without a sample."""
    p50, p90, p99, p999 = histogram.percentiles(50, 90, 99, 99.9)
    if p50 is None or p90 is None or p99 is None or p999 is None:
        return None
    return Percentiles(histogram.count, p50, p90, p99, p999, histogram.max)


def failures(dials: Iterable[Dial]) -> tuple[Failure, ...]:
    """The dials that failed, by server, stage and cause; most frequent first."""
    kinds: dict[tuple[str, ev.Stage | None, str], tuple[int, str]] = {}
    for dial in dials:
        if dial.outcome in FAILED:
            key = (dial.server, dial.stage_reached, dial.cause)
            if key not in kinds and len(kinds) >= KINDS_KEPT:
                key = (OTHERS, None, "unknown")
            kinds[key] = kinds.get(key, (0, ""))[0] + 1, dial.text
    found = (Failure(server, stage, cause, count, text) for (server, stage, cause), (count, text) in kinds.items())
    return tuple(sorted(found, key=lambda failure: -failure.count))


def failed_in_outages(state: State) -> dict[int, list[Dial]]:
    """The dials that failed, by the outage in which they began."""
    found: dict[int, list[Dial]] = {}
    outages = iter(state.outages)
    outage = next(outages, None)
    for dial in state.dials:
        while outage is not None and outage.ended is not None and outage.ended < dial.began:
            outage = next(outages, None)
        if outage is not None and outage.began <= dial.began and dial.outcome in FAILED:
            found.setdefault(outage.id, []).append(dial)
    return found


class _Usage:
    """One server, as it is counted."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.versions: dict[str, None] = {}
        self.connections = self.dials = self.connected = self.failed = 0
        self.seconds = 0.0
        self.total = Histogram()
        self.stages: dict[ev.Stage, Histogram] = {}
        self.sums: dict[ev.Stage, float] = {}

    def dialed(self, dial: Dial) -> None:
        """Count one dial."""
        self.dials += 1
        self.failed += dial.outcome in FAILED
        if dial.outcome != "connected":
            return
        self.connected += 1
        self.total.record(dial.total)
        for stage, seconds in dial.stage_times().items():
            self.stages.setdefault(stage, Histogram()).record(seconds)
            self.sums[stage] = self.sums.get(stage, 0.0) + seconds

    def facts(self, server: str) -> Server:
        """What was counted."""
        took = ((stage, percentiles(self.stages[stage])) for stage in ev.STAGES if stage in self.stages)
        return Server(
            server=server,
            names=tuple(self.names)[:_NAMES_KEPT],
            versions=tuple(self.versions)[:_NAMES_KEPT],
            connections=self.connections,
            seconds=self.seconds,
            dials=self.dials,
            connected=self.connected,
            failed=self.failed,
            total=percentiles(self.total),
            stages=tuple(Stage(stage, of, self.sums[stage] / of.count) for stage, of in took if of is not None),
        )


def servers(state: State) -> tuple[Server, ...]:
    """Every server that was dialed or used, longest used first."""
    known: dict[str, _Usage] = {}

    def usage(server: str) -> _Usage:
        if server not in known and len(known) >= KINDS_KEPT:
            server = OTHERS
        return known.setdefault(server, _Usage())

    for dial in state.dials:
        usage(dial.server).dialed(dial)
    for period in state.periods:
        used = usage(period.server)
        used.connections += 1
        used.seconds += period.seconds(state.now)
        for words, word in (used.names, period.server_name), (used.versions, period.version):
            if word:
                words[word] = None
    found = (of.facts(server) for server, of in known.items())
    return tuple(sorted(found, key=lambda server: (-server.seconds, -server.dials)))
