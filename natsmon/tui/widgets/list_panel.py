"""Panels with a list of rows: a cursor row, which enter or a click opens, a filter, and selected rows."""

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol

from textual.events import Click
from textual.message import Message

from natsmon.charts.cells import Row
from natsmon.state import State
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.row_list import R, RecordList, RowList, T
from natsmon.tui.widgets.panel import Draw, Pane, Tick


class Opened(Message):
    """A row is to be shown in full; with the list of the table it stands in, where it is one of a table."""

    def __init__(self, record: Any, records: RecordList[Any] | None = None) -> None:
        super().__init__()
        self.record = record
        self.records = records


class ListPanel(Pane, Generic[T], can_focus=True):
    """Its rows are moved and selected by keys."""

    def __init__(
        self,
        rows: RowList[T],
        draw: Draw,
        noun: str,
        *,
        id: str,  # noqa: A002 (Textual's name)
        tick: Tick = lambda moment: moment.tick,
    ) -> None:
        self.rows = rows
        self.noun = noun
        super().__init__(draw, id=id, title=noun, tick=lambda moment: (tick(moment), rows.revision))

    @property
    def fitting(self) -> int:
        return self.size.height - self.above

    def message_of(self, row: T) -> Opened:
        """What is sent when a row is opened."""
        raise NotImplementedError

    def in_full(self, row: T) -> str:
        """A row as a line of text, for copying."""
        raise NotImplementedError

    def filter(self, needle: str) -> None:
        self.rows.filter(needle)
        self.needle = self.rows.needle
        self.redraw()

    def move(self, lines: int) -> None:
        self.rows.move(lines, self.fitting)
        self.redraw()

    def unmark(self) -> bool:
        found = self.rows.unmark()
        if found:
            self.redraw()
        return found

    def select(self) -> None:
        self.rows.toggle(self.fitting)
        self.redraw()

    def copied(self) -> list[str]:
        return [self.in_full(row) for row in self.rows.chosen()]

    def open(self) -> None:
        if (row := self.rows.current()) is not None:
            self.post_message(self.message_of(row))


class Drawing(Protocol[R]):
    """How the records of one kind are listed and drawn. A module has these functions."""

    def records(self, state: State, /) -> deque[R]:
        """All of a State, oldest first."""

    def matches(self, record: R, needle: str, /) -> bool:
        """Whether a filter shows it; the needle is in lower case."""

    def lines_above(self, moment: Moment, height: int, /, *, marked: bool) -> int:
        """How many lines stand above the first row."""

    def rows(self, moment: Moment, width: int, height: int, records: RecordList[R], shown: list[R], /) -> list[Row]:
        """The lines above the rows, and the rows of the records in view."""

    def in_full(self, record: R, moment: Moment, /) -> str:
        """The record as one line of text, for copying."""


class RecordTable(ListPanel[R]):
    """The title has the filter, and where the cursor is; the legend stands in the lower border."""

    def __init__(
        self,
        drawing: Drawing[R],
        noun: str,
        *,
        id: str,  # noqa: A002 (Textual's name)
        legend: Callable[[int], str] = lambda width: "",
    ) -> None:
        self.records = RecordList(drawing.records, drawing.matches)
        self._drawing = drawing
        self._legend = legend
        self._shown: list[R] = []
        super().__init__(self.records, self._lines, noun, id=id)

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        records = self.records
        records.attach(moment.state)
        self.above = self._drawing.lines_above(moment, height, marked=bool(records.cursor))
        listed = records.listed
        shown = self._shown = records.view(height - self.above)
        self.lit = {self.above + y for y, record in enumerate(shown) if record.id == records.cursor}
        parts = [self.noun]
        if records.needle:
            parts.append(f"“{records.needle}” {len(listed):,} of {len(records.kept):,}")
        if (place := records.place(records.cursor)) is not None:
            parts.append(f"{place + 1:,} of {len(listed):,}")
        if any(record.id in records.selected for record in shown):
            parts.append("selected")
        self.entitle(" · ".join(parts), self._legend(width))
        return self._drawing.rows(moment, width, height, records, shown)

    def message_of(self, row: R) -> Opened:
        return Opened(row, self.records)

    def in_full(self, row: R) -> str:
        return self._drawing.in_full(row, self._moment).rstrip() if self._moment is not None else ""

    def to_end(self) -> None:
        """The oldest record: the first move marks the newest."""
        self.move(0)
        super().to_end()

    async def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        line = place.y - self.above if place is not None else -1
        if 0 <= line < len(self._shown):
            self.post_message(self.message_of(self._shown[line]))

    def wheel(self, direction: int) -> None:
        if self.has_focus or self.records.cursor:
            self.move(direction)
