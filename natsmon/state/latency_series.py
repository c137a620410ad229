"""Latencies over the run, over the last minute, and over time in slices of five seconds.

A report also has them over the whole run, in slices that get wider.
"""

import msgspec

from natsmon.state.histogram import Counts, Histogram
from natsmon.state.latency_slices import LatencySlices
from natsmon.state.limits import FULL, Limits
from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import corrected

SLICE = 5.0
"""Seconds counted together: the grain of "the last minute" and of a chart."""
MINUTE = 12
"""Slices in the last minute, the one that has just begun among them."""

_UNCOUNTED = 16
"""Samples of a slice that are kept as they are: a list of so many takes no more memory than a histogram of them."""


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
    samples: list[ev.Seconds] = msgspec.field(default_factory=list)
    """Those that are not counted yet. Counting them once, when the minute is over, makes a fold a tenth faster."""

    def counted(self) -> Histogram:
        """Every sample."""
        if not self.samples:
            return self
        total = Histogram()
        total.merge(self)
        total.record_all(self.samples)
        return total


class LatencySeries(msgspec.Struct, gc=False):
    """Samples of one kind of latency, in seconds; percentiles are computed when they are asked for."""

    kept: ev.Count = FULL.bins
    """Bins that are kept."""
    earlier: Histogram = msgspec.field(default_factory=Histogram)
    """The samples before the slices."""
    slices: list[Slice] = []
    """The latest, oldest first; never more than the last minute's."""
    until: ev.Seconds = 0.0
    """When the newest slice ends, as ``t``."""
    bins: list[Bin] = []
    """The slices before these, oldest first."""
    whole: LatencySlices | None = None
    """The whole run, where it is wanted."""

    def __post_init__(self) -> None:
        """Check what was decoded."""
        if not self.slices:
            self.until = 0.0

    def bound(self, limits: Limits) -> None:
        """Keep what the limits allow."""
        self.kept = limits.bins
        if limits.slices and self.whole is None:
            self.whole = LatencySlices(limits.slices)

    def record(self, t: float, seconds: float) -> None:
        """Add one sample, at a time that never goes back."""
        newest = self.slices[-1] if t < self.until else self._begin_slice(t)
        newest.samples.append(seconds)
        if len(newest.samples) >= _UNCOUNTED:
            newest.record_all(newest.samples)
            newest.samples = []
        if self.whole is not None:
            self.whole.at(t).record(max(0.0, seconds))

    def correct(self, t: float, seconds: float, omitted: int, interval: float) -> None:
        """Add the samples that were not taken because this one took so long (see ``corrected``)."""
        for sample in corrected(seconds, omitted, interval):
            self.record(t, sample)

    def add(self, t: float, counts: Counts, longest: float) -> None:
        """Add samples counted in buckets; ``longest`` is the exact longest."""
        newest = self.slices[-1] if t < self.until else self._begin_slice(t)
        newest.add(counts, longest)
        if self.whole is not None:
            self.whole.at(t).add(counts, longest)

    @property
    def run(self) -> Histogram:
        """Every sample."""
        total = Histogram()
        total.merge(self.earlier)
        for part in self.slices:
            total.merge(part.counted())
        return total

    def minute(self, now: float) -> Histogram:
        """The last 55 to 60 seconds."""
        total = Histogram()
        for part in self.slices:
            if part.number > int(now // SLICE) - MINUTE:
                total.merge(part.counted())
        return total

    def series(self) -> list[Bin]:
        """An hour at most, oldest first, the newest slice included."""
        newest = ((part.number, part.counted()) for part in self.slices)
        return [*self.bins, *(_brief(number, whole) for number, whole in newest if whole.count)]

    def _begin_slice(self, t: float) -> Slice:
        number = int(t // SLICE)
        self.until = (number + 1) * SLICE
        newest = Slice(number=number)
        self.slices.append(newest)
        while self.slices[0].number <= number - MINUTE:
            self._end_slice(self.slices.pop(0))
        return newest

    def _end_slice(self, part: Slice) -> None:
        whole = part.counted()
        self.earlier.merge(whole)
        if self.kept and whole.count:
            self.bins.append(_brief(part.number, whole))
        del self.bins[: max(0, len(self.bins) - self.kept)]


def _brief(number: int, whole: Histogram) -> Bin:
    return Bin(number, whole.count, whole.percentile(50) or 0.0, whole.max)
