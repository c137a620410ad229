"""A page over the dashboard: the status, a sheet or a table, and a key bar. Pages are loaded when they are opened."""

from collections.abc import Callable
from typing import Any, ClassVar, Generic

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import BindingType

from natsmon.charts.cells import COMPONENTS, Row, fit, fold, row
from natsmon.state import Dial, OutageRecord, State
from natsmon.stream.events import LogLine
from natsmon.text import dates
from natsmon.tui.model.key_table import RECORD_KEYS, Key, bindings, rebound
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.row_list import R, RecordList
from natsmon.tui.pages.pane_screen import PaneScreen
from natsmon.tui.panels import dial_rows, outage_panel, server_panel, status_panel
from natsmon.tui.panels.event_panel import MARKS
from natsmon.tui.widgets.key_bar import KeyBar
from natsmon.tui.widgets.list_panel import RecordTable
from natsmon.tui.widgets.panel import Panel, Tick
from natsmon.tui.widgets.sheet import Sheet

_IN_THE_BAR = {
    "back": "back", "up": "scroll", "older": "older", "newer": "newer", "open": "open", "filter": "filter",
    "copy": "copy", "cancel": "cancel", "play": "play/pause", "help": "help",
}  # fmt: skip


class Page(PaneScreen):
    """A sheet or a table in the place of the dashboard."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS

    def __init__(self, name: str, sheet: Sheet | RecordTable[Any], *, without: tuple[str, ...]) -> None:
        """``without``: ids of keys that its key bar does not show."""
        super().__init__(name=name)
        self.status = Panel(status_panel.rows, id="status")
        self.sheet = sheet
        self.held = False
        self._without = without
        self.keybar = KeyBar(())

    def compose(self) -> ComposeResult:
        keys = rebound((*RECORD_KEYS, *self.natsmon.key_table()), self.natsmon.keymap_of_user)
        by_id = {key.id: key for key in keys if key.title and key.id not in self._without}
        shown = ((by_id[name], label) for name, label in _IN_THE_BAR.items() if name in by_id)
        self.keybar.keys = tuple(replace(key, label=label) for key, label in shown)
        yield self.status
        yield self.sheet
        yield self.keybar

    def on_mount(self) -> None:
        self.natsmon.draw()

    def on_unmount(self) -> None:
        self.app.call_later(self.natsmon.draw)  # the dashboard shows what was known when this page was opened

    @property
    def pane(self) -> Sheet | RecordTable[Any]:
        return self.sheet

    def show(self, moment: Moment) -> None:
        self.status.show(moment)
        if not self.held:
            self.sheet.show(moment)
        self.keybar.show(moment)

    def action_hold(self) -> None:
        self.held = not self.held
        self.natsmon.show_notice("held; f follows again" if self.held else "follows")
        self.natsmon.draw()


class RecordPage(Page, Generic[R]):
    """One record of a table in full; those beside it in the table are a key away."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(RECORD_KEYS)
    of_a_record = True

    def __init__(
        self,
        noun: str,
        record: R,
        records: RecordList[R],
        title: Callable[[R, State], str],
        rows: Callable[[R, Moment, int], list[Row]],
    ) -> None:
        self.noun = noun
        self.record = record
        self.records = records
        self._title = title
        sheet = Sheet(lambda moment, width: rows(self.record, moment, width), self._heading)
        super().__init__(noun, sheet, without=("open", "filter"))

    def show(self, moment: Moment) -> None:
        self.records.attach(moment.state)
        super().show(moment)

    def _heading(self) -> str:
        place = self.records.place(self.record.id)
        which = f" · {place + 1:,} of {len(self.records.listed):,}" if place is not None else ""
        return f"{self.noun} {self._title(self.record, self.natsmon.viewed.state)}{which}"

    def again(self, state: State) -> bool:
        """The state is another one: show the same record of it; False where it has none."""
        found = next((record for record in self.records.records(state) if record.id == self.record.id), None)
        self.record = found or self.record
        return found is not None

    def action_step(self, by: int) -> None:
        """Go to the record before or after this one; a mark in the table moves along."""
        record = self.records.beside(self.record, by)
        if record is None:
            self.natsmon.show_notice(f"there is no {self.noun} {'before this one' if by > 0 else 'after this one yet'}")
            return
        self.record = record
        if self.records.cursor:
            self.records.mark(record.id)
        self.sheet.to_start()


# -- the pages ----------------------------------------------------------------------------------------


def page_named(name: str, keys: tuple[Key, ...], record_keys: tuple[Key, ...]) -> Page:
    """The page of an action ``page(name)``; the help shows the keys, and those of the page of a record."""
    match name:
        case "outages":
            table = RecordTable(outage_panel, name, id="outages-table")
            return Page(name, table, without=("older", "newer", "cancel"))
        case "upgrade":
            from natsmon.tui.pages import upgrade_rows

            return _sheet(name, "rolling upgrade", upgrade_rows.rows)
        case "latency":
            from natsmon.tui.pages import latency_rows

            return _sheet(name, name, latency_rows.rows, latency_rows.tick)
        case "servers":
            return _sheet(name, name, server_panel.page_rows)
    from natsmon.tui.pages import help_rows

    return _sheet("help", "help", lambda _, width: help_rows.rows(keys, record_keys, width))


def _sheet(
    name: str, title: str, rows: Callable[[Moment, int], list[Row]], tick: Tick = lambda moment: moment.tick
) -> Page:
    return Page(name, Sheet(rows, lambda: title, tick), without=("older", "newer", "open"))


def page_of(record: Dial | OutageRecord | LogLine, records: RecordList[Any] | None) -> Page:
    """The page of a record, with the records of the table it stands in, if any."""
    if isinstance(record, Dial):
        from natsmon.tui.pages import dial_detail

        records = records or RecordList(dial_rows.records, dial_rows.matches)
        return RecordPage("dial", record, records, lambda dial, _: f"{dial.id}", dial_detail.rows)
    if isinstance(record, OutageRecord):
        from natsmon.tui.pages import outage_detail

        records = records or RecordList(outage_panel.records, outage_panel.matches)
        return RecordPage("outage", record, records, outage_detail.title, outage_detail.rows)
    return _line_page(record)


def _line_page(line: LogLine) -> Page:
    _, role = MARKS.get(line.kind, MARKS["info"])

    def rows(moment: Moment, width: int) -> list[Row]:
        at = dates.local_millis(line.at)
        return [fit(row((at, "label")), width), *(fit(row((part, role)), width) for part in fold(line.text, width))]

    return _sheet("event", "event", rows)
