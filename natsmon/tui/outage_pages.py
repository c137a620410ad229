"""The pages of the outages: all of them, and one. Loaded when opened."""

from typing import ClassVar

from textual.binding import BindingType

from natsmon.state import OutageRecord, State
from natsmon.tui import figures, outage_detail
from natsmon.tui.cells import Row
from natsmon.tui.filter import ask
from natsmon.tui.keys import DIAL_KEYS, OUTAGES_KEYS, bindings
from natsmon.tui.moment import Moment
from natsmon.tui.outage_table import OutageTable
from natsmon.tui.pages import Page, Sheet
from natsmon.tui.selection import Selection


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
        ask(self, self.table, self.keybar)

    def action_back(self) -> None:
        """A filter is dropped first."""
        if self.table.needle:
            self.table.filter("")
        else:
            self.dismiss()


class OutagePage(Page):
    """One outage; those beside it in the table are a key away."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(DIAL_KEYS)
    follows = False

    def __init__(self, outage: OutageRecord, selection: Selection[OutageRecord]) -> None:
        self.outage = outage
        self._selection = selection
        super().__init__(Sheet(self._rows, self._tick, self._title), DIAL_KEYS)

    def _title(self) -> str:
        state = self._natsmon.watched.state
        listed = self._selection.listed(state)
        place = next((n for n, outage in enumerate(listed, 1) if outage is self.outage), None)
        which = f" · {place:,} of {len(listed):,}" if place is not None else ""
        return f"outage at {figures.wall(state.wall(self.outage.began))}{which}"

    def _rows(self, moment: Moment, width: int) -> list[Row]:
        return outage_detail.rows(self.outage, moment, width)

    def _tick(self, moment: Moment) -> object:
        return id(self.outage), moment.state.outage_count, outage_detail.tick(self.outage, moment)

    def again(self, state: State) -> bool:
        outage = state.outage_of(self.outage.began)
        self.outage = outage or self.outage
        return outage is not None

    def action_step(self, by: int) -> None:
        """To the outage before or after this one in the table; its cursor comes along."""
        outage = self._selection.beside(self._natsmon.watched.state, self.outage, by)
        if outage is None:
            which = "before this one" if by > 0 else "after this one yet"
            self._natsmon.say(f"there is no outage {which}")
            return
        self.outage = outage
        self._selection.choose(outage)
        self.action_to_start()
