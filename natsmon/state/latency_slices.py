"""Latencies over a run of any length, in a bounded number of slices that get wider as the run gets longer."""

import msgspec

from natsmon.state.histogram import Histogram
from natsmon.stream import events as ev

FINEST = 1.0
"""Seconds of a slice, at first."""
_MINUTE = 60.0


class LatencyPoint(msgspec.Struct, frozen=True):
    """The samples of one slice, in seconds."""

    began: float
    seconds: float
    """Length of the slice; the same for all points of a run."""
    count: int
    p50: float
    p99: float
    max: float


class LatencySlices(msgspec.Struct):
    """Samples by time. Two slices become one when there would be more than ``most``."""

    most: ev.Count
    width: ev.Seconds = FINEST
    slices: dict[int, Histogram] = {}
    began: ev.Seconds = 0.0
    """Where the first slice begins: the whole minute before the first sample."""

    def at(self, t: float) -> Histogram:
        """The slice that holds a time, to add samples to."""
        if not self.slices:
            self.began = t // _MINUTE * _MINUTE
        since = max(0.0, t - self.began)
        while since >= self.width * self.most:
            self._widen()
        number = int(since / self.width)
        found = self.slices.get(number)
        if found is None:
            found = self.slices[number] = Histogram()
        return found

    def points(self) -> tuple[LatencyPoint, ...]:
        """Oldest first; a slice without a sample has none."""
        return tuple(self._point(number, self.slices[number]) for number in sorted(self.slices))

    def _point(self, number: int, slice_: Histogram) -> LatencyPoint:
        p50, p99 = slice_.percentiles(50, 99)
        began = self.began + number * self.width
        return LatencyPoint(began, self.width, slice_.count, p50 or 0.0, p99 or 0.0, slice_.max)

    def _widen(self) -> None:
        self.width *= 2
        merged: dict[int, Histogram] = {}
        for number, histogram in self.slices.items():
            if (into := merged.get(number // 2)) is None:
                merged[number // 2] = histogram
            else:
                into.merge(histogram)
        self.slices = merged
