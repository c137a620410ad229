"""The panel of the dials."""

from textual.message import Message

from natsmon.charts.cells import Row
from natsmon.state import Dial
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import View
from natsmon.tui.panels import dial_rows
from natsmon.tui.widgets.record_table import RecordTable


class DialTable(RecordTable[Dial]):
    """The dial under way or the wait for the next one, and the dials before."""

    noun = "dials"

    class Opened(Message):
        """A dial is to be shown whole."""

        def __init__(self, dial: Dial) -> None:
            super().__init__()
            self.dial = dial

    def __init__(self) -> None:
        super().__init__(dial_rows.DialSelection(), id="dials", title="dials")

    def changes(self, moment: Moment) -> object:
        return dial_rows.tick(moment)

    def lines_above(self, moment: Moment, height: int) -> int:
        return dial_rows.lines_above(height, marked=self.selection.marked)

    def drawn(self, moment: Moment, width: int, height: int, view: View[Dial]) -> list[Row]:
        needle = self.selection.needle
        self.entitle(dial_rows.title(moment, view, needle), dial_rows.legend(width))
        return dial_rows.rows(moment, width, height, view, needle)

    def in_full(self, record: Dial) -> list[Row]:
        return dial_rows.in_full(record, self._moment) if self._moment is not None else []

    def opened(self, record: Dial) -> None:
        self.post_message(self.Opened(record))
