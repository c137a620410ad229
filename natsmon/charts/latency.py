"""Latency over time: the band from p50 to p99, the longest above it, gaps where nothing was measured."""

from natsmon.charts import svg
from natsmon.charts.axis import HEIGHT, Axis, Scale
from natsmon.report import words
from natsmon.report.blocks import Chart, Key
from natsmon.report.facts import Latency, Point, Run
from natsmon.text import units

_PLOT = 170
_TOP = 14
_SPARKS = "▁▂▃▄▅▆▇█"
_GAP = 2.5
"""Slices without a sample that make a gap; at one message a second a slice of a second may miss one by chance."""
_LABEL = 5
_PIXEL = 1 / 1500
"""Of the width: a page is not wider."""
_LEGEND = (Key("median", "p50"), Key("band", "p50 to p99"), Key("longest", "longest"), Key("outage", "outage"))


def chart(run: Run, latency: Latency, what: str) -> Chart:
    axis = Axis.of(run)
    scale = Scale.over(min(point.p50 for point in latency.series), max(point.max for point in latency.series))
    worst = max(latency.series, key=lambda point: point.max)
    told = f"{what}: p50 {units.elapsed(latency.run.p50)}, p99 {units.elapsed(latency.run.p99)}"
    told += f", longest {units.elapsed(worst.max)} at {words.Clock(run).at(worst.began)}."
    return Chart(
        title=f"{what} over time",
        told=told,
        svg=lambda: _draw(run, latency, axis, scale),
        height=_TOP + _PLOT + HEIGHT,
        over_time=True,
        letters=lambda width: _letters(run, latency, axis, scale, width),
        legend=_LEGEND if run.outages else _LEGEND[:-1],
    )


def _draw(run: Run, latency: Latency, axis: Axis, scale: Scale) -> str:
    bottom = _TOP + _PLOT
    drawn = axis.svg(bottom, _TOP)
    reached = -1.0
    for outage in run.outages:
        ends = axis.place(run.started + outage.began), axis.place(run.started + outage.began + outage.seconds)
        if ends[1] - reached >= _PIXEL:  # else it shares a pixel with the one before
            reached = ends[1]
            said = f"outage {outage.number}, {units.elapsed(outage.seconds)}"
            drawn.append(svg.rect("outage", *ends, _TOP, _PLOT, said))
    for place, label in scale.ticks():
        y = bottom - place * _PLOT
        drawn += [svg.rule(y), svg.text(label, "-8", y + 4, anchor="end")]

    def through(points: list[Point], of: str) -> list[tuple[float, float]]:
        middle = points[0].seconds / 2
        return [
            (axis.place(run.started + point.began + middle), _PLOT * (1 - scale.place(getattr(point, of))))
            for point in points
        ]

    lines: list[str] = []
    for points in _unbroken(latency.series):
        p50, p99 = through(points, "p50"), through(points, "p99")
        if len(points) > 1:
            lines.append(svg.area("band", p99, p50))
        lines += [svg.line("p99", p99), svg.line("longest", through(points, "max")), svg.line("median", p50)]
    return "".join([*drawn, svg.frame(_TOP, _PLOT, lines)])


def _unbroken(series: tuple[Point, ...]) -> list[list[Point]]:
    pieces: list[list[Point]] = []
    for point in series:
        if pieces and point.began - pieces[-1][-1].began <= point.seconds * (1 + _GAP):
            pieces[-1].append(point)
        else:
            pieces.append([point])
    return pieces


def _letters(run: Run, latency: Latency, axis: Axis, scale: Scale, width: int) -> list[str]:
    """A line of p50 and one of the longest, both on the same scale."""
    room = width - _LABEL
    lines = []
    for label, of in (("p50", "p50"), ("max", "max")):
        cells = [0.0] * room
        for point in latency.series:
            first, last = (
                min(room - 1, int(axis.place(run.started + at) * room))
                for at in (point.began, point.began + point.seconds * 0.999)
            )
            for cell in range(first, last + 1):
                cells[cell] = max(cells[cell], getattr(point, of))
        sparks = "".join(_spark(scale.place(value)) if value else " " for value in cells)
        lines.append(f"{label:<{_LABEL}}{sparks}".rstrip())
    low, high = scale.ends()
    lines.append(" " * _LABEL + axis.letters(room))
    return [*lines, f"{'':{_LABEL}}{_SPARKS[0]} is {low}, {_SPARKS[-1]} is {high}; each step is the same factor"]


def _spark(place: float) -> str:
    return _SPARKS[min(len(_SPARKS) - 1, int(place * len(_SPARKS)))]
