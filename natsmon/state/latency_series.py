"""Latencies over the run, over the last minute, and over time in slices of five seconds.

A report also has them over the whole run, in slices that get wider.
"""

import msgspec

from natsmon.state.histogram import Counts, Histogram
from natsmon.state.latency_slices import LatencySlices
from natsmon.state.limits import FULL, Limits
from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import corrected, quantised

SLICE = 5.0
"""Seconds counted together: the grain of "the last minute" and of a chart."""
MINUTE = 12
"""Slices in the last minute, the one that has just begun among them."""


class Bin(msgspec.Struct, frozen=True, gc=False):
    """A slice that is over, in brief. A slice without samples has none: it is a gap."""

    number: ev.Count
    """It began ``number`` times ``SLICE`` seconds into the session."""
    count: ev.Count
    p50: ev.Seconds
    worst: ev.Seconds


class Slice(Histogram, kw_only=True, gc=False):
    """The samples of five seconds."""

    number: ev.Count


class LatencySeries(msgspec.Struct, gc=False):
    """Samples of one kind of latency, in seconds; percentiles are computed when they are asked for."""

    kept: ev.Count = FULL.bins
    """Bins that are kept."""
    earlier: Histogram = msgspec.field(default_factory=Histogram)
    """The samples before the newest slice."""
    slices: list[Slice] = []
    """The latest, oldest first; never more than the last minute's."""
    until: ev.Seconds = 0.0
    """When the newest slice ends, as ``t``."""
    bins: list[Bin] = []
    """The slices before the newest one, oldest first."""
    whole: LatencySlices | None = None
    """The whole run, where it is wanted."""

    def bound(self, limits: Limits) -> None:
        """Keep what the limits allow."""
        self.kept = limits.bins
        if limits.slices and self.whole is None:
            self.whole = LatencySlices(limits.slices)

    def record(self, t: float, seconds: float) -> None:
        """Add one sample, at a time that never goes back."""
        if seconds < 0.0:
            seconds = 0.0
        name = quantised(seconds)
        self._slice(t).count_one(name, seconds)
        if self.whole is not None:
            self.whole.at(t).count_one(name, seconds)

    def correct(self, t: float, seconds: float, omitted: int, interval: float) -> None:
        """Add the samples that were not taken because this one took so long (see ``corrected``)."""
        for sample in corrected(seconds, omitted, interval):
            self.record(t, sample)

    def add(self, t: float, counts: Counts, longest: float | None = None) -> None:
        """Add samples counted in buckets; ``longest`` is the exact longest, when it is known."""
        self._slice(t).add(counts, longest)
        if self.whole is not None:
            self.whole.at(t).add(counts, longest)

    @property
    def run(self) -> Histogram:
        """Every sample."""
        total = Histogram()
        for part in (self.earlier, *self.slices[-1:]):
            total.merge(part)
        return total

    def minute(self, now: float) -> Histogram:
        """The last 55 to 60 seconds."""
        total = Histogram()
        for part in self.slices:
            if part.number > int(now // SLICE) - MINUTE:
                total.merge(part)
        return total

    def series(self) -> list[Bin]:
        """An hour at most, oldest first, the newest slice included."""
        return [*self.bins, *(_brief(part) for part in self.slices[-1:] if part.count)]

    def _slice(self, t: float) -> Slice:
        """The newest slice, begun when ``t`` is after the one before."""
        if t >= self.until or not self.slices:
            self._begin_slice(int(t // SLICE))
        return self.slices[-1]

    def _begin_slice(self, number: int) -> None:
        if self.slices and (last := self.slices[-1]).count:
            self.earlier.merge(last)
            self.bins.append(_brief(last))
            del self.bins[: -self.kept]
        self.until = (number + 1) * SLICE
        self.slices.append(Slice(number=number))
        while self.slices[0].number <= number - MINUTE:
            del self.slices[0]


def _brief(part: Slice) -> Bin:
    return Bin(part.number, part.count, part.percentile(50) or 0.0, part.max)
