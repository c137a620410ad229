"""Numbers of the messages in flight, with the time each was due. A message takes nine bytes.

A window of flags reaches from the oldest number in flight to the last one sent. It is bounded: older numbers in flight
are kept as runs, without their times.
"""

import re
from array import array

from natsmon.probe.messages.number_runs import Runs

WINDOW_KEPT = 262_144
"""Numbers of the window."""
CLEARED_AT_ONCE = 8_192
"""Settled numbers, at least, that are removed together."""
_IN_FLIGHT = re.compile(b"\x01+")


class InFlightWindow:
    """The numbers in flight; of those older than the window, ``older_kept`` runs."""

    def __init__(self, older_kept: int) -> None:
        self.older = Runs(older_kept)
        """In flight, and older than the window."""
        self._first = 1
        """The number that the window begins with."""
        self._flags = bytearray()
        """1 for a number in flight."""
        self._due = array("d")
        self._oldest = 0
        """Place in the window of the oldest number in flight; its end without one."""
        self._room = CLEARED_AT_ONCE

    def __len__(self) -> int:
        """Numbers of the window, in flight or not."""
        return len(self._flags)

    def add(self, seq: int, due: float) -> None:
        """A message with a higher number than all others is in flight."""
        if seq != self._first + len(self._flags):
            self._move_to(seq)
        self._flags.append(1)
        self._due.append(due)
        if len(self._flags) > self._room:
            self._make_room()

    def land(self, seq: int) -> float | None:
        """Remove a number from the window; when it was due, or None when it is not in flight there."""
        at = seq - self._first
        if at < self._oldest or at >= len(self._flags) or not self._flags[at]:
            return None
        self._flags[at] = 0
        due = self._due[at]
        if at == self._oldest:
            self._settle_to(at + 1)
        return due

    def discard(self, seq: int) -> bool:
        """Remove a number; False when it is not in flight."""
        return self.land(seq) is not None or self.older.discard(seq)

    def after(self, seq: int) -> int | None:
        """The lowest number in flight above this one; None without any."""
        at = self._flags.find(1, max(self._oldest, seq + 1 - self._first))
        older = self.older.after(seq)
        return older if older is not None or at < 0 else self._first + at

    def take(self, last: int, *, after: int = 0) -> list[tuple[int, int]]:
        """Remove and return the runs of all numbers in flight up to ``last``, above ``after``."""
        runs = self.older.take(last, after=after)
        start = max(after + 1 - self._first, self._oldest)
        end = min(last + 1 - self._first, len(self._flags))
        if start < end:
            runs += self._runs(start, end)
            if start == self._oldest:
                self._settle_to(end)
            else:
                self._flags[start:end] = bytes(end - start)
        return runs

    def _move_to(self, seq: int) -> None:
        """Make this the next number of the window: those in between were not sent."""
        gap = seq - self._first - len(self._flags)
        if self._oldest < len(self._flags) and 0 < gap <= WINDOW_KEPT:
            self._flags.extend(bytes(gap))
            self._due.extend(array("d", bytes(8 * gap)))
            return
        self._fold(len(self._flags))
        self._clear(len(self._flags))
        self._first = seq

    def _make_room(self) -> None:
        """Remove what is settled, and fold the oldest if that does not suffice: many at once, and not soon again."""
        self._clear(self._oldest)
        if len(self._flags) > WINDOW_KEPT:
            self._fold(len(self._flags) - WINDOW_KEPT // 2)
            self._clear(self._oldest)
        self._room = 2 * len(self._flags) + CLEARED_AT_ONCE

    def _fold(self, end: int) -> None:
        """All up to this place leaves the window; numbers in flight are kept as runs."""
        self.older.extend(self._runs(self._oldest, end))
        self._settle_to(end)

    def _runs(self, start: int, end: int) -> list[tuple[int, int]]:
        """Of the numbers in flight between two places of the window."""
        found = _IN_FLIGHT.finditer(self._flags, start, end)
        return [(self._first + run.start(), self._first + run.end() - 1) for run in found]

    def _settle_to(self, end: int) -> None:
        """Nothing before this place of the window is in flight."""
        oldest = self._flags.find(1, end)
        self._oldest = oldest if oldest >= 0 else len(self._flags)

    def _clear(self, many: int) -> None:
        del self._flags[:many], self._due[:many]
        self._first += many
        self._oldest = max(0, self._oldest - many)
