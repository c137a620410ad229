"""How long echoes took since that was last told, every one of them counted."""

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from natsmon.stream.latency_buckets import quantised

_PERCENTILES = (50, 90, 99, 100)


class Told(NamedTuple):
    percentiles: tuple[float, float, float, float]
    """p50, p90, p99 and max in seconds."""
    counts: list[tuple[int, int]]
    """(microseconds as in ``natsmon.state.histogram``, how many), by microseconds."""


class Latencies:
    def __init__(self) -> None:
        self._seconds: list[float] = []
        self.add: Callable[[float], None] = self._seconds.append

    def take(self) -> Told | None:
        """Those added since the last call; None without one."""
        if not self._seconds:
            return None
        # At full speed many are the same: what is read at once has arrived at once.
        ordered = sorted(Counter(self._seconds).items())
        self._seconds.clear()
        p50, p90, p99, longest = (round(seconds, 6) for seconds in _percentiles(ordered))
        counts: Counter[int] = Counter()
        for seconds, many in ordered:
            counts[quantised(seconds)] += many
        return Told((p50, p90, p99, longest), sorted(counts.items()))


def _percentiles(ordered: list[tuple[float, int]]) -> list[float]:
    last = sum(many for _, many in ordered) - 1
    found: list[float] = []
    passed, at = 0, -1
    for percent in _PERCENTILES:
        while passed <= round(last * percent / 100):
            at += 1
            passed += ordered[at][1]
        found.append(ordered[at][0])
    return found
