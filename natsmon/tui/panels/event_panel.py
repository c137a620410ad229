"""The event log: a ring of lines that is followed, scrolled and filtered."""

import heapq
from collections import deque
from itertools import islice

import msgspec
from rich.cells import cell_len, set_cell_size

from natsmon.charts.cells import Role, Row, fit, row
from natsmon.text.plain_text import printable
from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets.panel import ScrolledPanel

LINES_KEPT = 5_000
MESSAGES_KEPT = 1_000
_FULL_TIME = 70
_FULL_ADDRESSES = 97
"""Cells inside the border of a screen of 100 or so; with less, the scheme of an address is left out."""
MARKS: dict[str, tuple[str, Role]] = {
    "good": ("✓", "good"),
    "bad": ("✗", "bad"),
    "warn": ("!", "warn"),
    "info": ("·", "value"),
    "dim": (" ", "label"),
}


class Entry(msgspec.Struct, frozen=True):
    at: str
    text: str
    kind: str
    message: bool = False
    """About one single message: hidden until asked for, else these are all there is to see."""
    wall: float = 0.0
    """``at``, in seconds since the epoch."""


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

    def latest(self, lines: int, messages: int) -> list[Entry]:
        """The newest entries, oldest first: so many, and so many of those about single messages."""
        rings = zip(self._rings.values(), (lines, messages), strict=True)
        newest = (islice(ring, max(0, len(ring) - most), None) for ring, most in rings)
        return [entry for _, entry in heapq.merge(*newest)]

    def restore(self, entries: list[Entry]) -> None:
        """Begin again with these."""
        for ring in self._rings.values():
            ring.clear()
        self._shown.clear()
        for entry in entries:
            self.add(entry)
        self.resume()

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

    def newest(self, most: int) -> list[Entry]:
        return list(islice(reversed(self._shown), most))[::-1]

    def window(self, height: int, fitting: int | None = None) -> list[Entry]:
        """The lines in sight; ``fitting`` is how many of the newest fit, where some take more than one line."""
        if self.follow:
            return self.newest(height)
        top = self._place(height if fitting is None else fitting)
        return list(islice(self._shown, top, top + height))

    def around(self, height: int, fitting: int) -> tuple[list[Entry], list[Entry]]:
        """The topmost line in sight, and those above it; and the same one, and those below it. Both from there on."""
        top = max(0, len(self._shown) - fitting) if self.follow else self._place(fitting)
        above = list(islice(self._shown, max(0, top - height), top + 1))
        return above[::-1], list(islice(self._shown, top, top + height))

    def _place(self, fitting: int) -> int:
        return min(self._top, max(0, len(self._shown) - fitting))


def rows(book: Book, width: int, height: int) -> list[Row]:
    if not len(book):
        if book.needle:
            words = f"none of {book.total:,} lines contains “{book.needle}” · / changes it, esc drops it"
        else:
            words = "waiting for the first event"
        return [fit(row((words, "label")), width)]
    drawn = [line for entry in book.window(height, fitting(book, width, height)) for line in _lines(entry, width)]
    return drawn[-height:] if book.follow else drawn[:height]


def fitting(book: Book, width: int, height: int) -> int:
    """How many of the newest entries fit whole; one at least."""
    return _whole(book.newest(height)[::-1], width, height)


def page(book: Book, width: int, height: int, direction: int) -> int:
    """How many entries a page is, up or down from the topmost in sight: one that is in sight stays so."""
    above, below = book.around(height, fitting(book, width, height))
    return direction * max(1, _whole(above if direction < 0 else below, width, height) - 1)


def _whole(entries: list[Entry], width: int, height: int) -> int:
    """How many of them fit, from the first on, with all their lines; one at least."""
    used = 0
    for count, entry in enumerate(entries):
        used += len(_lines(entry, width))
        if used > height:
            return max(1, count)
    return max(1, len(entries))


def _lines(entry: Entry, width: int) -> list[Row]:
    """One line; what is bad may take a second, for it ends with the cause and what to do about it."""
    mark, role = MARKS.get(entry.kind, MARKS["info"])
    at = entry.at if width >= _FULL_TIME else entry.at[:8]
    text = printable(entry.text)
    if width < _FULL_ADDRESSES:
        text = text.replace("nats://", "")
    start = len(at) + 1 + len(mark) + 1
    further = ""
    if entry.kind == "bad" and width > start and cell_len(text) > width - start:
        head = set_cell_size(text, width - start).rpartition(" ")[0].rstrip() or set_cell_size(text, width - start)
        text, further = head, text[len(head) :].lstrip()
    drawn = [fit(row((f"{at} ", "label"), (f"{mark} ", role), (text, role)), width)]
    if further:
        drawn.append(fit(row((" " * start, "label"), (further, role)), width))
    return drawn


def title(book: Book) -> str:
    return f"events · “{book.needle}”" if book.needle else "events"


def subtitle(book: Book) -> str:
    """Empty while the newest line is in sight."""
    return "" if book.follow else f"paused, +{book.unseen:,} lines · f follows"


class EventLog(ScrolledPanel, can_focus=True):
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
        self.book.scroll(lines, self._fitting)
        self.redraw()

    @property
    def _fitting(self) -> int:
        return fitting(self.book, *self.size)

    def page(self, direction: int) -> None:
        self.move(page(self.book, *self.size, direction))

    def to_start(self) -> None:
        self.move(-self.book.total)

    def to_end(self) -> None:
        self.book.resume()
        self.redraw()

    def toggle_follow(self) -> None:
        if self.book.follow:
            self.book.hold(self._fitting)
            self.redraw()
        else:
            self.to_end()
