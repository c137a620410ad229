"""Latency buckets: those of HdrHistogram with two significant digits, from 1 µs to an hour.

A bucket is as wide as a microsecond up to 256 µs, and a 128th of a power of two above, so that a value is known to
better than 1 %. A bucket is named by the largest value in it, in microseconds, as HdrHistogram's own answers are.
"""

from collections.abc import Iterator
from functools import lru_cache

MICROSECONDS = 1_000_000
HIGHEST = 3_600 * MICROSECONDS
"""Microseconds; longer samples are counted as an hour."""
EXACT = 8
"""Bits: below 2^8 µs a bucket holds one value, above it the highest 8 bits of a value name its bucket."""
_HOUR = HIGHEST / MICROSECONDS


@lru_cache(maxsize=8_192)
def bucket(microseconds: int) -> int:
    """The bucket a value falls in: the largest value that is counted as the same."""
    value = max(1, min(microseconds, HIGHEST))
    width = max(0, value.bit_length() - EXACT)
    return (((value >> width) + 1) << width) - 1


def quantised(seconds: float) -> int:
    """The bucket of a time in seconds."""
    if not 0.0 <= seconds <= _HOUR:
        seconds = _HOUR if seconds > 0.0 else 0.0
    return bucket(int(seconds * MICROSECONDS + 0.5))


OMITTED_COUNTED = 10_000
"""Samples added for one long sample at most: a number in a stream may be any."""


def corrected(seconds: float, omitted: int, interval: float) -> Iterator[float]:
    """The samples that were not taken because one took so long; one was due every ``interval`` seconds.

    HdrHistogram's ``recordCorrectedValue``. Without it, a stall of minutes is one sample among thousands.
    """
    for times in range(1, min(omitted, OMITTED_COUNTED) + 1):
        late = seconds - times * interval
        if late <= 0:
            return
        yield late
