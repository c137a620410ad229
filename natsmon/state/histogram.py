"""How long things took, counted in buckets: an HDR histogram kept as plain data.

Buckets are those of HdrHistogram with two significant digits from 1 µs to an hour: as wide as a microsecond
up to 256 µs, and a 128th of a power of two above, so that a value is known to better than 1 % wherever it
lies. A bucket is named by the largest value in it, in microseconds, as HdrHistogram's own answers are.

What is kept are the buckets that hold something, and how many times: that can be copied, compared and written
down. Percentiles are asked of ``hdrhistogram`` where it is installed (the extra ``hdr``) and counted here
where it is not; the answers are the same.
"""

from collections.abc import Callable, Iterable
from functools import cache

import msgspec

from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import EXACT as EXACT
from natsmon.stream.latency_buckets import HIGHEST as HIGHEST
from natsmon.stream.latency_buckets import MICROSECONDS as MICROSECONDS
from natsmon.stream.latency_buckets import bucket as bucket
from natsmon.stream.latency_buckets import quantised as quantised

Counts = Iterable[tuple[int, int]]
"""(bucket in microseconds, how many)"""
Answers = Callable[[list[tuple[int, int]], tuple[float, ...]], list[int]]
"""Percentiles (0 to 100) of counts sorted by bucket, in microseconds."""

DIGITS = 2
MOST = 1 << 32
"""Counted at once: no stream has more in one line, and a counter of 64 bits holds them for ever."""
MOST_IN_ALL = 1 << 40
"""In one bucket, as it was written down: four months of 100,000 a second, and 64 bits hold any sum of them."""


class Histogram(msgspec.Struct):
    """Counted times. Given in seconds, answered in seconds."""

    buckets: dict[int, int] = {}
    """How many of each; only buckets that hold something."""
    count: int = 0
    max: ev.Seconds = 0.0
    """The longest, as exactly as it was told; 0 without any."""

    def __post_init__(self) -> None:
        """What was written down may have been written by anybody."""
        if self.buckets:
            if any(bucket(name) != name or count < 1 for name, count in self.buckets.items()):
                raise ValueError("no such buckets in a histogram")
            self.buckets = {name: min(count, MOST_IN_ALL) for name, count in self.buckets.items()}
            self.count = sum(self.buckets.values())

    @classmethod
    def of(cls, counts: Counts, longest: float | None = None) -> "Histogram":
        """From what ``counts`` gave, and the exact ``max`` where it is known."""
        histogram = cls()
        histogram.add(counts, longest)
        return histogram

    def counts(self) -> list[tuple[int, int]]:
        """Its content as plain data, by bucket."""
        return sorted(self.buckets.items())

    def count_one(self, name: int, seconds: float) -> None:
        """Add one sample whose bucket is known already."""
        buckets = self.buckets
        buckets[name] = buckets.get(name, 0) + 1
        self.count += 1
        if seconds > self.max:
            self.max = seconds

    def record(self, seconds: float, count: int = 1) -> None:
        if count > 0:
            name, count = quantised(seconds), min(count, MOST)
            self.buckets[name] = self.buckets.get(name, 0) + count
            self.count += count
            self.max = max(self.max, seconds)

    def add(self, counts: Counts, longest: float | None = None) -> None:
        """Count what others counted; a bucket that is none of ours is counted in ours."""
        mine, added, top = self.buckets, 0, 0
        for microseconds, count in counts:
            if count > 0:
                name = microseconds if microseconds in mine else bucket(microseconds)
                if count > MOST:
                    count = MOST
                mine[name] = mine.get(name, 0) + count
                added += count
                if name > top:
                    top = name
        if added:
            self.count += added
            self.max = max(self.max, top / MICROSECONDS if longest is None else longest)

    def merge(self, other: "Histogram") -> None:
        mine = self.buckets
        for name, count in other.buckets.items():
            mine[name] = mine.get(name, 0) + count
        self.count += other.count
        self.max = max(self.max, other.max)

    def percentile(self, p: float) -> float | None:
        """Seconds that ``p`` of 100 did not exceed; none without any."""
        return self.percentiles(p)[0]

    def percentiles(self, *wanted: float) -> tuple[float | None, ...]:
        if not self.buckets:
            return (None,) * len(wanted)
        return tuple(min(value / MICROSECONDS, self.max) for value in _answers()(self.counts(), wanted))

    @property
    def mean(self) -> float | None:
        """Each taken as the middle of its bucket."""
        if not self.buckets:
            return None
        return sum(_middle(name) * count for name, count in self.buckets.items()) / self.count / MICROSECONDS


def _middle(name: int) -> float:
    width = max(0, name.bit_length() - EXACT)
    return name - ((1 << width) - 1) / 2


def counted(counts: list[tuple[int, int]], wanted: tuple[float, ...]) -> list[int]:
    """Percentiles by counting, with HdrHistogram's rule for the rank."""
    total = sum(count for _, count in counts)
    found = {}
    ranks = sorted({_rank(p, total) for p in wanted})
    passed, rest = 0, iter(counts)
    name = 0
    for rank in ranks:
        while passed < rank:
            name, count = next(rest)
            passed += count
        found[rank] = name
    return [found[_rank(p, total)] for p in wanted]


def _rank(p: float, total: int) -> int:
    return max(1, min(total, int(p * total / 100 + 0.5)))


@cache
def _answers() -> Answers:
    try:
        from hdrh.histogram import HdrHistogram
    except ImportError:
        return counted

    def asked(counts: list[tuple[int, int]], wanted: tuple[float, ...]) -> list[int]:
        histogram = HdrHistogram(1, HIGHEST, DIGITS)
        for microseconds, count in counts:
            histogram.record_value(microseconds, count)
        found = histogram.get_percentile_to_value_dict(list(wanted))
        return [found[p] for p in wanted]

    return asked
