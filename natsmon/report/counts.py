"""What is counted while the events of a run pass: dials by server, failures by kind, time on each server."""

from natsmon.report.facts import Failure, Percentiles, Server, Stage
from natsmon.state import ConnectedPeriod, Dial
from natsmon.state.histogram import Histogram
from natsmon.stream import events as ev
from natsmon.text.units import LONGEST

KINDS_KEPT = 200
"""Different servers, failures or errors that are told apart; the others count as one more, without a name."""
OTHERS = "others"
_NAMES_KEPT = 8


def span(seconds: float) -> float:
    """A duration that can be written: a file may claim anything."""
    return min(max(0.0, seconds), float(LONGEST))


def percentiles(histogram: Histogram) -> Percentiles | None:
    p50, p90, p99, p999 = histogram.percentiles(50, 90, 99, 99.9)
    if p50 is None or p90 is None or p99 is None or p999 is None:
        return None
    return Percentiles(histogram.count, p50, p90, p99, p999, histogram.max)


class Failures:
    """Failed dials, counted by server, stage and cause."""

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, ev.Stage | None, str], tuple[int, str]] = {}

    def count(self, dial: Dial) -> None:
        key = (dial.server, dial.stage_reached, dial.cause)
        if key not in self._kinds and len(self._kinds) >= KINDS_KEPT:
            key = (OTHERS, None, "unknown")
        before, _ = self._kinds.get(key, (0, ""))
        self._kinds[key] = before + 1, dial.text

    def facts(self) -> tuple[Failure, ...]:
        """Most frequent first."""
        found = [
            Failure(server, stage, cause, count, text) for (server, stage, cause), (count, text) in self._kinds.items()
        ]
        return tuple(sorted(found, key=lambda failure: -failure.count))


class _Use:
    """One server, as it is filled in."""

    def __init__(self) -> None:
        self.names: dict[str, None] = {}
        self.versions: dict[str, None] = {}
        self.connections = 0
        self.seconds = 0.0
        self.dials = self.connected = self.failed = 0
        self.total = Histogram()
        self.stages: dict[ev.Stage, Histogram] = {}
        self.sums: dict[ev.Stage, float] = {}


class Servers:
    """Every server that was dialed or used."""

    def __init__(self) -> None:
        self._uses: dict[str, _Use] = {}

    def dialed(self, dial: Dial) -> None:
        """A dial that is over."""
        use = self._use(dial.server)
        use.dials += 1
        if dial.outcome in ("failed", "timeout"):
            use.failed += 1
        if dial.outcome != "connected":
            return
        use.connected += 1
        use.total.record(span(dial.total))
        for stage, told in dial.stage_times().items():
            seconds = span(told)
            use.stages.setdefault(stage, Histogram()).record(seconds)
            use.sums[stage] = use.sums.get(stage, 0.0) + seconds

    def connected(self, server: str, name: str, version: str = "") -> None:
        use = self._use(server)
        use.connections += 1
        for known, word in (use.names, name), (use.versions, version):
            if word and len(known) < _NAMES_KEPT:
                known[word] = None

    def used(self, connection: ConnectedPeriod, now: float) -> None:
        self._use(connection.server).seconds += span(connection.seconds(now))

    def facts(self) -> tuple[Server, ...]:
        """Longest used first."""
        found = [_server(name, use) for name, use in self._uses.items()]
        return tuple(sorted(found, key=lambda server: (-server.seconds, -server.dials)))

    def _use(self, server: str) -> _Use:
        if server not in self._uses and len(self._uses) >= KINDS_KEPT:
            server = OTHERS
        return self._uses.setdefault(server, _Use())


def _server(name: str, use: _Use) -> Server:
    found = ((stage, percentiles(use.stages[stage])) for stage in ev.STAGES if stage in use.stages)
    stages = [Stage(stage, took, use.sums[stage] / took.count) for stage, took in found if took is not None]
    return Server(
        server=name,
        names=tuple(use.names),
        versions=tuple(use.versions),
        connections=use.connections,
        seconds=span(use.seconds),
        dials=use.dials,
        connected=use.connected,
        failed=use.failed,
        total=percentiles(use.total),
        stages=tuple(stages),
    )
