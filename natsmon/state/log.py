"""The narrated log of a connection: the newest lines, those about single messages in a ring of their own."""

import heapq
from collections import deque
from collections.abc import Iterator
from itertools import islice, takewhile

from natsmon.state.limits import FULL, Limits
from natsmon.stream.events import LogLine

Numbered = tuple[int, LogLine]
"""A line with its number, counted from 1 in its log."""


class LogLines:
    """Lines in order. However many single messages there are, they displace no other line."""

    def __init__(self, limits: Limits = FULL) -> None:
        self._rings = deque[Numbered](maxlen=limits.log), deque[Numbered](maxlen=limits.messages)
        """Ordinary lines; lines about single messages."""
        self.count = 0
        """Lines added so far."""

    def add(self, line: LogLine) -> None:
        """Add the newest line."""
        self.count += 1
        self._rings[line.message].append((self.count, line))

    def clear(self) -> None:
        """Drop every line."""
        for ring in self._rings:
            ring.clear()

    def __len__(self) -> int:
        return sum(map(len, self._rings))

    def __iter__(self) -> Iterator[LogLine]:
        """Oldest first."""
        return (line for _, line in heapq.merge(*self._rings))

    def after(self, number: int) -> list[Numbered]:
        """The lines with a higher number, oldest first."""
        newer = [takewhile(lambda each: each[0] > number, reversed(ring)) for ring in self._rings]
        return list(heapq.merge(*newer, reverse=True))[::-1]

    def newest(self, limits: Limits = FULL) -> Iterator[LogLine]:
        """The newest lines within the limits, oldest first."""
        kept = zip(self._rings, (limits.log, limits.messages), strict=True)
        rings = (islice(ring, max(0, len(ring) - most), None) for ring, most in kept)
        return (line for _, line in heapq.merge(*rings))
