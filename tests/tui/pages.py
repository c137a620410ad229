"""The page on top of a dashboard, and what it shows."""

from natsmon.tui.widgets.panel import Panel
from tests.tui.drawn import text_on
from tests.tui.driven import Driven


def page_of(drive: Driven) -> str:
    """What the page on top shows."""
    return text_on(drive.app.screen.query_one("Sheet", Panel))


def title_of(drive: Driven) -> str:
    return str(drive.app.screen.query_one("Sheet", Panel).border_title)


def on_top(drive: Driven) -> str:
    """The name of the screen on top."""
    return drive.app.screen.name or type(drive.app.screen).__name__


def bar_of(drive: Driven) -> str:
    """The key bar of the page on top."""
    return text_on(drive.app.screen.query_one("KeyBar", Panel))
