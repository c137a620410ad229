"""Axes: time below a chart, and a logarithmic scale of durations."""

import math
from collections.abc import Iterable, Iterator

import msgspec

from natsmon.charts import svg
from natsmon.text import dates, units
from natsmon.text.dates import RunClock

_STEPS = (0.001, 0.01, 0.1, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
_DAY = 86_400
_TICKS = 6
_MARGIN = 0.04
"""Of the axis at each end: a label there would be cut."""
HEIGHT = 20
"""Of the labels, in pixels."""


class TimeAxis(msgspec.Struct, frozen=True):
    """From ``start`` to ``end``: wall clock, or seconds since the session began where the wall clock is unknown."""

    start: float
    end: float
    wall: bool
    clock: RunClock | None = None
    """The clock of the run, whose times the labels show; None for several runs: their clocks have no steps."""

    @classmethod
    def over(cls, clocks: Iterable[RunClock]) -> "TimeAxis":
        """One axis for all of these runs."""
        known = list(clocks)
        start = min(clock.started + clock.began for clock in known)
        end = max(clock.started + max(clock.seconds, clock.began + 1e-3) for clock in known)
        return cls(start, end, min(clock.started for clock in known) > 0, known[0] if len(known) == 1 else None)

    def place(self, at: float) -> float:
        """0 to 1."""
        return min(1.0, max(0.0, (at - self.start) / (self.end - self.start)))

    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels."""
        step = self._step()
        origin = 0.0 if self.wall else self.start
        first = math.ceil((self.start - origin) / step)
        times = [origin + number * step for number in range(first, first + 3 * _TICKS)]
        places = [(self.place(at), self._label(at, step)) for at in times if at <= self.end]
        return [(place, label) for place, label in places if _MARGIN <= place <= 1 - _MARGIN]

    def _step(self) -> float:
        least = (self.end - self.start) / _TICKS
        days = max(1, math.ceil(least / _DAY))
        return next((step for step in _STEPS if step >= least), days * _DAY)

    def _label(self, at: float, step: float) -> str:
        if not self.wall:
            return f"+{units.brief(at - self.start)}"
        at = at if self.clock is None else self.clock.wall(at - self.clock.started)
        if step < 1:
            return dates.utc("%H:%M:%S", at) + f"{at % 1:.3f}"[1:].rstrip("0")
        form = "%m-%d" if step >= _DAY else "%H:%M" if step >= 60 else "%H:%M:%S"
        return dates.utc(form, at)

    def line(self, width: int) -> str:
        marked = ((place, f"╵{label}") for place, label in self.ticks())
        return labelled(
            ((min(int(place * width), width - len(label)), label) for place, label in marked), width
        ).rstrip()


class DurationScale(msgspec.Struct, frozen=True):
    """A logarithmic scale between two powers of ten, in seconds."""

    low: int
    high: int

    @classmethod
    def over(cls, shortest: float, longest: float) -> "DurationScale":
        """The smallest scale that holds both."""
        low = math.floor(math.log10(max(shortest, 1e-6)))
        return cls(low, max(low + 1, math.ceil(math.log10(max(longest, 1e-6)) - 1e-9)))

    def place(self, seconds: float) -> float:
        """0 to 1."""
        return min(1.0, max(0.0, (math.log10(max(seconds, 1e-9)) - self.low) / (self.high - self.low)))

    def ticks(self) -> list[tuple[float, str]]:
        """Places and labels of powers of ten, at most ``_TICKS`` or one more."""
        powers = range(self.low, self.high + 1, math.ceil((self.high - self.low) / _TICKS))
        return [(self.place(10.0**power), duration(10.0**power)) for power in powers]


def labelled(labels: Iterable[tuple[int, str]], width: int, *, gap: int = 1, fill: str = " ") -> str:
    """A line with labels at their places; those that would touch an earlier one, or do not fit, are left out."""
    line = fill * width
    for at, label in labels:
        end = at + len(label)
        if at >= 0 and end <= width and not line[max(0, at - gap) : end + gap].strip(fill):
            line = line[:at] + label + line[end:]
    return line


def svg_ticks(ticks: Iterable[tuple[float, str]], bottom: float, top: float = 0.0) -> Iterator[str]:
    """A line up from each label to ``top``; those at the ends stay inside."""
    for place, label in ticks:
        x = svg.across(place)
        yield svg.element("line", class_="rule", x1=x, x2=x, y1=top, y2=bottom + 4)
        anchor = "start" if place < 0.01 else "end" if place > 0.99 else "middle"
        yield svg.text(label, x, bottom + HEIGHT - 4, anchor=anchor)


def duration(seconds: float) -> str:
    """A round duration as a label: ``10 µs``, ``1 ms``, ``2m00s``."""
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.00099 else units.brief(seconds)
