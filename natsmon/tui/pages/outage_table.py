"""The table on the page of the outages."""

from textual.message import Message

from natsmon.charts.cells import Row
from natsmon.state import OutageRecord
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import View
from natsmon.tui.pages import outage_rows
from natsmon.tui.widgets.record_table import RecordTable


class OutageTable(RecordTable[OutageRecord]):
    """The totals of the outages, and every one of them, newest first."""

    noun = "outages"

    class Opened(Message):
        """An outage is to be shown in full."""

        def __init__(self, outage: OutageRecord) -> None:
            super().__init__()
            self.outage = outage

    def __init__(self) -> None:
        super().__init__(outage_rows.OutageSelection(), id="outages-table", title="outages")

    def changes(self, moment: Moment) -> object:
        return outage_rows.tick(moment)

    def lines_above(self, moment: Moment, height: int) -> int:
        return outage_rows.lines_above(height)

    def drawn(self, moment: Moment, width: int, height: int, view: View[OutageRecord]) -> list[Row]:
        needle = self.selection.needle
        self.entitle(outage_rows.title(moment, view, needle))
        return outage_rows.rows(moment, width, height, view, needle)

    def in_full(self, record: OutageRecord) -> list[Row]:
        return outage_rows.in_full(record, self._moment) if self._moment is not None else []

    def opened(self, record: OutageRecord) -> None:
        self.post_message(self.Opened(record))
