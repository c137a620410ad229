"""The one screen: its panels, shown a moment at a time, and what stands there when the terminal is too small."""

from textual.app import ComposeResult
from textual.events import Resize
from textual.screen import Screen

from natsmon.tui import dials, messages, outages, roundtrip, status, timeline
from natsmon.tui.cells import Row, fit, row
from natsmon.tui.keybar import KeyBar
from natsmon.tui.keys import Key
from natsmon.tui.log import Book, EventLog
from natsmon.tui.moment import Moment
from natsmon.tui.panel import Panel

SMALLEST = (60, 16)


class Dashboard(Screen[None]):
    def __init__(self, book: Book, keys: tuple[Key, ...]) -> None:
        super().__init__()
        self.dials = Panel(dials.rows, dials.tick, id="dials", title="dials")
        self.messages = Panel(messages.rows, messages.tick, id="messages", title="messages")
        self.timeline = Panel(timeline.rows, timeline.tick, id="timeline", title="last 10 minutes")
        self.log_panel = EventLog(book)
        self.keybar = KeyBar(keys)
        self.panels: tuple[Panel, ...] = (
            Panel(status.rows, status.tick, id="status"),
            self.dials,
            self.messages,
            Panel(roundtrip.rows, roundtrip.tick, id="roundtrip", title="round trip"),
            Panel(outages.rows, outages.tick, id="outages", title="outages"),
            self.timeline,
            self.log_panel,
            self.keybar,
        )
        self._notice: _Notice | None = None

    def compose(self) -> ComposeResult:
        yield from self.panels

    def show(self, moment: Moment, revision: int) -> None:
        """Show a moment; whatever looks the same as before is not painted again."""
        if self._notice is not None:
            self._notice.show(moment, 0)
            return
        for panel in self.panels:
            panel.show(moment, revision)
        self.messages.entitle(messages.title(moment))
        width = self.dials.size.width
        self.dials.entitle("dials", dials.legend(width))
        self.timeline.entitle(timeline.title(width))

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
