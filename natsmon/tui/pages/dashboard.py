"""The one screen: its panels, shown a moment at a time, and what stands there when the terminal is too small."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.events import Resize
from textual.screen import Screen

from natsmon.charts.cells import COMPONENTS, Row, fit, row
from natsmon.tui.model.key_table import Key
from natsmon.tui.model.moment import Moment
from natsmon.tui.panels import message_panel, outage_panel, round_trip_panel, server_panel, status_panel, timeline_panel
from natsmon.tui.panels.dial_table import DialTable
from natsmon.tui.panels.event_panel import Book, EventLog
from natsmon.tui.widgets.key_bar import KeyBar, MomentView
from natsmon.tui.widgets.pane import Pane
from natsmon.tui.widgets.panel import Panel

SMALLEST = (60, 16)


class Dashboard(Screen[None], MomentView):
    """Also the one widget the stylesheet tells the colours of the roles."""

    AUTO_FOCUS = ""  # nothing: the events are moved in until somebody asks for the dials
    COMPONENT_CLASSES: ClassVar[set[str]] = COMPONENTS

    def __init__(self, book: Book, keys: tuple[Key, ...]) -> None:
        super().__init__()
        self.dials = DialTable()
        self.messages = Panel(message_panel.rows, message_panel.tick, id="messages", title="messages")
        self.timeline = Panel(self._timeline, timeline_panel.tick, id="timeline", title="last 10 minutes")
        self.log_panel = EventLog(book)
        self.keybar = KeyBar(keys)
        self.panels: tuple[Panel, ...] = (
            Panel(status_panel.rows, status_panel.tick, id="status"),
            self.dials,
            self.messages,
            Panel(round_trip_panel.rows, round_trip_panel.tick, id="roundtrip", title="round trip"),
            Panel(outage_panel.rows, outage_panel.tick, id="outages", title="outages"),
            Panel(server_panel.rows, server_panel.tick, id="servers", title="servers"),
            self.timeline,
            self.log_panel,
            self.keybar,
        )
        self._notice: _Notice | None = None

    def compose(self) -> ComposeResult:
        yield from self.panels

    def show(self, moment: Moment, revision: int) -> None:
        if self._notice is not None:
            self._notice.show(moment, 0)
            return
        for panel in self.panels:
            panel.show(moment, revision)
        self.messages.entitle(message_panel.title(moment))

    def _timeline(self, moment: Moment, width: int, height: int) -> list[Row]:
        self.timeline.entitle(timeline_panel.title(width))  # here, where its width is known
        return timeline_panel.rows(moment, width, height)

    # -- keys -------------------------------------------------------------------------------------

    @property
    def pane(self) -> Pane:
        """What the keys move in and filter."""
        return self.dials if self.dials.has_focus else self.log_panel

    def action_move(self, lines: int) -> None:
        self.pane.move(lines)

    def action_page(self, direction: int) -> None:
        self.pane.page(direction)

    def action_to_start(self) -> None:
        self.pane.to_start()

    def action_to_end(self) -> None:
        self.pane.to_end()

    def action_follow(self) -> None:
        self.log_panel.toggle_follow()

    def action_filter(self) -> None:
        from natsmon.tui.widgets.filter_prompt import FilterPrompt

        FilterPrompt(self.pane, self.keybar).ask(self)

    def action_drop_filter(self) -> None:
        """The one of the pane with the focus first."""
        panes: tuple[Pane, ...] = (self.pane, self.dials, self.log_panel)
        filtered = next((pane for pane in panes if pane.needle), None)
        if filtered is not None:
            filtered.filter("")

    def action_open_dial(self) -> None:
        self.dials.open()

    def on_dial_table_opened(self, message: DialTable.Opened) -> None:
        from natsmon.tui.pages.dial_page import DialPage  # pages are loaded when opened: they cost first paint else

        self._open(DialPage(message.dial, self.dials.selection))

    def action_outages(self) -> None:
        from natsmon.tui.pages.outage_pages import OutagesPage

        self._open(OutagesPage())

    def action_upgrade(self) -> None:
        from natsmon.tui.pages.upgrade_page import UpgradePage

        self._open(UpgradePage())

    def action_servers(self) -> None:
        from natsmon.tui.pages.servers_page import ServersPage

        self._open(ServersPage())

    def action_latency(self) -> None:
        from natsmon.tui.pages.latency_page import LatencyPage

        self._open(LatencyPage())

    def _open(self, page: Screen[None]) -> None:
        if self.is_current:
            self.app.push_screen(page)

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
            self._notice = _Notice(words)
            self.mount(self._notice)


class _Notice(Panel):
    """A sentence that is folded rather than cut: it is there because room is scarce."""

    def __init__(self, words: str) -> None:
        self._words = words
        super().__init__(self._folded, lambda moment: None)

    def _folded(self, moment: Moment, width: int, height: int) -> list[Row]:
        lines: list[str] = []
        for word in self._words.split():
            if lines and len(lines[-1]) + 1 + len(word) <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        return [fit(row((line, "strong")), width) for line in lines]
