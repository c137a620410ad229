"""Distribution of latency: how many samples took how long, on a logarithmic scale."""

from bisect import bisect_left
from collections import Counter

from natsmon.charts import svg
from natsmon.charts.axis import HEIGHT, DurationScale, duration, svg_ticks
from natsmon.charts.cells import Row, fit, left, right, row, text_of
from natsmon.charts.svg import Chart
from natsmon.state.histogram import Histogram
from natsmon.stream.latency_buckets import MICROSECONDS
from natsmon.text import units

_UPPER = [step * 10**power for power in range(20) for step in (1, 2, 5)]
"""The longest latency of each bar of cells, in microseconds."""
_MARGIN = 8
_BARS = 40
"""Cells."""
_LONG = 3
"""Empty bars in a row that are left out."""
_FIGURES = 24
"""Cells right of a bar."""
_A_DECADE = 12
"""Bars of SVG in a power of ten."""
_PLOT = 120
_TOP = 14
"""Pixels."""


def bars(histogram: Histogram, width: int) -> list[Row]:
    """A row for each of 1, 2 and 5 times a power of ten: how many took up to that long."""
    counted: Counter[int] = Counter()
    for microseconds, count in histogram.counts():
        counted[bisect_left(_UPPER, microseconds)] += count
    if not counted:
        return [fit(row(("  nothing was measured", "label")), width)]
    most = max(counted.values())
    room = max(1, min(_BARS, width - _MARGIN - _FIGURES))

    def bar(step: int) -> Row:
        count = counted[step]
        eighths = max(1, round(count / most * room * 8)) if count else 0
        filled = "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
        return row(
            (right(duration(_UPPER[step] / MICROSECONDS), _MARGIN) + "  ", "label"),
            (left(filled, room) + " ", "info"),
            (right(units.part(count, histogram.count) if count else "–", 8), "value" if count else "dim"),
            (f"{count:>12,}" if count else "", "label"),
        )

    drawn: list[Row] = []
    steps = sorted(counted)
    for before, step in zip([steps[0] - 1, *steps], steps, strict=False):
        empty = range(before + 1, step)
        drawn += [row((right("⋮", _MARGIN), "label"))] if len(empty) >= _LONG else map(bar, empty)
        drawn.append(bar(step))
    return [fit(line, width) for line in drawn]


def chart(what: str, histogram: Histogram) -> Chart:
    p50, p90, p99 = (units.elapsed(value or 0.0) for value in histogram.percentiles(50, 90, 99))
    return Chart(
        title=f"{what}, distribution",
        description=f"Of {histogram.count:,}, half took up to {p50}, 90 % up to {p90}, 99 % up to {p99}; "
        f"the longest took {units.elapsed(histogram.max)}.",
        svg=lambda: _svg(histogram),
        height=_TOP + _PLOT + HEIGHT,
        lines=lambda width: [text_of(line).rstrip() for line in bars(histogram, width)],
    )


def _svg(histogram: Histogram) -> str:
    counted = [(microseconds / MICROSECONDS, count) for microseconds, count in histogram.counts()]
    scale = DurationScale.over(counted[0][0], counted[-1][0])
    bars = (scale.high - scale.low) * _A_DECADE
    counts = [0] * bars
    for longest, count in counted:
        counts[min(bars - 1, int(scale.place(longest) * bars))] += count
    most = max(counts)
    bottom = _TOP + _PLOT
    drawn = [svg.rule(bottom), *svg_ticks(scale.ticks(), bottom, _TOP)]
    for number, count in enumerate(counts):
        if count:
            height = max(1.5, _PLOT * count / most)
            bounds = [10 ** (scale.low + edge / _A_DECADE) for edge in (number, number + 1)]
            title = f"{count:,} took {units.elapsed(bounds[0])} to {units.elapsed(bounds[1])}"
            drawn.append(svg.rect("count", number / bars, (number + 0.88) / bars, bottom - height, height, title))
    for name, value in zip(("p50", "p99"), histogram.percentiles(50, 99), strict=True):
        place = scale.place(value or 0.0)
        x = svg.across(place)
        drawn += [
            svg.element("line", class_="mark", x1=x, x2=x, y1=_TOP, y2=bottom),
            svg.text(name, x, _TOP - 3, "name", "end" if place > 0.9 else "start"),
        ]
    return "".join(drawn)
