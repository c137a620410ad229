"""Facts of the dials: by server with the times of their stages, and failures by kind."""

from collections.abc import Iterable

from natsmon.report.facts import Failure, Percentiles, Server, Stage
from natsmon.state import ConnectedPeriod, Dial, State
from natsmon.state.histogram import Histogram
from natsmon.stream import events as ev

KINDS_KEPT = 200
"""Different servers, or failures, that are distinguished; the others are counted as one more."""
OTHERS = "others"
_NAMES_KEPT = 8
FAILED = ("failed", "timeout")


def percentiles(histogram: Histogram) -> Percentiles | None:
    """None without a sample."""
    found = [value for value in histogram.percentiles(50, 90, 99, 99.9) if value is not None]
    if not found:
        return None
    p50, p90, p99, p999 = found
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


def servers(state: State) -> tuple[Server, ...]:
    """Every server that was dialed or used, longest used first."""
    known: dict[str, tuple[list[Dial], list[ConnectedPeriod]]] = {}

    def of(server: str) -> tuple[list[Dial], list[ConnectedPeriod]]:
        return known.setdefault(server if server in known or len(known) < KINDS_KEPT else OTHERS, ([], []))

    for dial in state.dials:
        of(dial.server)[0].append(dial)
    for period in state.periods:
        of(period.server)[1].append(period)
    found = (_server(server, dials, periods, state.now) for server, (dials, periods) in known.items())
    return tuple(sorted(found, key=lambda server: (-server.seconds, -server.dials)))


def _server(server: str, dials: list[Dial], periods: list[ConnectedPeriod], now: float) -> Server:
    connected = [dial for dial in dials if dial.outcome == "connected"]
    times: dict[ev.Stage, list[float]] = {stage: [] for stage in ev.STAGES}
    for dial in connected:
        for stage, seconds in dial.stage_times().items():
            times[stage].append(seconds)
    took = ((stage, of, _percentiles_of(of)) for stage, of in times.items())
    return Server(
        server=server,
        names=_different(period.server_name for period in periods),
        versions=_different(period.version for period in periods),
        connections=len(periods),
        seconds=sum((period.seconds(now) for period in periods), 0.0),
        dials=len(dials),
        connected=len(connected),
        failed=sum(dial.outcome in FAILED for dial in dials),
        total=_percentiles_of(dial.total for dial in connected),
        stages=tuple(Stage(stage, found, sum(of) / len(of)) for stage, of, found in took if found is not None),
    )


def _percentiles_of(durations: Iterable[float]) -> Percentiles | None:
    histogram = Histogram()
    for seconds in durations:
        histogram.record(seconds)
    return percentiles(histogram)


def _different(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, words)))[:_NAMES_KEPT]
