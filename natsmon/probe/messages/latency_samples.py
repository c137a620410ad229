"""Latency samples since they were last emitted, in buckets."""

from collections import Counter
from collections.abc import Callable

from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import quantised


class LatencySamples:
    """Collects the latencies of echoes, in seconds."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self.add: Callable[[float], None] = self._seconds.append

    def take(self) -> ev.Latencies | None:
        """The samples added since the last call; none without one."""
        if not self._seconds:
            return None
        counts: Counter[int] = Counter()
        for seconds, many in Counter(self._seconds).items():  # at full speed many are equal: they were read at once
            counts[quantised(seconds)] += many
        longest = round(max(self._seconds), 6)
        self._seconds.clear()
        return ev.Latencies(kind="echo", counts=sorted(counts.items()), longest=longest)
