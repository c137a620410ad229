"""Pages over the dashboard, as long as they need to be: a dial, the servers and more. Loaded when opened."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import MouseScrollDown, MouseScrollUp
from textual.screen import ModalScreen

from natsmon.state import Dial, State
from natsmon.tui import detail, servers, status
from natsmon.tui.cells import COMPONENTS, Row
from natsmon.tui.keybar import KeyBar, MomentView
from natsmon.tui.keys import DIAL_KEYS, PAGE_KEYS, Key, bindings
from natsmon.tui.log import WHEEL
from natsmon.tui.moment import Moment
from natsmon.tui.panel import Panel, Tick
from natsmon.tui.selection import Selection
from natsmon.tui.table import Table

if TYPE_CHECKING:
    from natsmon.tui.app import NatsmonApp


class Sheet(Panel):
    """A panel with more rows than lines: a window on them is shown."""

    def __init__(self, draw: Callable[[Moment, int], list[Row]], tick: Tick, title: Callable[[], str]) -> None:
        self._whole = draw
        self._named = title
        self._top = 0
        super().__init__(self._lines, tick)

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        rows = self._whole(moment, width)
        self._top = max(0, min(self._top, len(rows) - height))
        place = f" · lines {self._top + 1}–{self._top + height} of {len(rows)}" if len(rows) > height else ""
        self.entitle(self._named() + place)
        return rows[self._top : self._top + height]

    def move(self, lines: int) -> None:
        self._top = max(0, self._top + lines)
        self.redraw()

    def page(self, direction: int) -> None:
        self.move(direction * max(1, self.size.height - 1))

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.move(-WHEEL)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.move(WHEEL)


class Page(ModalScreen[None], MomentView):
    """A sheet, or a table, in the place of the dashboard, between its status and a key bar."""

    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS
    follows = True
    """False when what the sheet says changes with its tick alone, not with every event."""

    def __init__(self, sheet: Sheet | Table[Any], keys: tuple[Key, ...]) -> None:
        super().__init__()
        self.status = Panel(status.rows, status.tick, id="status")
        self.sheet = sheet
        self.keybar = KeyBar(keys)

    def compose(self) -> ComposeResult:
        yield self.status
        yield self.sheet
        yield self.keybar

    def on_mount(self) -> None:
        self._natsmon.draw()

    def on_unmount(self) -> None:
        self._natsmon.call_later(self._natsmon.draw)  # what the dashboard shows is as old as this page

    @property
    def _natsmon(self) -> "NatsmonApp":
        return cast("NatsmonApp", self.app)

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


class DialPage(Page):
    """One dial; those beside it in the table are a key away."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(DIAL_KEYS)
    follows = False

    def __init__(self, dial: Dial, selection: Selection[Dial]) -> None:
        self.dial = dial
        self._selection = selection
        super().__init__(Sheet(self._rows, self._tick, lambda: f"dial {self.dial.id}"), DIAL_KEYS)

    def _rows(self, moment: Moment, width: int) -> list[Row]:
        return detail.rows(self.dial, moment, width)

    def _tick(self, moment: Moment) -> object:
        return self.dial.id, detail.tick(self.dial, moment)

    def again(self, state: State) -> bool:
        dial = state.find_dial(self.dial.id)
        self.dial = dial or self.dial
        return dial is not None

    def action_step(self, by: int) -> None:
        """To the dial before or after this one in the table; its cursor comes along."""
        dial = self._selection.beside(self._natsmon.watched.state, self.dial, by)
        if dial is None:
            self._natsmon.say("there is no dial before this one" if by > 0 else "there is no dial after this one yet")
            return
        self.dial = dial
        self._selection.choose(dial)
        self.action_to_start()


class ServersPage(Page):
    """Who we are, and where we may go."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE_KEYS)

    def __init__(self) -> None:
        super().__init__(Sheet(servers.page, servers.tick, lambda: "servers"), PAGE_KEYS)


class LatencyPage(Page):
    """How long things take, and how much of the time there was a connection."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE_KEYS)
    follows = False

    def __init__(self) -> None:
        from natsmon.tui import latency

        super().__init__(Sheet(latency.page, latency.tick, lambda: "latency"), PAGE_KEYS)


class UpgradePage(Page):
    """From server to server: the notices, the moves, and how long we were on each."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(PAGE_KEYS)

    def __init__(self) -> None:
        from natsmon.tui import upgrade

        super().__init__(Sheet(upgrade.rows, upgrade.tick, lambda: "rolling upgrade"), PAGE_KEYS)
