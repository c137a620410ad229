"""The pages of the outages: all of them, and one. Loaded when opened."""

from typing import ClassVar

from textual.binding import BindingType

from natsmon.charts.cells import Row
from natsmon.state import OutageRecord, State
from natsmon.tui.model.key_table import OUTAGES_KEYS, bindings
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages import outage_detail
from natsmon.tui.pages.outage_table import OutageTable
from natsmon.tui.pages.page import Page, RecordPage
from natsmon.tui.widgets import figures
from natsmon.tui.widgets.filter_prompt import FilterPrompt


class OutagesPage(Page):
    """What the outages come to in all, and each of them."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(OUTAGES_KEYS)

    def __init__(self) -> None:
        self.table = OutageTable()
        self.table.styles.height = "1fr"
        super().__init__(self.table, OUTAGES_KEYS)

    def again(self, state: State) -> bool:
        self.table.selection.again(state)
        return True

    def action_open(self) -> None:
        self.table.open()

    def on_outage_table_opened(self, message: OutageTable.Opened) -> None:
        if self.is_current:
            self.app.push_screen(OutagePage(message.outage, self.table.selection))

    def action_filter(self) -> None:
        FilterPrompt(self.table, self.keybar).ask(self)

    def action_back(self) -> None:
        """A filter is dropped first."""
        if self.table.needle:
            self.table.filter("")
        else:
            self.dismiss()


class OutagePage(RecordPage[OutageRecord]):
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
