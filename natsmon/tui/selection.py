"""Which dials the table lists, which of them the cursor is on, and the window of rows around it."""

from itertools import islice
from typing import NamedTuple

from natsmon.state import Dial, State


class View(NamedTuple):
    """What the table shows: dials newest first, which of them is marked, and where that is among all."""

    dials: list[Dial]
    marked: bool = False
    """True when there is a cursor, should there be a row for it."""
    cursor: int | None = None
    place: int = 0
    total: int = 0


def matches(dial: Dial, needle: str) -> bool:
    """By server, why, outcome, cause, error or number; the needle is in lower case."""
    outcome = dial.outcome or "dialing"
    texts = (dial.server, dial.why, outcome, dial.cause, dial.cause.replace("_", " "), dial.text)
    return needle.removeprefix("#") == str(dial.id) or any(needle in text.casefold() for text in texts)


class Selection:
    """The cursor rests on the newest dial until it is moved, then on the same dial whatever comes."""

    def __init__(self) -> None:
        self.needle = ""
        self.revision = 0
        self._chosen: Dial | None = None
        self._line = 0
        """The line of the window the cursor is on; it stays there while newer dials push in above."""

    def listed(self, state: State) -> list[Dial]:
        """Newest first."""
        if not self.needle:
            return list(reversed(state.dials))
        return [dial for dial in reversed(state.dials) if matches(dial, self.needle)]

    def filter(self, needle: str) -> None:
        self.needle = needle.casefold()
        self.revision += 1

    def current(self, state: State) -> Dial | None:
        listed = self.listed(state)
        return listed[self._place(listed)] if listed else None

    def choose(self, dial: Dial) -> None:
        self._chosen = dial
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

    def beside(self, state: State, dial: Dial, by: int) -> Dial | None:
        """The dial so many places further on in the list; none where it ends."""
        listed = self.listed(state)
        place = next((n for n, other in enumerate(listed) if other is dial), None)
        if place is None:
            return None
        return listed[place + by] if 0 <= place + by < len(listed) else None

    def view(self, state: State, height: int, *, marked: bool) -> View:
        """The rows of a table of this height; without a mark the newest."""
        if not marked:
            if not self.needle:
                return View(list(islice(reversed(state.dials), max(0, height))), total=len(state.dials))
            listed = self.listed(state)
            return View(listed[: max(0, height)], total=len(listed))
        listed = self.listed(state)
        if not listed or height <= 0:
            return View([], True, total=len(listed))
        place = self._place(listed)
        top = place - min(self._line, height - 1, place)
        top = max(0, min(top, len(listed) - height))  # no blank rows while there are dials to fill them
        self._line = place - top
        return View(listed[top : top + height], True, self._line, place, len(listed))

    def _place(self, listed: list[Dial]) -> int:
        if self._chosen is None:
            return 0
        return next((n for n, dial in enumerate(listed) if dial is self._chosen), 0)
