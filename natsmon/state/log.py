"""The narrated log of a connection: the newest lines, those about single messages in a ring of their own."""

import heapq
from collections import deque
from collections.abc import Callable, Iterator
from itertools import islice, takewhile

from natsmon.state.limits import FULL, Limits
from natsmon.stream import events as ev
from natsmon.stream.events import LogLine

Numbered = tuple[int, LogLine]
"""A line with its number, counted from 1 in its log."""


_Entry = tuple[int, float, LogLine | ev.AnyEvent]
"""Number and time of a line; the event of a single message, which is put in words when it is read."""


class LogLines:
    """Lines in order. However many single messages there are, they displace no other line.

    Args:
        limits: Lines that are kept.
        in_words: Makes the line of a single message, from its time and event.
    """

    def __init__(self, limits: Limits = FULL, in_words: Callable[[float, ev.AnyEvent], LogLine] | None = None) -> None:
        self._lines = deque[_Entry](maxlen=limits.log)
        self._messages = deque[_Entry](maxlen=limits.messages)
        self._in_words = in_words
        self.count = 0
        """Lines added so far."""

    def add(self, line: LogLine) -> None:
        """Add the newest line."""
        self.count += 1
        (self._messages if line.message else self._lines).append((self.count, line.at, line))

    def add_message(self, at: float, event: ev.AnyEvent) -> None:
        """Add the newest line, of a single message; most of them are never read."""
        self.count += 1
        self._messages.append((self.count, at, event))

    def continue_as(self, in_words: Callable[[float, ev.AnyEvent], LogLine]) -> None:
        """Go on as the log of another connection."""
        self.settle()
        self._in_words = in_words

    def settle(self) -> None:
        """Put every line in words: what they depend on is about to change."""
        messages = [self._numbered(each) for each in self._messages]
        self._messages.clear()
        self._messages.extend((number, line.at, line) for number, line in messages)

    def clear(self) -> None:
        """Drop every line."""
        self._lines.clear()
        self._messages.clear()

    def __len__(self) -> int:
        return len(self._lines) + len(self._messages)

    def __iter__(self) -> Iterator[LogLine]:
        """Oldest first."""
        return self.newest()

    def after(self, number: int) -> list[Numbered]:
        """The lines with a higher number, oldest first."""
        rings = self._lines, self._messages
        newer = [takewhile(lambda each: each[0] > number, reversed(ring)) for ring in rings]
        merged = heapq.merge(*newer, key=lambda each: each[0], reverse=True)
        return [self._numbered(each) for each in merged][::-1]

    def newest(self, limits: Limits = FULL) -> Iterator[LogLine]:
        """The newest lines within the limits, oldest first."""
        kept = (self._lines, limits.log), (self._messages, limits.messages)
        rings = (islice(ring, max(0, len(ring) - most), None) for ring, most in kept)
        merged = heapq.merge(*rings, key=lambda each: each[0])
        return (self._numbered(each)[1] for each in merged)

    def _numbered(self, entry: _Entry) -> Numbered:
        number, at, line = entry
        if isinstance(line, LogLine):
            return number, line
        assert self._in_words is not None
        return number, self._in_words(at, line)
