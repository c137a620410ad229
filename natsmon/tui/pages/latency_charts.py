"""Latencies drawn: their course over time, in which an outage is a gap, and their distribution as bars."""

import math
from collections.abc import Sequence

from natsmon.state.histogram import MICROSECONDS, Histogram
from natsmon.state.latency_series import SLICE, Bin
from natsmon.tui.model.moment import Moment
from natsmon.tui.panels.round_trip_panel import BLOCKS
from natsmon.tui.widgets import figures
from natsmon.tui.widgets.cells import Piece, Role, Row, fit, left, right, row

WINDOW = 600.0
_SLICES = int(WINDOW / SLICE)
_AXIS = 8
_LABELS = {-6: "1 µs", -5: "10 µs", -4: "0.1 ms", -3: "1 ms", -2: "10 ms", -1: "0.1 s", 0: "1 s", 1: "10 s"}
_STEPS = (1, 2, 5)
"""Parts of a decade: bars are one for each."""
DOT = "•"
_LEAST = 1 / MICROSECONDS
_LONG = 3
_BARS = 40


def course(series: Sequence[Bin], moment: Moment, width: int, height: int) -> list[Row]:
    """A bar to the median of each column and a dot at its slowest, on a logarithmic scale.

    Ten minutes, or as many more as it takes to fill the width. Columns lie at fixed times, so that the past of
    the picture never changes.
    """
    count = max(1, width - _AXIS)
    per = -(-_SLICES // count)
    oldest = int(moment.now // SLICE) // per - count + 1
    worst, median = _gathered(series, per, oldest, count)
    seen = [value for value in (*worst, *median) if value > 0]
    if not seen:
        return [fit(row(("  nothing came back in this time", "label")), width)]
    low, high = math.floor(math.log10(min(seen))), math.ceil(math.log10(max(seen)))
    high = max(high, low + 1)

    def level(seconds: float) -> int:
        """Eighths of a line; one at least for what was measured."""
        return max(1, round((math.log10(seconds) - low) / (high - low) * 8 * height)) if seconds > 0 else 0

    tops, halves = [level(value) for value in worst], [level(value) for value in median]
    drawn: list[Row] = []
    for line in range(height - 1, -1, -1):
        label = _label(high) if line == height - 1 else _label(low) if line == 0 else ""
        text = "".join(_cell(top, half, line) for top, half in zip(tops, halves, strict=True))
        drawn.append(fit(row((right(label, _AXIS - 1) + " ", "label"), (text, "info")), width))
    margin: Piece = (" " * _AXIS, "label")
    drawn.append(fit(row(margin, *_axis(moment, oldest, per, count)), width))
    drawn.append(fit(row(margin, (_times(per * SLICE, count), "dim")), width))
    legend = f"█ median of {per * SLICE:.0f} s  {DOT} slowest  × outage"
    drawn.append(fit(row(margin, (legend if len(legend) <= count else "", "label")), width))
    return drawn


def _gathered(series: Sequence[Bin], per: int, oldest: int, count: int) -> tuple[list[float], list[float]]:
    """The slowest of each column, and the middle one of its medians; 0 where there is no sample."""
    worst = [0.0] * count
    medians: list[list[float]] = [[] for _ in range(count)]
    for part in reversed(series):
        place = part.number // per - oldest
        if place < 0:
            break
        if place < count:
            worst[place] = max(worst[place], part.worst, _LEAST)
            medians[place].append(max(part.p50, _LEAST))
    median = [sorted(of)[len(of) // 2] if of else 0.0 for of in medians]
    return worst, median


def _times(size: float, count: int) -> str:
    """Whole fives of minutes, each where it lies; those that would touch are left out."""
    line, taken = "now".rjust(count), count - 3
    for minutes in range(5, int(count * size / 60) + 1, 5):
        label = f"-{minutes} min"
        at = count - round(minutes * 60 / size)
        if at + len(label) < taken:
            line, taken = line[:at] + label + line[at + len(label) :], at
    return line


def _cell(top: int, half: int, line: int) -> str:
    if line == (top - 1) // 8 > (half - 1) // 8:
        return DOT
    return BLOCKS[max(0, min(8, half - 8 * line))]


def _axis(moment: Moment, oldest: int, per: int, count: int) -> list[Piece]:
    """Where there was a connection, where it was lost, and where none was wanted."""
    size = per * SLICE
    marks: list[Piece] = [(" ", "dim")] * count
    until = moment.now
    for stretch in reversed(moment.state.timeline):
        first, last = int(stretch.began // size) - oldest, int(until // size) - oldest
        for place in range(max(0, first), min(count - 1, last) + 1):
            if stretch.status == "RECONNECTING":
                marks[place] = ("×", "bad")
            elif stretch.status in ("CONNECTED", "DRAINING") and marks[place][0] == " ":
                marks[place] = ("─", "dim")
        until = min(until, stretch.began)
        if first < 0:
            break
    return marks


def _label(power: int) -> str:
    return _LABELS.get(power, f"{10.0**power:,.0f} s")


def bars(histogram: Histogram, width: int) -> list[Row]:
    """How many took up to 1, 2, 5, 10 … of a unit; where many steps in a row are empty, they are left out."""
    counted: dict[int, int] = {}
    for microseconds, count in histogram.counts():
        step = _step(microseconds)
        counted[step] = counted.get(step, 0) + count
    if not counted:
        return [fit(row(("  nothing was measured", "label")), width)]
    most = max(counted.values())
    room = max(1, min(_BARS, width - _AXIS - 3 - 21))
    drawn: list[Row] = []
    before = min(counted)
    for step in range(before, max(counted) + 1):
        count = counted.get(step, 0)
        if not count and _gap(step, counted) >= _LONG:
            if step == before + 1:
                drawn.append(fit(row((right("⋮", _AXIS), "label")), width))
            continue
        before = step
        share = count / histogram.count
        eighths = max(1, round(count / most * room * 8)) if count else 0
        bar = "█" * (eighths // 8) + (" ▏▎▍▌▋▊▉"[eighths % 8] if eighths % 8 else "")
        role: Role = "value" if count else "dim"
        drawn.append(
            fit(
                row(
                    (right(_upper(step), _AXIS) + "  ", "label"),
                    (left(bar, room) + " ", "info"),
                    (figures.percent(share) if count else right(figures.NONE, 8), role),
                    (figures.count(count, 12) if count else "", "label"),
                ),
                width,
            )
        )
    return drawn


def _gap(step: int, counted: dict[int, int]) -> int:
    """How many steps in a row are empty here."""
    return min(filled for filled in counted if filled > step) - max(filled for filled in counted if filled < step) - 1


def _step(microseconds: int) -> int:
    """The number of the bar of a bucket, three to a decade from 1 µs."""
    power = len(str(max(1, microseconds))) - 1
    lead = microseconds / 10**power
    return power * 3 + (0 if lead <= 1 else 1 if lead <= 2 else 2 if lead <= 5 else 3)


def _upper(step: int) -> str:
    """What was not exceeded in it."""
    microseconds = int(_STEPS[step % 3] * 10 ** (step // 3))
    if microseconds < 100:
        return f"{microseconds} µs"
    if microseconds < MICROSECONDS // 10:
        return f"{microseconds / 1000:g} ms"
    return f"{microseconds / MICROSECONDS:,g} s"
