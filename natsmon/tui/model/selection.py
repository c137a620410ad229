"""Which records a table lists, which of them the cursor is on, and the window of rows around it."""

from collections import deque
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from natsmon.state import State

T = TypeVar("T")


class View(NamedTuple, Generic[T]):
    """What the table shows: records newest first, which of them is marked, and where that is among all."""

    listed: list[T]
    marked: bool = False
    """True when there is a cursor, should there be a row for it."""
    cursor: int | None = None
    place: int = 0
    total: int = 0


class Selection(Generic[T]):
    """The cursor rests on the newest record until it is moved, then on the same one whatever comes."""

    def __init__(self) -> None:
        self.needle = ""
        self.revision = 0
        self._chosen: T | None = None
        self._line = 0
        """The line of the window the cursor is on; it stays there while newer records push in above."""

    def kept(self, state: State) -> deque[T]:
        """All there are, oldest first."""
        raise NotImplementedError

    def matches(self, record: T, needle: str) -> bool:
        """Whether a filter shows it; the needle is in lower case."""
        raise NotImplementedError

    def listed(self, state: State) -> list[T]:
        """Newest first."""
        if not self.needle:
            return list(reversed(self.kept(state)))
        return [record for record in reversed(self.kept(state)) if self.matches(record, self.needle)]

    def filter(self, needle: str) -> None:
        self.needle = needle.casefold()
        self.revision += 1

    def current(self, state: State) -> T | None:
        listed = self.listed(state)
        return listed[self._place(listed)] if listed else None

    def same(self, one: T, other: T) -> bool:
        """Whether two records, of two states, tell of the same."""
        raise NotImplementedError

    def again(self, state: State) -> None:
        """The state has become another: the cursor goes to the record in it that tells of the same."""
        chosen = self._chosen
        if chosen is not None:
            self._chosen = next((record for record in self.kept(state) if self.same(record, chosen)), None)
        self.revision += 1

    def choose(self, record: T) -> None:
        self._chosen = record
        self.revision += 1

    def move(self, state: State, by: int) -> None:
        listed = self.listed(state)
        if not listed:
            return
        place = self._place(listed)
        there = max(0, min(len(listed) - 1, place + by))
        self._line = max(0, self._line + there - place)
        self._chosen = listed[there] if there else None
        self.revision += 1

    def beside(self, state: State, record: T, by: int) -> T | None:
        """The record so many places further on in the list; none where it ends."""
        listed = self.listed(state)
        place = next((n for n, other in enumerate(listed) if other is record), None)
        if place is None:
            return None
        return listed[place + by] if 0 <= place + by < len(listed) else None

    def view(self, state: State, height: int, *, marked: bool) -> View[T]:
        """The rows of a table of this height; without a mark the newest."""
        if not marked:
            if not self.needle:
                kept = self.kept(state)
                return View(list(islice(reversed(kept), max(0, height))), total=len(kept))
            listed = self.listed(state)
            return View(listed[: max(0, height)], total=len(listed))
        listed = self.listed(state)
        if not listed or height <= 0:
            return View([], True, total=len(listed))
        place = self._place(listed)
        top = place - min(self._line, height - 1, place)
        top = max(0, min(top, len(listed) - height))  # no blank rows while there are records to fill them
        self._line = place - top
        return View(listed[top : top + height], True, self._line, place, len(listed))

    def _place(self, listed: list[T]) -> int:
        if self._chosen is None:
            return 0
        return next((n for n, record in enumerate(listed) if record is self._chosen), 0)
