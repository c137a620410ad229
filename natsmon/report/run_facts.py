"""The facts of one connection, from its State at the end of a recording."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from msgspec.structs import replace

from natsmon.report import facts
from natsmon.state import ConnectedPeriod, Dial, OutageRecord, State, availability
from natsmon.state.availability import Availability
from natsmon.state.delivery import without_delivery
from natsmon.state.histogram import Histogram
from natsmon.state.latency_series import LatencySeries
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.wording.health import health

_DISTANT = 253_000_000_000.0
"""Seconds since the epoch; calendars end there."""
_KINDS_KEPT = 200
"""Different servers, or failures, that are distinguished; the others are counted as one more."""
_OTHERS = "others"
_NAMES_KEPT = 8


@dataclass(slots=True)
class Coverage:
    """Which part of a session the events of one connection cover."""

    missing: float | None = None
    """Where they begin, as ``t``, when nothing is known of the time before."""
    snapshot_at: float = 0.0
    """Where they begin with a snapshot, as ``t``."""
    only_snapshot: bool = True

    @property
    def complete(self) -> bool:
        """No further event changes it."""
        return self.missing is None and not self.only_snapshot

    def take(self, event: ev.AnyEvent) -> None:
        """Take the next event of the connection."""
        match event:
            case ev.Connection() | ev.Snapshot():
                return
            case ev.SnapshotEnd():
                self.missing = None
                self.snapshot_at = event.t if self.only_snapshot else self.snapshot_at
            case ev.StatusChanged(previous="DISCONNECTED"):  # as every session begins
                self.missing = None
        self.only_snapshot = False


def facts_of(state: State, coverage: Coverage, file: str, number: int, events: int) -> facts.Run:
    """The facts of a connection whose events were all read.

    ``file`` is what the recording is called in the report, ``number`` that of the session in the file.
    """
    session, connection = state.session, state.connection or ev.Connection()
    end, closed, tally = state.end, state.closed, state.tally
    started = _wall(session.started) if session.offsets else 0.0
    return facts.Run(
        file=file,
        number=number,
        label=file,
        id=session.id,
        names=state.server_names,
        started=started,
        clock_steps=tuple((each.t, _wall(each.t + each.offset) - each.t - started) for each in session.offsets[1:]),
        seconds=state.now,
        missing=coverage.missing,
        events=events,
        versions=session.versions,
        targets=tuple(connection.servers),
        interval=max(0.0, connection.interval),
        finished=end is not None,
        exit_code=end.exit_code if end else None,
        end_reason=end.reason if end else "",
        closed=(closed.text or closed.cause) if closed else "",
        health=health(state, state.now).headline,
        availability=_availability(state, whole=coverage.missing is None),
        messages=facts.Messages(**_same(tally, *facts.Messages.__struct_fields__)),
        unverified=state.was_unverified,
        echo=_latency(state.echoes),
        ping=_latency(state.pings),
        outages=tuple(_outages(state)),
        servers=_servers(state),
        failures=_failures(state.dials),
        dials=state.dial_count,
        dialing=state.dial is not None,
        timeline=tuple(state.timeline),
        silences=tuple(state.silences(state.now)),
        without_delivery=without_delivery(state, state.now),
        lame_ducks=tuple((period.lame_duck, period.server) for period in state.periods if period.lame_duck is not None),
        errors=tuple(sorted(state.error_counts.items(), key=lambda item: -item[1])),
        left_out=tuple(_left_out(state, coverage)),
        **_same(connection, "name", "subject", "verification", "observing", "settings"),
        **_same(state, "conn", "began", "replaced_by", "audit", "observed", "reconnects", "dropped"),
    )


def _same(record: object, *names: str) -> dict[str, Any]:
    """The fields of a record that the facts have under the same names."""
    return {name: getattr(record, name) for name in names}


def _wall(at: float) -> float:
    return min(max(0.0, at), _DISTANT)


def _availability(state: State, *, whole: bool) -> Availability:
    """What depends on the beginning is none where that is not in the recording."""
    found = availability.of_the_run(state, state.now)
    return found if whole else replace(found, share=None, share_without_silence=None, between=None)


def _outages(state: State) -> Iterator[facts.Outage]:
    failed = _failed_in_outages(state)
    for record in state.outages:
        yield facts.Outage(
            number=record.id,
            began=record.began,
            at=_wall(state.wall(record.began)),
            seconds=record.downtime(state.now),
            silent=record.began - record.silent_since if record.silent_since is not None else 0.0,
            subscribed_after=_after_the_end(record, record.subscribed),
            first_echo_after=_after_the_end(record, record.first_echo),
            failures=_failures(failed.get(record.id, [])),
            lost_known=record.lost_if_known is not None,
            lost_seqs=tuple(record.lost_seqs),
            cause=record.known_cause,
            **_same(record, "ended", "detected_after", "text", "reason", "manual", "settled", "same_server"),
            **_same(record, "before", "before_name", "after", "after_name"),
            **_same(record, "unverified", "late", "duplicate", "dials", "servers", "buffered", "rejected", "lost"),
        )


def _after_the_end(record: OutageRecord, t: float | None) -> float | None:
    return max(0.0, t - record.ended) if t is not None and record.ended is not None else None


def _latency(series: LatencySeries) -> facts.Latency | None:
    found = _percentiles(series.run)
    if found is None:
        return None
    return facts.Latency(found, series.run, series.whole.points() if series.whole is not None else ())


def _left_out(state: State, coverage: Coverage) -> Iterator[str]:
    if coverage.snapshot_at > 0:
        yield f"events of the first {units.elapsed(coverage.snapshot_at)}: the recording begins then, with a snapshot"
    if coverage.missing is not None:
        yield f"the first {units.elapsed(coverage.missing)}: they are not in the recording"
    elif not state.session.id:
        yield "when it began: the first line of the session is not in the recording"
    elif state.connection is None:
        yield "what it connects to: the first line of the connection is not in the recording"
    if (more := state.outage_count + state.manual_reconnects - len(state.outages)) > 0:
        yield f"{units.plural(more, 'outage')} of {state.outage_count:,}: only counted"
    if (more := state.dial_count - len(state.dials)) > 0:
        yield f"{units.plural(more, 'dial')} of {state.dial_count:,}: only counted"
    up = state.status_seconds("CONNECTED", state.now) + state.status_seconds("DRAINING", state.now)
    if (gone := up - sum(period.seconds(state.now) for period in state.periods)) > 1.0:
        yield f"{units.elapsed(gone)} of the time connected: not attributed to a server"
    if (began := state.timeline[0].began - state.began) > 0:
        yield f"the timeline of the first {units.elapsed(began)}"


def _percentiles(histogram: Histogram) -> facts.Percentiles | None:
    """None without a sample."""
    found = [value for value in histogram.percentiles(50, 90, 99, 99.9) if value is not None]
    if not found:
        return None
    p50, p90, p99, p999 = found
    return facts.Percentiles(histogram.count, p50, p90, p99, p999, histogram.max)


def _failures(dials: Iterable[Dial]) -> tuple[facts.Failure, ...]:
    """The dials that failed, by server, stage and cause; most frequent first."""
    kinds: dict[tuple[str, ev.Stage | None, str], tuple[int, str]] = {}
    for dial in dials:
        if dial.failed:
            key = (dial.server, dial.stage_reached, dial.known_cause)
            if key not in kinds and len(kinds) >= _KINDS_KEPT:
                key = (_OTHERS, None, "unknown")
            kinds[key] = kinds.get(key, (0, ""))[0] + 1, dial.text
    found = (facts.Failure(*kind, *known) for kind, known in kinds.items())
    return tuple(sorted(found, key=lambda failure: -failure.count))


def _failed_in_outages(state: State) -> dict[int, list[Dial]]:
    """The dials that failed, by the outage in which they began."""
    found: dict[int, list[Dial]] = {}
    outages = iter(state.outages)
    outage = next(outages, None)
    for dial in state.dials:
        while outage is not None and outage.ended is not None and outage.ended < dial.began:
            outage = next(outages, None)
        if outage is not None and outage.began <= dial.began and dial.failed:
            found.setdefault(outage.id, []).append(dial)
    return found


def _servers(state: State) -> tuple[facts.Server, ...]:
    """Every server that was dialed or used, longest used first."""
    known: dict[str, tuple[list[Dial], list[ConnectedPeriod]]] = {}

    def of(server: str) -> tuple[list[Dial], list[ConnectedPeriod]]:
        return known.setdefault(server if server in known or len(known) < _KINDS_KEPT else _OTHERS, ([], []))

    for dial in state.dials:
        of(dial.server)[0].append(dial)
    for period in state.periods:
        of(period.server)[1].append(period)
    found = (_server(server, dials, periods, state.now) for server, (dials, periods) in known.items())
    return tuple(sorted(found, key=lambda server: (-server.seconds, -server.dials)))


def _server(server: str, dials: list[Dial], periods: list[ConnectedPeriod], now: float) -> facts.Server:
    connected = [dial for dial in dials if dial.outcome == "connected"]
    times: dict[ev.Stage, list[float]] = {stage: [] for stage in ev.STAGES}
    for dial in connected:
        for stage, seconds in dial.stage_times().items():
            times[stage].append(seconds)
    took = ((stage, of, _percentiles_of(of)) for stage, of in times.items())
    return facts.Server(
        server=server,
        names=_different([*(period.server_name for period in periods), *(dial.name for dial in dials)]),
        versions=tuple(each for each, _ in groupby(filter(None, (period.version for period in periods))))[
            -_NAMES_KEPT:
        ],
        connections=len(periods),
        seconds=sum((period.seconds(now) for period in periods), 0.0),
        dials=len(dials),
        connected=len(connected),
        failed=sum(dial.failed for dial in dials),
        total=_percentiles_of(dial.total for dial in connected),
        stages=tuple(facts.Stage(stage, found, sum(of) / len(of)) for stage, of, found in took if found is not None),
    )


def _percentiles_of(durations: Iterable[float]) -> facts.Percentiles | None:
    histogram = Histogram()
    for seconds in durations:
        histogram.record(seconds)
    return _percentiles(histogram)


def _different(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, words)))[:_NAMES_KEPT]
