"""The pages that a key opens from anywhere, by name, and those of one record."""

from natsmon.charts.cells import Row, fit, fold, row
from natsmon.state import Dial, OutageRecord
from natsmon.stream.events import LogLine
from natsmon.text import dates
from natsmon.tui.model.key_table import Key
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection
from natsmon.tui.pages.page import Page, RecordPage, SheetPage
from natsmon.tui.panels.event_panel import MARKS


def page_named(name: str, keys: tuple[Key, ...], record_keys: tuple[Key, ...]) -> Page:
    """Make a page; what it needs is imported now.

    Args:
        name: As in the action ``page(name)`` of the key table.
        keys: Shown by the help.
        record_keys: Shown by the help as those of one record.
    """
    match name:
        case "outages":
            from natsmon.tui.pages.outages_page import OutagesPage

            return OutagesPage()
        case "upgrade":
            from natsmon.tui.pages import upgrade_rows

            return SheetPage(name, "rolling upgrade", upgrade_rows.rows, upgrade_rows.tick)
        case "latency":
            from natsmon.tui.pages import latency_rows

            return SheetPage(name, name, latency_rows.rows, latency_rows.tick, follows=False)
        case "servers":
            from natsmon.tui.pages import server_rows

            return SheetPage(name, name, server_rows.rows, server_rows.tick)
    from natsmon.tui.pages import help_rows

    return SheetPage("help", "help", lambda _, width: help_rows.rows(keys, record_keys, width), lambda _: 0)


def page_of(record: Dial | OutageRecord | LogLine, dials: Selection[Dial]) -> Page:
    """Make the page of one record; what it needs is imported now.

    Args:
        record: To be shown in full.
        dials: The selection of the table of dials.
    """
    if isinstance(record, Dial):
        from natsmon.tui.pages import dial_detail

        return RecordPage("dial", record, dials, dial_detail)
    if isinstance(record, OutageRecord):
        from natsmon.tui.pages import outage_detail
        from natsmon.tui.pages.outage_rows import OutageSelection

        return RecordPage("outage", record, OutageSelection(), outage_detail)
    return _line_page(record)


def _line_page(line: LogLine) -> Page:
    """The whole text of a line of the log."""
    _, role = MARKS.get(line.kind, MARKS["info"])

    def rows(moment: Moment, width: int) -> list[Row]:
        at = dates.local_millis(line.at)
        return [fit(row((at, "label")), width), *(fit(row((part, role)), width) for part in fold(line.text, width))]

    return SheetPage("event", "event", rows, lambda moment: 0, follows=False)
