"""The pages of the outages: all of them, and one."""

from natsmon.charts.cells import Row
from natsmon.state import OutageRecord, State
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages import outage_detail, outage_rows
from natsmon.tui.pages.page import Page, RecordPage
from natsmon.tui.widgets.record_table import Opened, RecordTable


class OutagesPage(Page):
    """The totals of the outages, and each of them."""

    def __init__(self) -> None:
        self.table = RecordTable(outage_rows.OutageSelection(), outage_rows, "outages", id="outages-table")
        self.table.styles.height = "1fr"
        super().__init__("outages", self.table, without=("older", "newer", "cancel"))

    def again(self, state: State) -> bool:
        self.table.selection.again(state)
        return True

    def on_opened(self, message: Opened) -> None:
        if self.is_current:
            self.app.push_screen(OutagePage(message.record, self.table.selection))


class OutagePage(RecordPage[OutageRecord]):
    """One outage in full."""

    noun = "outage"

    def heading(self) -> str:
        state = self.natsmon.watched.state
        listed = self.selection.listed(state)
        place = next((n for n, outage in enumerate(listed, 1) if outage is self.record), None)
        which = f" · {place:,} of {len(listed):,}" if place is not None else ""
        return f"outage at {figures.wall(state.wall(self.record.began))}{which}"

    def rows(self, moment: Moment, width: int) -> list[Row]:
        return outage_detail.rows(self.record, moment, width)

    def tick(self, moment: Moment) -> object:
        return id(self.record), moment.state.outage_count, outage_detail.tick(self.record, moment)

    def find(self, state: State) -> OutageRecord | None:
        return state.find_outage(self.record.id)
