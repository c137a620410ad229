"""A panel with a list of rows: a cursor row, which enter opens, a filter, and selected rows."""

from typing import Any, Generic

from textual.message import Message

from natsmon.tui.model.row_list import RecordList, RowList, T
from natsmon.tui.widgets.panel import Draw, ScrolledPanel, Tick


class Opened(Message):
    """A row is to be shown in full; with the list of the table it stands in, where it is one of a table."""

    def __init__(self, record: Any, records: RecordList[Any] | None = None) -> None:
        super().__init__()
        self.record = record
        self.records = records


class ListPanel(ScrolledPanel, Generic[T], can_focus=True):
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
        """How many rows fit."""
        return self.size.height - self.above

    def message_of(self, row: T) -> Opened:
        """What is sent when a row is opened."""
        raise NotImplementedError

    def in_full(self, row: T) -> str:
        """A row as a line of text, for copying."""
        raise NotImplementedError

    # -- what a pane does -------------------------------------------------------------------------

    @property
    def needle(self) -> str:
        return self.rows.needle

    def filter(self, needle: str) -> None:
        self.rows.filter(needle)
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
