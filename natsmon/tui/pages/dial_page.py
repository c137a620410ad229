"""The page of one dial. Loaded when opened."""

from natsmon.charts.cells import Row
from natsmon.state import Dial, State
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages import dial_detail
from natsmon.tui.pages.page import RecordPage


class DialPage(RecordPage[Dial]):
    noun = "dial"

    def heading(self) -> str:
        return f"dial {self.record.id}"

    def rows(self, moment: Moment, width: int) -> list[Row]:
        return dial_detail.rows(self.record, moment, width)

    def tick(self, moment: Moment) -> object:
        return self.record.id, dial_detail.tick(self.record, moment)

    def find(self, state: State) -> Dial | None:
        return state.find_dial(self.record.id)
