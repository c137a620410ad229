"""How latency is spread: how many took how long, on a scale of powers of ten."""

from natsmon.charts import svg
from natsmon.charts.axis import HEIGHT, Scale, duration
from natsmon.report import words
from natsmon.report.blocks import Chart
from natsmon.report.facts import Latency
from natsmon.text import units

_PLOT = 120
_TOP = 14
_A_DECADE = 12
"""Bars of each power of ten."""
_STEPS = (1, 2, 5)
"""The bounds of the rows in letters."""


def chart(latency: Latency, what: str) -> Chart:
    shortest = latency.spread[0][0]
    scale = Scale.over(shortest, latency.spread[-1][0])
    run = latency.run
    return Chart(
        title=f"{what}, how it is spread",
        told=f"Of {units.grouped(run.count)}, half took up to {units.elapsed(run.p50)}, 90 % up to "
        f"{units.elapsed(run.p90)}, 99 % up to {units.elapsed(run.p99)}; the longest took {units.elapsed(run.max)}.",
        svg=lambda: _draw(latency, scale),
        height=_TOP + _PLOT + HEIGHT,
        letters=lambda width: _letters(latency, width),
    )


def _draw(latency: Latency, scale: Scale) -> str:
    bars = (scale.high - scale.low) * _A_DECADE
    counts = [0] * bars
    for longest, count in latency.spread:
        counts[min(bars - 1, int(scale.place(longest) * bars))] += count
    most = max(counts)
    bottom = _TOP + _PLOT
    drawn = [svg.rule(bottom)]
    for place, label in scale.ticks():
        x = svg.across(place)
        anchor = "start" if place < 0.01 else "end" if place > 0.99 else "middle"
        drawn += [
            svg.element("line", class_="rule", x1=x, x2=x, y1=_TOP, y2=bottom + 4),
            svg.text(label, x, bottom + HEIGHT - 4, anchor=anchor),
        ]
    for number, count in enumerate(counts):
        if count:
            tall = max(1.5, _PLOT * count / most)
            bounds = [10 ** (scale.low + edge / _A_DECADE) for edge in (number, number + 1)]
            said = f"{units.grouped(count)} took {units.elapsed(bounds[0])} to {units.elapsed(bounds[1])}"
            drawn.append(svg.rect("count", number / bars, (number + 0.88) / bars, bottom - tall, tall, said))
    for name, value, up in (("p50", latency.run.p50, 0), ("p99", latency.run.p99, 0)):
        place = scale.place(value)
        x = svg.across(place)
        drawn += [
            svg.element("line", class_="mark", x1=x, x2=x, y1=_TOP - up, y2=bottom),
            svg.text(name, x, _TOP - 3, "name", "end" if place > 0.9 else "start"),
        ]
    return "".join(drawn)


def _letters(latency: Latency, width: int) -> list[str]:
    """A row for each of 1, 2 and 5 times a power of ten."""
    rows: dict[float, int] = {}
    for longest, count in latency.spread:
        bound = _bound(longest)
        rows[bound] = rows.get(bound, 0) + count
    total, most = latency.run.count, max(rows.values())
    numbers = max(len(units.grouped(count)) for count in rows.values())
    room = max(8, min(40, width - 30 - numbers))
    lines = []
    for bound in _bounds(min(rows), max(rows)):
        count = rows.get(bound, 0)
        bar = "█" * round(room * count / most) or ("▏" if count else "")
        lines.append(
            f"up to {duration(bound):>8}  {bar:<{room}} {units.grouped(count):>{numbers}}  {words.part(count, total)}"
        )
    return lines


def _bounds(first: float, last: float) -> list[float]:
    bounds = [first]
    while bounds[-1] < last * 0.99:
        bounds.append(_bound(bounds[-1] * 1.5))
    return bounds


def _bound(seconds: float) -> float:
    """The next of 1, 2, 5, 10 … that is not shorter; rounded, so that equal ones are one key."""
    power = 1e-6
    while True:
        for step in _STEPS:
            if seconds <= step * power * (1 + 1e-9):
                return float(f"{step * power:.0e}")
        power *= 10
