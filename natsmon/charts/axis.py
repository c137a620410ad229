"""The axis of time under a picture, and the scale of durations beside it."""

import math
from dataclasses import dataclass

from natsmon.charts import svg
from natsmon.report.facts import Run
from natsmon.text import dates, units

_STEPS = (0.001, 0.01, 0.1, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
_DAY = 86_400
_TICKS = 6
_MARGIN = 0.04
"""No label begins so near to the end of the axis that it would be cut."""
HEIGHT = 20
"""Pixels of the labels."""


@dataclass(frozen=True, slots=True)
class Axis:
    """From ``start`` to ``end``: on the wall clock, or since the beginning where that is not known."""

    start: float
    end: float
    wall: bool

    @classmethod
    def of(cls, run: Run) -> "Axis":
        start = run.started
        return cls(start, start + max(run.seconds, 1e-3), start > 0)

    @classmethod
    def common(cls, runs: tuple[Run, ...]) -> "Axis":
        axes = [cls.of(run) for run in runs]
        return cls(min(axis.start for axis in axes), max(axis.end for axis in axes), True)

    def place(self, at: float) -> float:
        """0 to 1."""
        return min(1.0, max(0.0, (at - self.start) / (self.end - self.start)))

    def ticks(self) -> list[tuple[float, str]]:
        """Places and what stands there."""
        step = self._step()
        origin = 0.0 if self.wall else self.start
        first = math.ceil((self.start - origin) / step)
        moments = [origin + number * step for number in range(first, first + 3 * _TICKS)]
        places = [(self.place(at), self._label(at, step)) for at in moments if at <= self.end]
        return [(place, label) for place, label in places if _MARGIN <= place <= 1 - _MARGIN]

    def _step(self) -> float:
        least = (self.end - self.start) / _TICKS
        days = max(1, math.ceil(least / _DAY))
        return next((step for step in _STEPS if step >= least), days * _DAY)

    def _label(self, at: float, step: float) -> str:
        if not self.wall:
            return f"+{units.brief(at - self.start)}"
        if step < 1:
            return dates.utc("%H:%M:%S", at) + f"{at % 1:.3f}"[1:].rstrip("0")
        form = "%m-%d" if step >= _DAY else "%H:%M" if step >= 60 else "%H:%M:%S"
        return dates.utc(form, at)

    def svg(self, y: float, top: float = 0.0) -> list[str]:
        """Labels at ``y``, and a line up from each to ``top``."""
        drawn = []
        for place, label in self.ticks():
            x = svg.across(place)
            drawn.append(svg.element("line", class_="rule", x1=x, x2=x, y1=top, y2=y + 4))
            drawn.append(svg.text(label, x, y + HEIGHT - 4, anchor="middle"))
        return drawn

    def letters(self, width: int) -> str:
        line = [" "] * width
        free = 0
        for place, label in self.ticks():
            at = min(int(place * width), width - len(label) - 1)
            if at >= free:
                line[at : at + len(label) + 1] = f"╵{label}"
                free = at + len(label) + 2
        return "".join(line).rstrip()


@dataclass(frozen=True, slots=True)
class Scale:
    """Durations on a scale of powers of ten, between two of them."""

    low: int
    high: int

    @classmethod
    def over(cls, shortest: float, longest: float) -> "Scale":
        low = math.floor(math.log10(max(shortest, 1e-6)))
        return cls(low, max(low + 1, math.ceil(math.log10(max(longest, 1e-6)) - 1e-9)))

    def place(self, seconds: float) -> float:
        """0 to 1."""
        return min(1.0, max(0.0, (math.log10(max(seconds, 1e-9)) - self.low) / (self.high - self.low)))

    def ends(self) -> tuple[str, str]:
        """The shortest and the longest that it shows."""
        return duration(10.0**self.low), duration(10.0**self.high)

    def ticks(self) -> list[tuple[float, str]]:
        """Some of the powers of ten; where there are many, the last one is not among them."""
        step = math.ceil((self.high - self.low) / _TICKS)
        return [
            ((power - self.low) / (self.high - self.low), duration(10.0**power))
            for power in range(self.low, self.high + 1, step)
        ]


def duration(seconds: float) -> str:
    """A round one: ``10 µs``, ``1 ms``, ``2m00s``."""
    return f"{seconds * 1e6:.0f} µs" if seconds < 0.00099 else units.brief(seconds)
