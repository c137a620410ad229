"""A panel of records with a cursor row, which opens the record it is on."""

from collections.abc import Callable
from typing import Any, Generic, Protocol

from textual.events import Click
from textual.message import Message

from natsmon.charts.cells import Row, text_of
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection, T, View
from natsmon.tui.widgets.panel import ScrolledPanel


class Opened(Message):
    """A record is to be shown in full; with the selection of the table it stands in, where it is one of a table."""

    def __init__(self, record: Any, selection: Selection[Any] | None = None) -> None:
        super().__init__()
        self.record = record
        self.selection = selection


class Drawing(Protocol[T]):
    """How the records of one kind are drawn. A module has these functions."""

    def tick(self, moment: Moment, /) -> object:
        """Changes when the rows would, though no event came."""

    def lines_above(self, moment: Moment, height: int, /, *, marked: bool) -> int:
        """How many lines stand above the first row."""

    def rows(self, moment: Moment, width: int, height: int, view: View[T], needle: str, /) -> list[Row]:
        """The lines above the rows, and the rows in view."""

    def in_full(self, record: T, moment: Moment, /) -> list[Row]:
        """The record as one line of text, for copying."""


class RecordTable(ScrolledPanel, Generic[T], can_focus=True):
    """Moved by keys and by the wheel; a click on a row opens it. The legend stands in the lower border."""

    def __init__(
        self,
        selection: Selection[T],
        drawing: Drawing[T],
        noun: str,
        *,
        id: str,  # noqa: A002 (Textual's name)
        legend: Callable[[int], str] = lambda width: "",
    ) -> None:
        self.selection = selection
        self.noun = noun
        self._drawing = drawing
        self._legend = legend
        self._view: View[T] = View([])
        super().__init__(self._lines, lambda moment: (drawing.tick(moment), selection.revision), id=id, title=noun)

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        selection = self.selection
        self.above = self._drawing.lines_above(moment, height, marked=selection.marked)
        view = self._view = selection.view(moment.state, height - self.above)
        self.lit = {self.above + view.cursor} if view.cursor is not None else set()
        self.entitle(self._title_of(moment, view), self._legend(width))
        return self._drawing.rows(moment, width, height, view, selection.needle)

    def _title_of(self, moment: Moment, view: View[T]) -> str:
        """The filter, and where the cursor is."""
        parts = [self.noun]
        if needle := self.selection.needle:
            parts.append(f"“{needle}” {view.total:,} of {len(self.selection.kept(moment.state)):,}")
        if view.cursor is not None:
            parts.append(f"{view.place + 1:,} of {view.total:,}")
        if view.selected:
            parts.append("selected")
        return " · ".join(parts)

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

    def to_end(self) -> None:
        """The oldest record: the first move marks the newest."""
        self.move(0)
        super().to_end()

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
        if (moment := self._moment) is None:
            return []
        chosen = self.selection.chosen(moment.state)
        return [text_of(line).rstrip() for record in chosen for line in self._drawing.in_full(record, moment)]

    def open(self) -> None:
        if self._moment is not None and (record := self.selection.current(self._moment.state)) is not None:
            self.post_message(Opened(record, self.selection))

    async def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        line = place.y - self.above if place is not None else -1
        if 0 <= line < len(self._view.listed):
            self.post_message(Opened(self._view.listed[line], self.selection))

    def wheel(self, direction: int) -> None:
        if self.has_focus or self.selection.marked:
            self.move(direction)
