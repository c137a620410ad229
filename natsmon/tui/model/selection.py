"""Which records a table lists, the cursor row, the selected rows, and the window of rows around the cursor."""

from collections import deque
from itertools import islice
from typing import Generic, NamedTuple, TypeVar

from natsmon.state import Dial, OutageRecord, State

T = TypeVar("T", bound=Dial | OutageRecord)


class View(NamedTuple, Generic[T]):
    """What a table shows: records newest first, the cursor row, and where that is among all."""

    listed: list[T]
    cursor: int | None = None
    place: int = 0
    total: int = 0
    selected: frozenset[int] = frozenset()
    """Rows of ``listed`` that are selected."""

    def mark(self, row: int) -> str:
        """What stands before a row: the cursor, or that it is selected."""
        return "▸ " if self.cursor == row else "▪ " if row in self.selected else "  "


def nothing_found(known: int, noun: str, needle: str) -> str:
    """What a table shows when the filter hides every row."""
    return f"none of {known:,} {noun} contains “{needle}” · / changes it, esc removes it"


def place_of(record: T | None, listed: list[T]) -> int | None:
    """Where a record is; another one that is equal is not the same."""
    return next((n for n, each in enumerate(listed) if each is record), None)


class Selection(Generic[T]):
    """No row is marked until the cursor is moved; then it stays on the same record, whatever is added."""

    def __init__(self) -> None:
        self.needle = ""
        self.revision = 0
        self._marked: T | None = None
        self._selected: list[T] = []
        self._line = 0
        """The line of the window the cursor is on; it stays there while newer records are added above."""

    def kept(self, state: State) -> deque[T]:
        """All records, oldest first."""
        raise NotImplementedError

    def matches(self, record: T, needle: str) -> bool:
        """Whether a filter shows it; the needle is in lower case."""
        raise NotImplementedError

    def found(self, record: T, state: State) -> T | None:
        """The same dial or outage in another state."""
        return next((each for each in self.kept(state) if each.id == record.id), None)

    def listed(self, state: State) -> list[T]:
        """Newest first."""
        if not self.needle:
            return list(reversed(self.kept(state)))
        return [record for record in reversed(self.kept(state)) if self.matches(record, self.needle)]

    def filter(self, needle: str) -> None:
        """List only the records that contain a text."""
        self.needle = needle.casefold()
        self.revision += 1

    @property
    def marked(self) -> bool:
        """Whether a row is marked."""
        return self._marked is not None

    def current(self, state: State) -> T | None:
        """The marked record, or the newest when none is marked."""
        listed = self.listed(state)
        return listed[place_of(self._marked, listed) or 0] if listed else None

    def again(self, state: State) -> None:
        """The state is another one: mark and select the same records in it."""
        self._marked = self._marked and self.found(self._marked, state)
        self._selected = [again for record in self._selected if (again := self.found(record, state)) is not None]
        self.revision += 1

    def mark(self, record: T) -> None:
        """Put the cursor on a record."""
        self._marked = record
        self.revision += 1

    def unmark(self) -> bool:
        """Remove the mark and the selection; False when there was neither."""
        if self._marked is None and not self._selected:
            return False
        self._marked = None
        self._selected.clear()
        self.revision += 1
        return True

    def toggle(self, state: State) -> None:
        """Select the marked record, or remove it from the selection."""
        record = self.current(state)
        if record is None:
            return
        self._marked = record
        kept = [each for each in self._selected if each is not record]
        self._selected = kept if len(kept) < len(self._selected) else [*kept, record]
        self.revision += 1

    def chosen(self, state: State) -> list[T]:
        """The selected records, newest first; without them the marked one; without it the newest."""
        if self._selected:
            return [record for record in self.listed(state) if any(record is each for each in self._selected)]
        current = self.current(state)
        return [current] if current is not None else []

    def move(self, state: State, by: int) -> None:
        """Move the cursor; the first move marks the newest record."""
        listed = self.listed(state)
        if not listed:
            return
        place = place_of(self._marked, listed)
        there = 0 if place is None else max(0, min(len(listed) - 1, place + by))
        self._line = max(0, self._line + there - (place or 0))
        self._marked = listed[there]
        self.revision += 1

    def beside(self, state: State, record: T, by: int) -> T | None:
        """The record so many places further on in the list; none where it ends."""
        listed = self.listed(state)
        place = place_of(record, listed)
        return listed[place + by] if place is not None and 0 <= place + by < len(listed) else None

    def view(self, state: State, height: int) -> View[T]:
        """The rows of a table of this height: around the cursor, or the newest."""
        height = max(0, height)
        if not self.needle and not self.marked and not self._selected:
            kept = self.kept(state)
            return View(list(islice(reversed(kept), height)), total=len(kept))
        listed = self.listed(state)
        place = place_of(self._marked, listed)
        if place is None or height <= 0:
            return View(listed[:height], total=len(listed), selected=self._rows(listed[:height]))
        top = place - min(self._line, height - 1, place)
        top = max(0, min(top, len(listed) - height))  # no blank rows while there are records to fill them
        self._line = place - top
        shown = listed[top : top + height]
        return View(shown, self._line, place, len(listed), self._rows(shown))

    def _rows(self, shown: list[T]) -> frozenset[int]:
        return frozenset(n for n, record in enumerate(shown) if any(record is each for each in self._selected))
