"""What the page on top of a dashboard is, and what it shows."""

from natsmon.tui.drawing.cells import text_of
from natsmon.tui.drawing.panel import Panel
from tests.tui.driven import Driven


def page_of(drive: Driven) -> str:
    """What the page on top shows."""
    sheet = drive.app.screen.query_one("Sheet", Panel)
    return "\n".join(text_of(row) for row in sheet._rows)


def title_of(drive: Driven) -> str:
    return str(drive.app.screen.query_one("Sheet", Panel).border_title)


def on_top(drive: Driven) -> str:
    return type(drive.app.screen).__name__
