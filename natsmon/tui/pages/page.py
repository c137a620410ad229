"""A page over the dashboard: the status, a sheet or a table, and a key bar. Pages are loaded when they are opened."""

from typing import Any, ClassVar, Generic, Protocol, TypeVar

from msgspec.structs import replace
from textual.app import ComposeResult
from textual.binding import BindingType

from natsmon.charts.cells import COMPONENTS, Row
from natsmon.state import State
from natsmon.tui.model.key_table import RECORD_KEYS, Key, bindings, rebound
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection
from natsmon.tui.pages.pane_screen import PaneScreen
from natsmon.tui.panels import status_panel
from natsmon.tui.widgets.key_bar import KeyBar
from natsmon.tui.widgets.panel import Panel
from natsmon.tui.widgets.record_table import RecordTable
from natsmon.tui.widgets.sheet import Sheet

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)
_IN_THE_BAR = {
    "back": "back", "up": "scroll", "older": "older", "newer": "newer", "open": "open", "filter": "filter",
    "copy": "copy", "cancel": "cancel", "play": "play/pause", "help": "help",
}  # fmt: skip


class Page(PaneScreen):
    """A sheet or a table in the place of the dashboard."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS

    def __init__(
        self, name: str, sheet: Sheet | RecordTable[Any], *, without: tuple[str, ...], follows: bool = True
    ) -> None:
        """Make the page.

        Args:
            name: What the app calls it.
            sheet: What it shows.
            without: Ids of keys that are not in its key bar.
            follows: False when the sheet changes with its tick alone, not with every event.
        """
        super().__init__(name=name)
        self.follows = follows
        self.status = Panel(status_panel.rows, status_panel.tick, id="status")
        self.sheet = sheet
        self.held = False
        self._without = without
        self.keybar = KeyBar(())

    def compose(self) -> ComposeResult:
        keys = rebound((*RECORD_KEYS, *self.natsmon.key_table()), self.natsmon.keymap_of_user)
        self.keybar.keys = page_bar(keys, self._without)
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

    def show(self, moment: Moment, revision: int) -> None:
        self.status.show(moment, revision)
        if not self.held:
            self.sheet.show(moment, revision if self.follows else 0)
        self.keybar.show(moment, 0)

    def again(self, state: State) -> bool:
        """The state is another one: show the same of it; False where it has nothing of the kind."""
        if isinstance(self.sheet, RecordTable):
            self.sheet.selection.again(state)
        return True

    def action_hold(self) -> None:
        self.held = not self.held
        self.natsmon.show_notice("held; f follows again" if self.held else "follows")
        self.natsmon.draw()


def page_bar(keys: tuple[Key, ...], without: tuple[str, ...]) -> tuple[Key, ...]:
    """The keys in the key bar of a page, with the labels they have there."""
    by_id = {key.id: key for key in keys}
    return tuple(
        replace(by_id[name], label=label)
        for name, label in _IN_THE_BAR.items()
        if name in by_id and name not in without and by_id[name].title
    )


class Detail(Protocol[R_contra]):
    """How one record is shown in full. A module has these functions."""

    def title(self, record: R_contra, state: State, /) -> str:
        """Which record it is."""
        ...

    def rows(self, record: R_contra, moment: Moment, width: int, /) -> list[Row]:
        """All of the record."""
        ...

    def tick(self, record: R_contra, moment: Moment, /) -> object:
        """Changes when the rows would."""
        ...


class RecordPage(Page, Generic[R]):
    """One record of a table in full; those beside it in the table are a key away."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(RECORD_KEYS)
    of_a_record = True

    def __init__(self, noun: str, record: R, selection: Selection[R], detail: Detail[R]) -> None:
        self.noun = noun
        self.record = record
        self.selection = selection
        self._detail = detail
        sheet = Sheet(self._rows, self._tick, self._heading)
        super().__init__(noun, sheet, without=("open", "filter"), follows=False)

    def _heading(self) -> str:
        state = self.natsmon.viewed.state
        listed = self.selection.listed(state)
        place = next((n for n, each in enumerate(listed, 1) if each is self.record), None)
        which = f" · {place:,} of {len(listed):,}" if place is not None else ""
        return f"{self.noun} {self._detail.title(self.record, state)}{which}"

    def _rows(self, moment: Moment, width: int) -> list[Row]:
        return self._detail.rows(self.record, moment, width)

    def _tick(self, moment: Moment) -> object:
        known = len(self.selection.kept(moment.state))
        return id(self.record), known, self._detail.tick(self.record, moment)

    def again(self, state: State) -> bool:
        kept = self.selection.kept(state)
        found = next((each for each in kept if self.selection.same(each, self.record)), None)
        self.record = found or self.record
        return found is not None

    def action_step(self, by: int) -> None:
        """Go to the record before or after this one; a mark in the table moves along."""
        record = self.selection.beside(self.natsmon.viewed.state, self.record, by)
        if record is None:
            self.natsmon.show_notice(f"there is no {self.noun} {'before this one' if by > 0 else 'after this one yet'}")
            return
        self.record = record
        if self.selection.marked:
            self.selection.mark(record)
        self.sheet.to_start()
