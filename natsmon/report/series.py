"""Latency over a run of any length, in a bounded number of slices: they get wider as the run gets longer."""

from natsmon.report.facts import Point
from natsmon.state.histogram import MICROSECONDS, Counts, Histogram, counted

SLICES = 240
"""At most; a chart has no room for more."""
FINEST = 1.0
"""Seconds of a slice, at first."""


class Series:
    """Samples by time. Two slices become one whenever there would be more than ``SLICES``."""

    def __init__(self) -> None:
        self._width = FINEST
        self._slices: dict[int, Histogram] = {}

    def record(self, t: float, seconds: float) -> None:
        self._slice(t).record(seconds)

    def add(self, t: float, counts: Counts, longest: float | None) -> None:
        self._slice(t).add(counts, longest)

    def points(self) -> tuple[Point, ...]:
        """Oldest first; a slice without a sample has none."""
        return tuple(_point(number * self._width, self._width, self._slices[number]) for number in sorted(self._slices))

    def _slice(self, t: float) -> Histogram:
        while t >= self._width * SLICES:
            self._widen()
        number = int(t / self._width)
        found = self._slices.get(number)
        if found is None:
            found = self._slices[number] = Histogram()
        return found

    def _widen(self) -> None:
        self._width *= 2
        merged: dict[int, Histogram] = {}
        for number, histogram in self._slices.items():
            if (into := merged.get(number // 2)) is None:
                merged[number // 2] = histogram
            else:
                into.merge(histogram)
        self._slices = merged


def _point(began: float, width: float, histogram: Histogram) -> Point:
    p50, p99 = (min(value / MICROSECONDS, histogram.max) for value in counted(histogram.counts(), (50, 99)))
    return Point(began, width, histogram.count, p50, p99, histogram.max)
