"""The event log: a ring of lines that is followed, scrolled and filtered."""

import heapq
from collections import deque
from dataclasses import dataclass
from itertools import islice

from textual.events import MouseScrollDown, MouseScrollUp

from natsmon.tui.cells import Role, Row, fit, row
from natsmon.tui.moment import Moment
from natsmon.tui.panel import Panel

LINES_KEPT = 5_000
MESSAGES_KEPT = 1_000
WHEEL = 3
MARKS: dict[str, tuple[str, Role]] = {
    "good": ("✓", "good"),
    "bad": ("✗", "bad"),
    "warn": ("!", "warn"),
    "info": ("·", "value"),
    "dim": (" ", "label"),
}


@dataclass(frozen=True, slots=True)
class Entry:
    at: str
    text: str
    kind: str
    message: bool = False
    """About one single message: hidden until asked for, else these are all there is to see."""


_Numbered = tuple[int, Entry]


class Book:
    """The lines and the window on them. Knows no terminal.

    Lines about single messages are kept apart, so that however many there are they push out nothing else.
    """

    def __init__(self, kept: int = LINES_KEPT, messages_kept: int = MESSAGES_KEPT) -> None:
        self._rings = {False: deque[_Numbered](maxlen=kept), True: deque[_Numbered](maxlen=messages_kept)}
        self._shown: deque[Entry] = deque(maxlen=kept)
        self._count = 0
        self.needle = ""
        self.messages = False
        self.follow = True
        self.unseen = 0
        self._top = 0
        self.revision = 0

    def __len__(self) -> int:
        return len(self._shown)

    @property
    def total(self) -> int:
        return sum(len(ring) for ring in self._rings.values())

    def add(self, entry: Entry) -> None:
        self._count += 1
        self._rings[entry.message].append((self._count, entry))
        if self._wanted(entry):
            self._show(entry)
            self.unseen += not self.follow
            self.revision += 1

    def _show(self, entry: Entry) -> None:
        if len(self._shown) == self._shown.maxlen:
            self._top = max(0, self._top - 1)
        self._shown.append(entry)

    def _wanted(self, entry: Entry) -> bool:
        if entry.message and not self.messages:
            return False
        return not self.needle or self.needle in entry.text.casefold() or self.needle in entry.at

    def select(self, needle: str | None = None, *, messages: bool | None = None) -> None:
        """Show only the lines with this text in them, in any case; with or without those of single messages."""
        if needle is not None:
            self.needle = needle.casefold()
        if messages is not None:
            self.messages = messages
        self._shown.clear()
        self._shown.extend(entry for _, entry in heapq.merge(*self._rings.values()) if self._wanted(entry))
        self.resume()

    def resume(self) -> None:
        self.follow = True
        self.unseen = 0
        self.revision += 1

    def hold(self, height: int) -> None:
        if self.follow:
            self.follow = False
            self._top = max(0, len(self._shown) - height)
            self.revision += 1

    def scroll(self, lines: int, height: int) -> None:
        """Move the window; reaching the newest line follows again."""
        if self.follow and lines > 0:
            return
        self.hold(height)
        self._top = max(0, self._top + lines)
        self.revision += 1
        if lines > 0 and self._top >= len(self._shown) - height:
            self.resume()

    def window(self, height: int) -> list[Entry]:
        if self.follow:
            return list(islice(reversed(self._shown), height))[::-1]
        top = min(self._top, max(0, len(self._shown) - height))
        return list(islice(self._shown, top, top + height))


def rows(book: Book, width: int, height: int) -> list[Row]:
    if not len(book):
        if book.needle:
            words = f"none of {book.total:,} lines contains “{book.needle}” · / changes it, esc drops it"
        else:
            words = "waiting for the first event"
        return [fit(row((words, "label")), width)]
    return [_line(entry, width) for entry in book.window(height)]


def _line(entry: Entry, width: int) -> Row:
    mark, role = MARKS.get(entry.kind, MARKS["info"])
    at = entry.at if width >= 70 else entry.at[:8]
    return fit(row((f"{at} ", "label"), (f"{mark} ", role), (entry.text, role)), width)


def title(book: Book) -> str:
    return f"events · “{book.needle}”" if book.needle else "events"


def subtitle(book: Book) -> str:
    """Empty while the newest line is in sight."""
    return "" if book.follow else f"paused, +{book.unseen:,} lines · f follows"


class EventLog(Panel, can_focus=True):
    """The window on the book, moved by keys and by the wheel."""

    noun = "events"

    def __init__(self, book: Book) -> None:
        self.book = book
        super().__init__(self._lines, lambda moment: book.revision, id="events", title="events")

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        self.entitle(" ".join(part for part in (title(self.book), subtitle(self.book)) if part))
        return rows(self.book, width, height)

    @property
    def needle(self) -> str:
        return self.book.needle

    def filter(self, needle: str) -> None:
        self.book.select(needle)
        self.redraw()

    def show_messages(self, shown: bool) -> None:
        self.book.select(messages=shown)
        self.redraw()

    def move(self, lines: int) -> None:
        self.book.scroll(lines, self.size.height)
        self.redraw()

    def page(self, direction: int) -> None:
        self.move(direction * max(1, self.size.height - 1))

    def to_start(self) -> None:
        self.move(-self.book.total)

    def to_end(self) -> None:
        self.book.resume()
        self.redraw()

    def toggle_follow(self) -> None:
        if self.book.follow:
            self.book.hold(self.size.height)
            self.redraw()
        else:
            self.to_end()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.move(-WHEEL)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.move(WHEEL)
