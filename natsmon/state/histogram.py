"""Histogram of latencies in the buckets of ``latency_buckets``, kept as plain data."""

from collections.abc import Collection, Iterable

import msgspec

from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import MICROSECONDS, bucket, quantised

Counts = Iterable[tuple[int, int]]
"""(bucket in microseconds, how many)"""

MOST = 1 << 32
"""Samples added at once: a counter of 64 bits holds any sum of them."""
MOST_IN_ALL = 1 << 40
"""Samples in one bucket of a decoded histogram: four months at 100,000 a second."""


class Histogram(msgspec.Struct, gc=False):
    """Counted latencies; seconds in and out."""

    buckets: dict[int, int] = {}
    """Samples by bucket; only buckets that hold some."""
    count: int = 0
    max: ev.Seconds = 0.0
    """The longest sample, exact; 0 without samples."""

    def __post_init__(self) -> None:
        """Check buckets that were decoded."""
        if self.buckets:
            if any(bucket(name) != name or count < 1 for name, count in self.buckets.items()):
                raise ValueError("no such buckets in a histogram")
            self.buckets = {name: min(count, MOST_IN_ALL) for name, count in self.buckets.items()}
            self.count = sum(self.buckets.values())

    def counts(self) -> list[tuple[int, int]]:
        """Buckets and counts, sorted."""
        return sorted(self.buckets.items())

    def record_all(self, samples: Collection[float]) -> None:
        """Add samples, none of them longer than ``LONGEST``."""
        if not samples:
            return
        buckets = self.buckets
        for seconds in samples:
            name = bucket(int(seconds * MICROSECONDS + 0.5))
            buckets[name] = buckets.get(name, 0) + 1
        self.count += len(samples)
        self.max = max(self.max, max(samples))

    def record(self, seconds: float) -> None:
        name = quantised(seconds)
        self.buckets[name] = self.buckets.get(name, 0) + 1
        self.count += 1
        self.max = max(self.max, seconds)

    def add(self, counts: Counts, longest: float) -> None:
        """Add counts, with the exact ``longest`` sample; those of other buckets fall in ours."""
        mine, added = self.buckets, 0
        for microseconds, count in counts:
            if count > 0:
                name = microseconds if microseconds in mine else bucket(microseconds)
                if count > MOST:
                    count = MOST
                mine[name] = mine.get(name, 0) + count
                added += count
        if added:
            self.count += added
            self.max = max(self.max, longest)

    def merge(self, other: "Histogram") -> None:
        mine = self.buckets
        for name, count in other.buckets.items():
            mine[name] = mine.get(name, 0) + count
        self.count += other.count
        self.max = max(self.max, other.max)

    def percentile(self, p: float) -> float | None:
        """Seconds that ``p`` percent did not exceed, with HdrHistogram's rule for the rank; None without samples."""
        left = max(1, min(self.count, int(p * self.count / 100 + 0.5)))
        for name in sorted(self.buckets):
            left -= self.buckets[name]
            if left <= 0:
                return min(name / MICROSECONDS, self.max)
        return None

    def percentiles(self, *wanted: float) -> tuple[float | None, ...]:
        """Several percentiles in seconds."""
        return tuple(map(self.percentile, wanted))
