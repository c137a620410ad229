"""Several runs side by side: before and after, or three machines at the same time."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, repeat
from pathlib import PurePath

from msgspec.structs import replace

from natsmon.charts import status_timeline
from natsmon.charts.status_timeline import Lane
from natsmon.report import words
from natsmon.report.blocks import Block, Cell, Cells, Heading, Kind, Prose, table
from natsmon.report.facts import Comparison, Row, Run
from natsmon.state.availability import Availability
from natsmon.text import dates, units

_NOTABLE = 0.1
"""A duration that differs by less than this share counts as equal."""
_TINY = 0.0001
"""Seconds; durations that differ by less count as equal."""

_NAMED = 10
"""Outages in the description of a chart."""

Value = float | int | str | None


class _Line:
    """One row: its figure of a run, and whether more of it is better (1), worse (-1) or neither (0)."""

    def __init__(self, name: str, unit: str, better: int, of: Callable[[Run], Value]) -> None:
        self.name, self.unit, self.better, self.of = name, unit, better, of

    def row(self, runs: Sequence[Run]) -> Row:
        values = tuple(self.of(run) for run in runs)
        return Row(self.name, self.unit, values, tuple(self._mark(values[0], value) for value in values))

    def _mark(self, first: Value, value: Value) -> str:
        if value == first or self.unit == "name" or first in (None, "") or value in (None, ""):
            return ""  # an unknown value does not differ
        if isinstance(first, str) or isinstance(value, str):
            return "differs"
        difference = value - first
        if self.unit == "s" and abs(difference) <= max(_TINY, _NOTABLE * abs(first)):
            return ""
        return {1: "better", -1: "worse", 0: ""}[(1 if difference > 0 else -1) * self.better]


def _of(latency: str, name: str) -> Callable[[Run], Value]:
    def value(run: Run) -> Value:
        found = getattr(run, latency)
        return None if found is None else float(getattr(found.run, name))

    return value


def _dial_p50(run: Run) -> Value:
    """Of the server that was dialed most."""
    totals = [server.total for server in run.servers if server.total is not None]
    return max(totals, key=lambda total: total.count).p50 if totals else None


def _lost(run: Run) -> Value:
    """None when it is unknown, or nothing was sent."""
    if run.observed is not None:
        return run.observed.missing
    unknown = run.observing or run.unverified or run.verification == "none"
    return None if unknown or not run.messages.sent else run.messages.lost


def _down(of: Callable[[Availability], Value]) -> Callable[[Run], Value]:
    """None when it was never connected, which is not better than an outage."""
    return lambda run: None if run.availability.share is None else of(run.availability)


def _versions(run: Run) -> str:
    return ", ".join(dict.fromkeys(version for server in run.servers for version in server.versions))


_LINES = (
    _Line("name", "name", 0, lambda run: run.name),
    _Line("started", "at", 0, lambda run: run.started and run.clock.wall(run.began)),
    _Line("watched", "s", 0, lambda run: run.watched),
    _Line("servers' version", "text", 0, _versions),
    _Line("availability", "share", 1, lambda run: run.availability.share),
    _Line("outages", "count", -1, _down(lambda found: found.outages)),
    _Line("longest outage", "s", -1, _down(lambda found: found.longest or 0.0)),
    _Line("downtime", "s", -1, _down(lambda found: found.down)),
    _Line("silent", "s", -1, _down(lambda found: found.silent)),
    _Line("messages", "count", 0, lambda run: run.messages.attempted),
    _Line("lost", "count", -1, _lost),
    _Line("undelivered", "count", -1, lambda run: run.messages.undelivered),
    _Line("rejected", "count", -1, lambda run: run.messages.rejected),
    _Line("latency p50", "s", -1, _of("echo", "p50")),
    _Line("latency p99", "s", -1, _of("echo", "p99")),
    _Line("latency longest", "s", -1, _of("echo", "max")),
    _Line("ping p50", "s", -1, _of("ping", "p50")),
    _Line("ping p99", "s", -1, _of("ping", "p99")),
    _Line("dial p50", "s", -1, _dial_p50),
    _Line("dials", "count", 0, lambda run: run.dials),
)


def labelled(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Each with its own label: the file's name, or path where two have one name; session and connection of several.

    A connection is named where no other of its session has the name; else it has its number and context.
    """
    files = dict.fromkeys(run.file for run in runs)
    names = [PurePath(file).name or file for file in files]
    sessions = {run.file for run in runs if run.number > 1}
    connections = {(run.file, run.number) for run in runs if run.conn}
    called = Counter((run.file, run.number, run.name) for run in runs)

    def label(run: Run) -> str:
        name = PurePath(run.file).name or run.file
        name = run.file if names.count(name) > 1 else name
        parts = [str(run.number)] * (run.file in sessions)
        if (run.file, run.number) in connections:
            context = run.settings.get("context", ("", ""))[0]
            numbered = [f"connection {run.conn}"] + [f"context {words.name(context)}"] * bool(context)
            named = run.name and called[run.file, run.number, run.name] == 1
            parts += [words.name(run.name)] if named else numbered
        return f"{name} ({', '.join(parts)})" if parts else name

    return tuple(replace(run, label=label(run)) for run in runs)


def compared(runs: tuple[Run, ...]) -> Comparison | None:
    """Compared with the first of them; None with fewer than two."""
    if len(runs) < 2:
        return None
    known = sorted((run.clock.wall(run.began), run.clock.wall(run.seconds)) for run in runs if run.started > 0)
    overlapping = any(one[1] > other[0] for one, other in pairwise(known))
    return Comparison(overlapping, tuple(line.row(runs) for line in _LINES))


def lane(run: Run) -> Lane:
    """The status of a run over time, for a chart."""
    outages = [outage for outage in run.outages if not outage.manual]
    if not outages:
        return Lane(run.label, run.clock, run.timeline, f"No outage in {units.elapsed(run.watched)}.")
    shown = [f"{run.clock.at(outage.began)} for {units.elapsed(outage.seconds)}" for outage in outages[:_NAMED]]
    more = f", and {len(outages) - _NAMED} more" if len(outages) > _NAMED else ""
    described = f"{units.plural(len(outages), 'outage')}: {', '.join(shown)}{more}."
    return Lane(run.label, run.clock, run.timeline, described)


def blocks(runs: tuple[Run, ...], comparison: Comparison) -> Iterator[Block]:
    """The comparison: a table and, for runs at the same time, one chart of all."""
    same = "at the same time, at least in part" if comparison.overlapping else "one after the other"
    yield Heading("Side by side", 2)
    what = "connections" if any(run.conn for run in runs) else "sessions"
    yield Prose(f"{len(runs)} {what}, {same}. Better, worse and differs are against the first, {runs[0].label}.")
    labels = [run.label for run in runs]
    rows: Iterator[Cells] = (
        (f"{row.name} (UTC)" if row.unit == "at" else row.name, *map(_cell, repeat(row.unit), row.values, row.marks))
        for row in comparison.rows
        if any(value not in (None, "") for value in row.values)
    )
    yield table(f"{what.capitalize()} side by side", ["", *labels], rows, right=labels)
    if comparison.overlapping:
        yield status_timeline.chart([lane(run) for run in runs if run.started > 0])


def _cell(unit: str, value: Value, mark: str) -> Cell:
    shown = _shown(unit, value)
    kinds: dict[str, Kind] = {"better": "good", "worse": "bad", "differs": "warn"}
    return Cell(f"{mark} {shown}", kinds[mark]) if mark else Cell(shown)


def _shown(unit: str, value: Value) -> str:
    match unit, value:
        case (_, None | ""):
            return words.NONE
        case "at", float():
            return dates.stamp(value).removesuffix(" UTC") if value > 0 else words.NONE
        case "s", float():
            return units.elapsed(value) if value else "0 s"
        case "share", float():
            return units.availability(value)
        case "count", int():
            return f"{value:,}"
    return words.name(str(value))
