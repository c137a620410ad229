"""A list of rows on the screen: filtered, with a cursor row, selected rows, and the window of rows in view."""

from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

from natsmon.state import Dial, OutageRecord, State

T = TypeVar("T")
R = TypeVar("R", bound=Dial | OutageRecord)
NEWEST = 1 << 62
"""A number after that of every row."""


def nothing_found(known: int, noun: str, needle: str) -> str:
    """What a list shows when the filter hides every row."""
    return f"none of {known:,} {noun} contains “{needle}” · / changes it, esc removes it"


class RowList(Generic[T]):
    """Each row has a number, higher than those of older rows. There is no cursor row until the cursor is moved.

    ``fitting`` is everywhere how many rows fit into the window.
    """

    order = 1
    """1 where the newest row is the last, -1 where it is the first."""

    def __init__(self) -> None:
        self.needle = ""
        self.revision = 0
        """Rises with every change of what is shown."""
        self.cursor = 0
        """The number of the cursor row; 0 without one."""
        self.selected: set[int] = set()
        """The numbers of the selected rows."""
        self._top = NEWEST
        """The number of the topmost row in view; ``NEWEST`` keeps the newest in view."""
        self.listed: list[T] = []
        """The rows that the filter shows, in their order on the screen."""

    def number(self, row: T) -> int:
        raise NotImplementedError

    def filter(self, needle: str) -> None:
        """List only the rows that contain a text, in any case."""
        self.needle = needle.casefold()
        self.revision += 1

    def place(self, number: int) -> int | None:
        """Where a row is; None when it is not listed."""
        found = self._next(number)
        return found if found < len(self.listed) and self.number(self.listed[found]) == number else None

    def _next(self, number: int) -> int:
        """Where a row is, or else the one below it."""
        return bisect_left(self.listed, number * self.order, key=lambda row: self.number(row) * self.order)

    def current(self) -> T | None:
        """The cursor row; the newest where there is none."""
        place = self.place(self.cursor)
        if place is None:
            place = 0 if self.order < 0 else -1
        return self.listed[place] if self.listed else None

    def chosen(self) -> list[T]:
        """The selected rows; without them the cursor row; without it the newest."""
        if self.selected:
            return [row for row in self.listed if self.number(row) in self.selected]
        current = self.current()
        return [current] if current is not None else []

    def mark(self, number: int) -> None:
        self.cursor = number
        self.revision += 1

    def unmark(self) -> bool:
        """Remove the cursor and the selection; False when there was neither."""
        if not self.cursor and not self.selected:
            return False
        self.cursor = 0
        self.selected.clear()
        self.revision += 1
        return True

    def toggle(self, fitting: int) -> None:
        """Select the cursor row, or remove it from the selection."""
        if self.place(self.cursor) is None:
            self.move(0, fitting)
        if self.cursor:
            self.selected ^= {self.cursor}
            self.revision += 1

    def move(self, rows: int, fitting: int) -> None:
        """Move the cursor, and the window with it; the first move marks the newest row in view."""
        if not self.listed:
            return
        place = self.place(self.cursor)
        if place is not None:
            place = max(0, min(len(self.listed) - 1, place + rows))
        else:
            place = min(len(self.listed), self.top(fitting) + fitting) - 1 if self.order > 0 else 0
        self.mark(self.number(self.listed[place]))
        self.bring(place, fitting)

    def top(self, fitting: int) -> int:
        """Where the topmost row in view is: no line is left blank while there are rows to fill it."""
        return max(0, min(self._next(self._top), len(self.listed) - fitting))

    def bring(self, place: int, fitting: int) -> int:
        """Move the window until a row is in view; where its topmost row is then."""
        top = max(min(self.top(fitting), place), place - max(1, fitting) + 1)
        self._top = self.number(self.listed[top])
        return top


class RecordList(RowList[R]):
    """Records of a State, newest first. The cursor keeps its line while newer ones are added above.

    ``records`` gives all of a State, oldest first; ``matches`` whether a filter shows one, its text in lower case.
    """

    order = -1

    def __init__(self, records: Callable[[State], deque[R]], matches: Callable[[R, str], bool]) -> None:
        super().__init__()
        self.records = records
        self._matches = matches
        self.kept: deque[R] = deque()
        """All records, oldest first."""

    def attach(self, state: State) -> None:
        self.kept = self.records(state)
        self._match()

    def filter(self, needle: str) -> None:
        super().filter(needle)
        self._match()

    def _match(self) -> None:
        newest_first = reversed(self.kept)
        self.listed = [each for each in newest_first if not self.needle or self._matches(each, self.needle)]

    def number(self, row: R) -> int:
        return row.id

    def sign(self, record: R) -> str:
        """What stands before a record: the cursor, or that it is selected."""
        return "▸ " if record.id == self.cursor else "▪ " if record.id in self.selected else "  "

    def beside(self, record: R, by: int) -> R | None:
        """The record so many places further on in the list; None where it ends."""
        place = self.place(record.id)
        return self.listed[place + by] if place is not None and 0 <= place + by < len(self.listed) else None

    def view(self, fitting: int) -> list[R]:
        """Those in view: around the cursor, or the newest."""
        fitting = max(0, fitting)
        place = self.place(self.cursor)
        top = 0 if place is None or not fitting else self.bring(place, fitting)
        return self.listed[top : top + fitting]
