"""Latency over time: medians and the longest on a logarithmic scale; times without a sample are gaps."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from natsmon.charts import svg
from natsmon.charts.axis import HEIGHT, DurationScale, TimeAxis, duration, labelled, svg_ticks
from natsmon.charts.cells import Piece, Row, block, fit, right, row, runs_of, text_of
from natsmon.charts.status_timeline import parts
from natsmon.charts.svg import Chart, Key
from natsmon.state import Stretch
from natsmon.state.histogram import Histogram
from natsmon.state.latency_series import SLICE, Bin
from natsmon.state.latency_slices import LatencyPoint
from natsmon.stream.latency_buckets import MICROSECONDS
from natsmon.text import units
from natsmon.text.dates import RunClock

WINDOW = 600.0
"""Seconds that the screen shows at least."""
DOT = "•"
_MARGIN = 8
"""Cells of the scale's labels."""
_SHORTEST = 1 / MICROSECONDS
_LINES = 6
"""Height of the plot in a report's text."""
_PLOT = 170
_TOP = 14
"""Pixels."""
_GAP = 2.5
"""Slices without a sample that make a gap; at one message a second a slice of a second may miss one by chance."""
_PIXEL = 1 / 1500
"""Of the width of the widest page."""
_LEGEND = (Key("median", "p50"), Key("band", "p50 to p99"), Key("longest", "longest"), Key("outage", "outage"))

_Sample = tuple[int, float, float]
"""Column, median and longest."""


class OutageSpan(NamedTuple):
    """An outage as it is drawn behind the lines."""

    label: str
    began: float
    seconds: float


# -- cells --------------------------------------------------------------------------------------------


def recent(series: Sequence[Bin], timeline: Sequence[Stretch], now: float, width: int, height: int) -> list[Row]:
    """The last ten minutes, or as many more as fill the width, for a screen.

    Columns lie at fixed times, so that the past of the picture never changes.
    """
    count = max(1, width - _MARGIN)
    per = -(-int(WINDOW / SLICE) // count)
    oldest = int(now // SLICE) // per - count + 1

    def samples() -> Iterator[_Sample]:
        for part in reversed(series):
            if part.number // per < oldest:
                return
            yield part.number // per - oldest, part.p50, part.worst

    drawn = _plot(samples(), count, height)
    if not drawn:
        return [fit(row(("  no sample in this time", "label")), width)]
    size = per * SLICE
    margin: Piece = (" " * _MARGIN, "label")
    drawn.append(row(margin) + _marks(timeline, now, oldest * size, size, count))
    ago = range(5, int(count * size / 60) + 1, 5)
    axis = [(count - 3, "now"), *((count - round(minutes * 60 / size), f"-{minutes} min") for minutes in ago)]
    drawn.append(row(margin, (labelled(axis, count), "dim")))
    legend = f"█ median of {size:.0f} s  {DOT} longest  × outage"
    drawn.append(row(margin, (legend if len(legend) <= count else "", "label")))
    return [fit(line, width) for line in drawn]


def _plot(samples: Iterable[_Sample], count: int, height: int) -> list[Row]:
    """A bar to the median of each column, and a dot at its longest; nothing without a sample."""
    longest = [0.0] * count
    medians: list[list[float]] = [[] for _ in range(count)]
    for place, p50, most in samples:
        if 0 <= place < count:
            longest[place] = max(longest[place], most, _SHORTEST)
            medians[place].append(max(p50, _SHORTEST))
    median = [sorted(of)[len(of) // 2] if of else 0.0 for of in medians]
    seen = [value for value in (*longest, *median) if value > 0]
    if not seen:
        return []
    scale = DurationScale.over(min(seen), max(seen))

    def level(seconds: float) -> int:
        """Eighths of a line; at least one for a sample."""
        return max(1, round(scale.place(seconds) * 8 * height)) if seconds > 0 else 0

    tops, halves = [level(value) for value in longest], [level(value) for value in median]
    ends = {0: duration(10.0**scale.low), height - 1: duration(10.0**scale.high)}
    drawn: list[Row] = []
    for line in range(height - 1, -1, -1):
        label = ends.get(line, "")
        text = "".join(_cell(top, half, line) for top, half in zip(tops, halves, strict=True))
        drawn.append(row((right(label, _MARGIN - 1) + " ", "label"), (text, "info")))
    return drawn


def _cell(top: int, half: int, line: int) -> str:
    if line == (top - 1) // 8 > (half - 1) // 8:
        return DOT
    return block(half, line)


def _marks(timeline: Sequence[Stretch], now: float, start: float, seconds: float, count: int) -> Row:
    """Where there was a connection, and where it was lost."""
    marks: list[Piece] = [(" ", "dim")] * count
    for part in parts(timeline, now, start):
        first, last = (int((at - start) / seconds) for at in (part.began, part.ended))
        for place in range(max(0, first), min(count - 1, last) + 1):
            if part.outage:
                marks[place] = ("×", "bad")
            elif part.shade in ("connected", "silent", "draining") and marks[place][0] == " ":
                marks[place] = ("─", "dim")
    return runs_of(marks)


# -- as a chart of a page -----------------------------------------------------------------------------


def chart(
    what: str,
    run: Histogram,
    points: Sequence[LatencyPoint],
    clock: RunClock,
    timeline: Sequence[Stretch],
    outages: Sequence[OutageSpan],
) -> Chart:
    """A whole run: the band from p50 to p99, the longest above it."""
    axis = TimeAxis.over([clock])
    slowest = max(points, key=lambda point: point.max)
    p50, p99 = (units.elapsed(value or 0.0) for value in run.percentiles(50, 99))
    at = clock.at(slowest.began)
    return Chart(
        title=f"{what} over time",
        description=f"{what}: p50 {p50}, p99 {p99}, longest {units.elapsed(slowest.max)} at {at}.",
        svg=lambda: _svg(points, clock, outages, axis),
        height=_TOP + _PLOT + HEIGHT,
        over_time=True,
        lines=lambda width: _lines(points, clock, timeline, axis, width),
        legend=_LEGEND if outages else _LEGEND[:-1],
    )


def _lines(
    points: Sequence[LatencyPoint], clock: RunClock, timeline: Sequence[Stretch], axis: TimeAxis, width: int
) -> list[str]:
    count = width - _MARGIN
    seconds = (axis.end - axis.start) / count

    def samples() -> Iterator[_Sample]:
        for point in points:
            began = point.began - clock.began
            first, last = (int(at / seconds) for at in (began, began + point.seconds * 0.999))
            yield from ((place, point.p50, point.max) for place in range(max(0, first), min(last, count - 1) + 1))

    drawn = [*_plot(samples(), count, _LINES)]
    drawn.append(row((" " * _MARGIN, "label")) + _marks(timeline, clock.seconds, clock.began, seconds, count))
    lines = [text_of(line).rstrip() for line in drawn]
    return [*lines, " " * _MARGIN + axis.line(count), f"{'':{_MARGIN}}█ median  {DOT} longest  × outage"]


def _svg(points: Sequence[LatencyPoint], clock: RunClock, outages: Sequence[OutageSpan], axis: TimeAxis) -> str:
    scale = DurationScale.over(min(point.p50 for point in points), max(point.max for point in points))
    bottom = _TOP + _PLOT
    drawn = list(svg_ticks(axis.ticks(), bottom, _TOP))
    reached = -1.0
    for outage in outages:
        began = clock.started + outage.began
        ends = axis.place(began), axis.place(began + outage.seconds)
        if ends[1] - reached >= _PIXEL:  # else it shares a pixel with the one before
            reached = ends[1]
            drawn.append(svg.rect("outage", *ends, _TOP, _PLOT, f"{outage.label}, {units.elapsed(outage.seconds)}"))
    for place, label in scale.ticks():
        y = bottom - place * _PLOT
        drawn += [svg.rule(y), svg.text(label, "-8", y + 4, anchor="end")]

    def through(points: Sequence[LatencyPoint], of: str) -> list[tuple[float, float]]:
        middle = clock.started + points[0].seconds / 2
        return [(axis.place(middle + point.began), _PLOT * (1 - scale.place(getattr(point, of)))) for point in points]

    lines: list[str] = []
    for unbroken in _unbroken(points):
        p50, p99 = through(unbroken, "p50"), through(unbroken, "p99")
        if len(unbroken) > 1:
            lines.append(svg.area("band", p99, p50))
        lines += [svg.line("p99", p99), svg.line("longest", through(unbroken, "max")), svg.line("median", p50)]
    return "".join([*drawn, svg.frame(_TOP, _PLOT, lines)])


def _unbroken(points: Sequence[LatencyPoint]) -> list[list[LatencyPoint]]:
    pieces: list[list[LatencyPoint]] = []
    for point in points:
        if pieces and point.began - pieces[-1][-1].began <= point.seconds * (1 + _GAP):
            pieces[-1].append(point)
        else:
            pieces.append([point])
    return pieces
