"""The panel of events: the narrated log, followed, held or filtered."""

from collections.abc import Sequence
from itertools import accumulate, takewhile

from rich.cells import cell_len
from textual.events import Click

from natsmon.charts.cells import Role, Row, fit, fold_briefly, row
from natsmon.state.log import Numbered
from natsmon.stream.events import LogLine
from natsmon.text import dates
from natsmon.text.plain_text import printable
from natsmon.tui.model import figures
from natsmon.tui.model.log_window import LogWindow
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.row_list import nothing_found
from natsmon.tui.widgets.list_panel import ListPanel, Opened

_FULL_TIME = 70
_MOST_ROWS = 3
"""Rows of one line; ``enter`` opens it in full."""
MARKS: dict[str, tuple[str, Role]] = {
    "good": ("✓", "good"),
    "bad": ("✗", "bad"),
    "warn": ("!", "warn"),
    "info": ("·", "value"),
    "dim": (" ", "label"),
}
SELECTED = "▪"


def rows(window: LogWindow, width: int, height: int) -> list[tuple[Row, int]]:
    """The lines in view: at most ``height`` rows, each with the number of its line; 0 for none."""
    if not window.listed:
        known, needle = len(window.log), window.needle
        none = nothing_found(known, "lines", needle) if needle else "waiting for the first event"
        return [(fit(row((none, "label")), width), 0)]
    drawn: list[tuple[Row, int]] = []
    for number, line in window.view(height, fitting(window, width, height)):
        drawn += [(cells, number) for cells in line_rows(line, width, selected=number in window.selected)]
    return drawn[-height:] if window.follow else drawn[:height]


def fitting(window: LogWindow, width: int, height: int) -> int:
    """How many of the newest lines fit whole; one at least."""
    return _whole(window.newest(height)[::-1], width, height)


def page_lines(window: LogWindow, width: int, height: int, direction: int) -> int:
    """How many lines a page is, up or down from the topmost in view: one line in view stays in view."""
    listed = window.listed
    top = window.top(fitting(window, width, height))
    lines = listed[top : top + height] if direction > 0 else listed[max(0, top - height) : top + 1][::-1]
    return direction * max(1, _whole(lines, width, height) - 1)


def _whole(lines: Sequence[Numbered], width: int, height: int) -> int:
    """How many of them fit, from the first on, with all their rows; one at least."""
    ends = accumulate(len(line_rows(line, width)) for _, line in lines)
    return max(1, len(list(takewhile(lambda end: end <= height, ends))))


def line_rows(line: LogLine, width: int, *, selected: bool = False) -> list[Row]:
    mark, role = MARKS.get(line.kind, MARKS["info"])
    if selected:
        mark = SELECTED
    at = figures.wall_millis(line.at) if width >= _FULL_TIME else figures.wall(line.at)
    text = printable(line.text)
    start = len(at) + 1 + len(mark) + 1
    fits = cell_len(text) <= width - start
    first, *others = [text] if fits else fold_briefly(text, max(1, width - start), _MOST_ROWS)
    drawn = [row((f"{at} ", "label"), (f"{mark} ", role), (first, role))]
    drawn += [row((" " * start, "label"), (further, role)) for further in others]
    return [fit(line, width) for line in drawn]


def title(window: LogWindow) -> str:
    """With the filter, and with what is out of view while the window is held."""
    filtered = f" · “{window.needle}”" if window.needle else ""
    selected = f" · {len(window.selected):,} selected" if window.selected else ""
    held = "" if window.follow else f" held, +{window.unseen:,} lines · f follows"
    return f"events{filtered}{selected}{held}"


class EventPanel(ListPanel[Numbered]):
    """The window on the log. Without a cursor, keys move the window; the wheel always does."""

    def __init__(self, window: LogWindow) -> None:
        self.window = window
        self._numbers: list[int] = []
        """The number of the line of each row in view."""
        super().__init__(window, self._lines, "events", id="events", tick=lambda moment: moment.revision)

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        self.entitle(title(self.window))
        drawn = rows(self.window, width, height)
        self._numbers = [number for _, number in drawn]
        self.lit = {y for y, number in enumerate(self._numbers) if number == self.window.cursor > 0}
        return [cells for cells, _ in drawn]

    @property
    def fitting(self) -> int:
        return fitting(self.window, *self.size)

    def show_messages(self, shown: bool) -> None:
        self.window.show_messages(shown)
        self.redraw()

    def page(self, direction: int) -> None:
        self._go(page_lines(self.window, *self.size, direction))

    def _go(self, lines: int) -> None:
        """Move the cursor, where there is one; else the window."""
        if self.window.cursor:
            self.move(lines)
        else:
            self._scroll(lines)

    def _scroll(self, lines: int) -> None:
        self.window.scroll(lines, self.fitting)
        self.redraw()

    def wheel(self, direction: int) -> None:
        self._scroll(3 * direction)

    def to_start(self) -> None:
        self._go(-len(self.window.listed))

    def to_end(self) -> None:
        """The newest line, and follow; the cursor is removed."""
        self.window.resume()
        self.redraw()

    def toggle_follow(self) -> None:
        if self.window.follow:
            self.window.hold(self.fitting)
            self.redraw()
        else:
            self.to_end()

    def message_of(self, row: Numbered) -> Opened:
        return Opened(row[1])

    def in_full(self, row: Numbered) -> str:
        return f"{dates.local_millis(row[1].at)} {printable(row[1].text)}"

    async def on_click(self, event: Click) -> None:
        """Mark the line; open it when it is marked already."""
        place = event.get_content_offset(self)
        number = self._numbers[place.y] if place is not None and 0 <= place.y < len(self._numbers) else 0
        if number and number == self.window.cursor:
            self.open()
        elif number:
            self.window.hold(self.fitting)
            self.window.mark(number)
            self.redraw()
