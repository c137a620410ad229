"""The pages that a key opens from anywhere, by name, and those of one record."""

from collections.abc import Callable
from typing import Any

from natsmon.charts.cells import Row, fit, fold, row
from natsmon.state import Dial, OutageRecord
from natsmon.stream.events import LogLine
from natsmon.text import dates
from natsmon.tui.model.key_table import Key
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection
from natsmon.tui.pages.page import Page, RecordPage
from natsmon.tui.panels.dial_rows import DialSelection
from natsmon.tui.panels.event_panel import MARKS
from natsmon.tui.widgets.record_table import RecordTable
from natsmon.tui.widgets.sheet import Sheet


def page_named(name: str, keys: tuple[Key, ...], record_keys: tuple[Key, ...]) -> Page:
    """Make a page; what it needs is imported now.

    Args:
        name: As in the action ``page(name)`` of the key table.
        keys: Shown by the help.
        record_keys: Shown by the help as those of one record.
    """
    match name:
        case "outages":
            from natsmon.tui.pages import outage_rows

            table = RecordTable(outage_rows.OutageSelection(), outage_rows, name, id="outages-table")
            return Page(name, table, without=("older", "newer", "cancel"))
        case "upgrade":
            from natsmon.tui.pages import upgrade_rows

            return _sheet(name, "rolling upgrade", upgrade_rows.rows, upgrade_rows.tick)
        case "latency":
            from natsmon.tui.pages import latency_rows

            return _sheet(name, name, latency_rows.rows, latency_rows.tick, follows=False)
        case "servers":
            from natsmon.tui.pages import server_rows

            return _sheet(name, name, server_rows.rows, server_rows.tick)
    from natsmon.tui.pages import help_rows

    return _sheet("help", "help", lambda _, width: help_rows.rows(keys, record_keys, width), lambda _: 0)


def _sheet(
    name: str,
    title: str,
    rows: Callable[[Moment, int], list[Row]],
    tick: Callable[[Moment], object],
    *,
    follows: bool = True,
) -> Page:
    """A page that is a pure function of the moment."""
    return Page(name, Sheet(rows, tick, lambda: title), without=("older", "newer", "open"), follows=follows)


def page_of(record: Dial | OutageRecord | LogLine, selection: Selection[Any] | None) -> Page:
    """Make the page of one record; what it needs is imported now.

    Args:
        record: To be shown in full.
        selection: Of the table it stands in; None where it stands in none.
    """
    if isinstance(record, Dial):
        from natsmon.tui.pages import dial_detail

        return RecordPage("dial", record, selection or DialSelection(), dial_detail)
    if isinstance(record, OutageRecord):
        from natsmon.tui.pages import outage_detail
        from natsmon.tui.pages.outage_rows import OutageSelection

        return RecordPage("outage", record, selection or OutageSelection(), outage_detail)
    return _line_page(record)


def _line_page(line: LogLine) -> Page:
    """The whole text of a line of the log."""
    _, role = MARKS.get(line.kind, MARKS["info"])

    def rows(moment: Moment, width: int) -> list[Row]:
        at = dates.local_millis(line.at)
        return [fit(row((at, "label")), width), *(fit(row((part, role)), width) for part in fold(line.text, width))]

    return _sheet("event", "event", rows, lambda moment: 0, follows=False)
