"""The dashboard: its panels, and how many lines each gets."""

from operator import attrgetter
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.events import Resize

from natsmon.charts.cells import COMPONENTS, fit, fold, row
from natsmon.tui.model.key_table import Key
from natsmon.tui.model.log_window import LogWindow
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages.pane_screen import PaneScreen, undo
from natsmon.tui.panels import dial_rows, message_panel, round_trip_panel, server_panel, status_panel, timeline_panel
from natsmon.tui.panels.event_panel import EventPanel
from natsmon.tui.panels.outage_panel import OutagePanel
from natsmon.tui.widgets.key_bar import KeyBar
from natsmon.tui.widgets.list_panel import RecordTable
from natsmon.tui.widgets.panel import Panel

SMALLEST = (60, 16)
_ALWAYS_SHOWN = ("status", "keybar", "replay")
_EACH_SECOND = attrgetter("second")
"""For what shows no tenths of a second."""
_WIDE = 180
"""Cells from which on the servers stand beside the outages."""


class _Lines:
    """Most lines inside a panel, for a height of the terminal."""

    def __init__(self, height: int) -> None:
        tiny, short, tall = height < 22, height < 34, height < 52
        self.frame = 1 if short else 2
        self.dials = 3 if tiny else 5 if short else 8 if tall else 12
        self.counters = 3 if short else 4 if tall else 6
        self.outages = 0 if tiny else 2 if short else 4 if tall else 7
        self.timeline = 1 if short else 2
        self.replay = 1 if short else 2


class Dashboard(PaneScreen):
    """Also the one widget the stylesheet gives the colours of the roles."""

    AUTO_FOCUS = ""  # nothing: the keys move in the events until tab is pressed
    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS

    def __init__(self, window: LogWindow, keys: tuple[Key, ...]) -> None:
        super().__init__(name="dashboard")
        self.dials = RecordTable(dial_rows, "dials", id="dials", legend=dial_rows.legend)
        self.outages = OutagePanel()
        self.servers = Panel(server_panel.rows, id="servers", title="servers", page="servers", tick=_EACH_SECOND)
        self.events = EventPanel(window)
        self.keybar = KeyBar(keys)
        self.panels: tuple[Panel, ...] = (
            Panel(status_panel.rows, id="status", page="servers"),
            self.dials,
            Panel(
                message_panel.rows,
                id="messages",
                title=message_panel.title,
                page="latency",
                tick=message_panel.tick,
            ),
            Panel(
                round_trip_panel.rows,
                id="roundtrip",
                title=round_trip_panel.title,
                page="latency",
                tick=round_trip_panel.tick,
            ),
            self.outages,
            self.servers,
            Panel(timeline_panel.rows, id="timeline", title=timeline_panel.title, page="outages", tick=_EACH_SECOND),
            self.events,
            self.keybar,
        )
        self._notice: _Notice | None = None
        self._grid = ""
        self._enlarged: Panel | None = None

    def compose(self) -> ComposeResult:
        yield from self.panels

    def show(self, moment: Moment) -> None:
        if self._notice is not None:
            self._notice.show(moment)
            return
        self._lay_out(moment)
        for panel in self.panels:
            panel.show(moment)

    # -- lines ------------------------------------------------------------------------------------

    def _lay_out(self, moment: Moment) -> None:
        """Give each panel the lines it fills; the events get the others."""
        width, height = self.app.size
        most, state = _Lines(height), moment.state
        dials = most.frame + min(most.dials, 3 + len(state.dials) if state.dials else 1)
        outages = min(most.outages, 1 + len(state.outages) if state.outages else 0)
        beside = width >= _WIDE and bool(most.outages)
        if beside:
            outages = min(most.outages, max(outages, 1 + len(state.pool)))
        rows = [2, dials, most.frame + most.counters]
        rows += [most.frame + outages] if outages else []
        rows.append(most.frame + most.timeline)
        grid = " ".join(map(str, rows)) + f" 1fr {self._below(most.replay)}"
        if self._enlarged is not None:
            grid = f"2 1fr {self._below(most.replay)}"
        if grid != self._grid:
            self._grid = grid
            self.styles.grid_rows = grid
            for panel in self.panels:
                away = (panel is self.outages and not outages) or (panel is self.servers and not beside)
                kept = self._enlarged in (None, panel) or panel.id in _ALWAYS_SHOWN
                panel.set_class(away or not kept, "-away")

    def _below(self, replay: int) -> str:
        return "1"

    def action_enlarge(self) -> None:
        panel = self.focused if isinstance(self.focused, Panel) else self.events
        self._enlarged = None if self._enlarged is not None else panel
        self._grid = ""
        self.natsmon.draw()

    # -- keys -------------------------------------------------------------------------------------

    @property
    def pane(self) -> RecordTable[Any] | EventPanel:
        return self.dials if self.dials.has_focus else self.events

    def leave(self) -> None:
        if self._enlarged is not None:
            self.action_enlarge()
        elif not undo(self.dials):
            undo(self.events)

    def action_hold(self) -> None:
        self.events.toggle_follow()

    def action_open(self) -> None:
        """The marked row; without one, the newest dial."""
        if self.pane is self.events and self.events.window.cursor:
            self.events.open()
        else:
            self.dials.open()

    # -- size -------------------------------------------------------------------------------------

    def on_resize(self, event: Resize) -> None:
        width, height = event.size
        small = width < SMALLEST[0] or height < SMALLEST[1]
        self.set_class(small, "-too-small")
        if self._notice is not None:
            self._notice.remove()
            self._notice = None
        if small:
            words = f"terminal too small ({width}x{height}), natsmon needs {SMALLEST[0]}x{SMALLEST[1]}"
            self._notice = _Notice(
                lambda _, width, height: [fit(row((line, "strong")), width) for line in fold(words, width)]
            )
            self.mount(self._notice)
        else:
            self.natsmon.draw()


class _Notice(Panel):
    """In the place of every other panel."""
