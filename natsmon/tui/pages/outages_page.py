"""The page of all outages."""

from natsmon.state import State
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
            self.app.push_screen(RecordPage("outage", message.record, self.table.selection, outage_detail))
