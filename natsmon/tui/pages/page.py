"""What every page over the dashboard has: the status, a sheet as long as it needs to be, and a key bar.

Pages are loaded when they are opened.
"""

from typing import Any, ClassVar, Generic, Protocol, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from natsmon.charts.cells import COMPONENTS, Row
from natsmon.state import State
from natsmon.tui.model.key_table import RECORD_KEYS, Key, bindings
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection
from natsmon.tui.model.watched import Watch
from natsmon.tui.panels import status_panel
from natsmon.tui.widgets.key_bar import KeyBar, MomentView
from natsmon.tui.widgets.panel import Panel
from natsmon.tui.widgets.record_table import Table
from natsmon.tui.widgets.sheet import Sheet

R = TypeVar("R")


class _Natsmon(Protocol):
    """The app, as a page knows it."""

    watched: Watch

    def draw(self) -> None: ...
    def say(self, notice: str) -> None: ...


class Page(ModalScreen[None], MomentView):
    """A sheet, or a table, in the place of the dashboard."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS
    follows = True
    """False when what the sheet says changes with its tick alone, not with every event."""

    def __init__(self, sheet: Sheet | Table[Any], keys: tuple[Key, ...]) -> None:
        super().__init__()
        self.status = Panel(status_panel.rows, status_panel.tick, id="status")
        self.sheet = sheet
        self.keybar = KeyBar(keys)

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.sheet
        yield self.keybar

    def on_mount(self) -> None:
        self.natsmon.draw()

    def on_unmount(self) -> None:
        self.app.call_later(self.natsmon.draw)  # what the dashboard shows is as old as this page

    @property
    def natsmon(self) -> _Natsmon:
        return cast("_Natsmon", self.app)

    def show(self, moment: Moment, revision: int) -> None:
        self.status.show(moment, revision)
        self.sheet.show(moment, revision if self.follows else 0)
        self.keybar.show(moment, 0)

    def again(self, state: State) -> bool:
        """The state has become another: show the same of that one; False where it has nothing of the kind."""
        return True

    def action_move(self, lines: int) -> None:
        self.sheet.move(lines)

    def action_page(self, direction: int) -> None:
        self.sheet.page(direction)

    def action_to_start(self) -> None:
        self.sheet.move(-(1 << 30))

    def action_to_end(self) -> None:
        self.sheet.move(1 << 30)


class RecordPage(Page, Generic[R]):
    """One record of a table, told whole; those beside it in the table are a key away."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(RECORD_KEYS)
    follows = False
    of_a_record = True
    noun = "record"

    def __init__(self, record: R, selection: Selection[R]) -> None:
        self.record = record
        self.selection = selection
        super().__init__(Sheet(self.rows, self.tick, self.heading), RECORD_KEYS)

    def heading(self) -> str:
        raise NotImplementedError

    def rows(self, moment: Moment, width: int) -> list[Row]:
        raise NotImplementedError

    def tick(self, moment: Moment) -> object:
        """Whether the rows would look different now."""
        raise NotImplementedError

    def find(self, state: State) -> R | None:
        """The record of a state that tells of the same as this one."""
        raise NotImplementedError

    def again(self, state: State) -> bool:
        found = self.find(state)
        self.record = found or self.record
        return found is not None

    def action_step(self, by: int) -> None:
        """To the record before or after this one; the cursor of the table comes along."""
        record = self.selection.beside(self.natsmon.watched.state, self.record, by)
        if record is None:
            self.natsmon.say(f"there is no {self.noun} {'before this one' if by > 0 else 'after this one yet'}")
            return
        self.record = record
        self.selection.choose(record)
        self.action_to_start()
