"""The page of one line of the log, in full."""

from natsmon.charts.cells import Row, fit, fold, row
from natsmon.stream.events import LogLine
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages.page import SheetPage
from natsmon.tui.panels.event_panel import MARKS


def line_page(line: LogLine) -> SheetPage:
    """A page with the whole text of a line."""
    _, role = MARKS.get(line.kind, MARKS["info"])

    def rows(moment: Moment, width: int) -> list[Row]:
        at = f"{figures.local_day(line.at)} {figures.wall_millis(line.at)}"
        return [fit(row((at, "label")), width), *(fit(row((part, role)), width) for part in fold(line.text, width))]

    return SheetPage("event", "event", rows, lambda moment: 0, follows=False)
