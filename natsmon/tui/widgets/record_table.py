"""A panel of records with a cursor row, which opens the record it is on."""

from typing import Generic, TypeVar

from textual.events import Click

from natsmon.charts.cells import Row, text_of
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection, View
from natsmon.tui.widgets.panel import ScrolledPanel

T = TypeVar("T")


class RecordTable(ScrolledPanel, Generic[T], can_focus=True):
    """Moved by keys and by the wheel; a click on a row opens it."""

    noun = "records"

    def __init__(self, selection: Selection[T], *, id: str, title: str) -> None:  # noqa: A002 (Textual's name)
        self.selection = selection
        self._view: View[T] = View([])
        self._first = 0
        """The line of the first row of the table."""
        super().__init__(self._lines, self._changes, id=id, title=title)

    def changes(self, moment: Moment) -> object:
        """Changes when the rows would, though no event came."""
        raise NotImplementedError

    def lines_above(self, moment: Moment, height: int) -> int:
        """How many lines stand above the first row."""
        raise NotImplementedError

    def drawn(self, moment: Moment, width: int, height: int, view: View[T]) -> list[Row]:
        """The lines above the rows, and the rows in view."""
        raise NotImplementedError

    def opened(self, record: T) -> None:
        """A record is to be shown in full."""
        raise NotImplementedError

    def in_full(self, record: T) -> list[Row]:
        """The record as one line of text, for copying."""
        raise NotImplementedError

    def _changes(self, moment: Moment) -> object:
        return self.changes(moment), self.selection.revision

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        self._first = self.lines_above(moment, height)
        view = self._view = self.selection.view(moment.state, height - self._first)
        at = self._first + view.cursor if view.cursor is not None else -1
        self.lit = range(at, at + 1) if at >= 0 else range(0)
        return self.drawn(moment, width, height, self._view)

    # -- what a pane does -------------------------------------------------------------------------

    @property
    def needle(self) -> str:
        return self.selection.needle

    def filter(self, needle: str) -> None:
        self.selection.filter(needle)
        self.redraw()

    def move(self, lines: int) -> None:
        if self._moment is not None:
            self.selection.move(self._moment.state, lines)
            self.redraw()

    def page(self, direction: int) -> None:
        self.move(direction * max(1, self.size.height - self._first - 1))

    def to_start(self) -> None:
        """The newest record, at the top."""
        self.move(-(1 << 30))

    def to_end(self) -> None:
        """The oldest record."""
        self.move(0)
        self.move(1 << 30)

    def unmark(self) -> bool:
        found = self.selection.unmark()
        if found:
            self.redraw()
        return found

    def select(self) -> None:
        if self._moment is not None:
            self.selection.toggle(self._moment.state)
            self.redraw()

    def copied(self) -> list[str]:
        if self._moment is None:
            return []
        chosen = self.selection.chosen(self._moment.state)
        return [text_of(line).rstrip() for record in chosen for line in self.in_full(record)]

    def open(self) -> None:
        if self._moment is not None and (record := self.selection.current(self._moment.state)) is not None:
            self.opened(record)

    async def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        line = place.y - self._first if place is not None else -1
        if 0 <= line < len(self._view.listed):
            self.opened(self._view.listed[line])

    def wheel(self, direction: int) -> None:
        if self.has_focus or self.selection.marked:
            self.move(direction)
