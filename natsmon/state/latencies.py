"""How long something took, over the run and of late: what a distribution and a chart over time are drawn from."""

import msgspec

from natsmon.state.histogram import MICROSECONDS, Counts, Histogram, counted

SLICE = 5.0
"""Seconds counted together: the grain of "the last minute" and of a chart."""
MINUTE = 12
"""Slices in the last minute, the one that has just begun among them."""
SLICES_KEPT = 720
"""An hour of them."""

OMITTED_COUNTED = 10_000
"""For one that took long: a number in a stream may be any."""


class Bin(msgspec.Struct, frozen=True):
    """A slice that is over, in brief. One without a sample is not kept: it is a gap."""

    number: int
    """It began ``number`` times ``SLICE`` seconds into the session."""
    count: int
    p50: float
    worst: float


class Slice(msgspec.Struct):
    number: int
    histogram: Histogram


class Latencies(msgspec.Struct):
    """One kind of latency. Plain data throughout: percentiles are found when they are asked for."""

    run: Histogram = msgspec.field(default_factory=Histogram)
    slices: list[Slice] = []
    """The latest, oldest first; never more than the last minute's."""
    bins: list[Bin] = []
    """The slices before the newest one, oldest first."""

    def record(self, t: float, seconds: float) -> None:
        """One sample, at a time that never goes back."""
        seconds = max(0.0, seconds)
        self.run.record(seconds)
        self._slice(t).record(seconds)

    def correct(self, t: float, seconds: float, omitted: int, interval: float) -> None:
        """Count also what was not measured because this one took so long: a sample was due every ``interval``.

        HdrHistogram's recordCorrectedValue. Without it a stall of minutes is one sample among thousands.
        """
        for times in range(1, min(omitted, OMITTED_COUNTED) + 1):
            if (late := seconds - times * interval) <= 0:
                break
            self.record(t, late)

    def add(self, t: float, counts: Counts, longest: float | None = None) -> None:
        """Samples counted by somebody else; ``longest`` is the exact one, where it is known."""
        self.run.add(counts, longest)
        self._slice(t).add(counts, longest)

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
                self.bins = [*self.bins, _brief(self.slices[-1])][-SLICES_KEPT:]
            recent = [part for part in self.slices if part.number > number - MINUTE]
            self.slices = [*recent, Slice(number, Histogram())]
        return self.slices[-1].histogram


def _brief(part: Slice) -> Bin:
    histogram = part.histogram
    (p50,) = counted(histogram.counts(), (50,))
    return Bin(part.number, histogram.count, min(p50 / MICROSECONDS, histogram.max), histogram.max)
