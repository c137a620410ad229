"""The panel of the dials: with the focus it has a cursor, and opens the dial under it."""

from rich.segment import Segment
from rich.style import Style
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.strip import Strip

from natsmon.state import Dial
from natsmon.tui import dials
from natsmon.tui.cells import Row
from natsmon.tui.moment import Moment
from natsmon.tui.panel import Panel
from natsmon.tui.selection import Selection, View


class DialTable(Panel, can_focus=True):
    """Moved by keys and by the wheel; a click on a row opens it."""

    noun = "dials"

    class Opened(Message):
        """A dial is to be shown whole."""

        def __init__(self, dial: Dial) -> None:
            super().__init__()
            self.dial = dial

    def __init__(self) -> None:
        self.selection = Selection()
        self._view = View([])
        self._first = 0
        """The line of the first row of the table."""
        super().__init__(self._lines, self._changes, id="dials", title="dials")

    def _changes(self, moment: Moment) -> object:
        return dials.tick(moment), self.selection.revision, self.has_focus

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        marked = self.has_focus
        above = dials.lines_above(height, marked=marked)
        self._view = self.selection.view(moment.state, height - above, marked=marked)
        self._first = above
        self.entitle(dials.title(moment, self._view, self.selection.needle), dials.legend(width))
        return dials.rows(moment, width, height, self._view, self.selection.needle)

    def render_line(self, y: int) -> Strip:
        strip = super().render_line(y)
        if self._view.cursor is None or y != self._first + self._view.cursor:
            return strip
        lit = Style(bgcolor=self.screen.get_component_styles("role--cursor").background.rich_color)
        return Strip([Segment(text, style + lit if style else lit) for text, style, _ in strip], strip.cell_length)

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    # -- what a pane can do -----------------------------------------------------------------------

    @property
    def needle(self) -> str:
        return self.selection.needle

    def filter(self, needle: str) -> None:
        self.selection.filter(needle)
        self.redraw()

    def move(self, lines: int) -> None:
        if self._moment is not None:
            self.selection.move(self._moment.state, lines)
            self.redraw()

    def page(self, direction: int) -> None:
        self.move(direction * max(1, self.size.height - self._first - 1))

    def to_start(self) -> None:
        """The newest dial, which stands at the top."""
        self.move(-(1 << 30))

    def to_end(self) -> None:
        self.move(1 << 30)

    def open(self) -> None:
        if self._moment is not None and (dial := self.selection.current(self._moment.state)) is not None:
            self.post_message(self.Opened(dial))

    def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        line = place.y - self._first if place is not None else -1
        if 0 <= line < len(self._view.dials):
            self.selection.choose(self._view.dials[line])
            self.redraw()
            self.open()

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        if self.has_focus:
            self.move(-1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        if self.has_focus:
            self.move(1)
