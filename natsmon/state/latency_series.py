"""Latencies over the run, over the last minute, and over time in bins of five seconds.

A report also has them over the whole run, in slices.
"""

import msgspec

from natsmon.state.histogram import Counts, Histogram, counted
from natsmon.state.latency_slices import LatencySlices
from natsmon.state.limits import Limits
from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import MICROSECONDS, corrected, quantised

SLICE = 5.0
"""Seconds counted together: the grain of "the last minute" and of a chart."""
MINUTE = 12
"""Slices in the last minute, the one that has just begun among them."""
SLICES_KEPT = 720
"""An hour of them."""


class Bin(msgspec.Struct, frozen=True):
    """A slice that is over, in brief. One without a sample is not kept: it is a gap."""

    number: ev.Count
    """It began ``number`` times ``SLICE`` seconds into the session."""
    count: ev.Count
    p50: ev.Seconds
    worst: ev.Seconds


class Slice(msgspec.Struct):
    number: ev.Count
    histogram: Histogram


class LatencySeries(msgspec.Struct):
    """Samples of one kind of latency, in seconds; percentiles are computed when they are asked for."""

    kept: ev.Count = SLICES_KEPT
    """Bins that are kept."""
    run: Histogram = msgspec.field(default_factory=Histogram)
    slices: list[Slice] = []
    """The latest, oldest first; never more than the last minute's."""
    bins: list[Bin] = []
    """The slices before the newest one, oldest first."""
    whole: LatencySlices | None = None
    """The whole run, where it is wanted."""

    def record(self, t: float, seconds: float) -> None:
        """One sample, at a time that never goes back."""
        if seconds < 0.0:
            seconds = 0.0
        name = quantised(seconds)
        self.run.count_one(name, seconds)
        slices = self.slices
        number = int(t // SLICE)
        part = slices[-1].histogram if slices and slices[-1].number >= number else self._slice(t)
        part.count_one(name, seconds)
        if self.whole is not None:
            self.whole.at(t).count_one(name, seconds)

    def correct(self, t: float, seconds: float, omitted: int, interval: float) -> None:
        """Add the samples that were not taken because this one took so long (see ``corrected``)."""
        for sample in corrected(seconds, omitted, interval):
            self.record(t, sample)

    def add(self, t: float, counts: Counts, longest: float | None = None) -> None:
        """Add samples counted in buckets; ``longest`` is the exact longest, when it is known."""
        self.run.add(counts, longest)
        self._slice(t).add(counts, longest)
        if self.whole is not None:
            self.whole.add(t, counts, longest)

    @classmethod
    def within(cls, limits: Limits) -> "LatencySeries":
        """An empty series that keeps what the limits allow."""
        return cls(kept=limits.bins, whole=LatencySlices(limits.slices) if limits.slices else None)

    def minute(self, now: float) -> Histogram:
        """The last 55 to 60 seconds."""
        total = Histogram()
        for part in self.slices:
            if part.number > int(now // SLICE) - MINUTE:
                total.merge(part.histogram)
        return total

    def series(self) -> list[Bin]:
        """An hour at most, oldest first, the newest slice included."""
        return [*self.bins, _brief(self.slices[-1])] if self.slices and self.slices[-1].histogram.count else self.bins

    def _slice(self, t: float) -> Histogram:
        number = int(t // SLICE)
        if not self.slices or self.slices[-1].number < number:
            if self.slices and self.slices[-1].histogram.count:
                self.bins = [*self.bins, _brief(self.slices[-1])][-self.kept :]
            recent = [part for part in self.slices if part.number > number - MINUTE]
            self.slices = [*recent, Slice(number, Histogram())]
        return self.slices[-1].histogram


def _brief(part: Slice) -> Bin:
    histogram = part.histogram
    (p50,) = counted(histogram.counts(), (50,))
    return Bin(part.number, histogram.count, min(p50 / MICROSECONDS, histogram.max), histogram.max)
