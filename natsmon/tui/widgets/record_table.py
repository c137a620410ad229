"""A panel of records: with the focus it has a cursor, and opens the record under it."""

from typing import Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual.events import Click
from textual.strip import Strip

from natsmon.charts.cells import Row
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection, View
from natsmon.tui.widgets.panel import ScrolledPanel

T = TypeVar("T")


class Table(ScrolledPanel, Generic[T], can_focus=True):
    """Moved by keys and by the wheel; a click on a row opens it."""

    noun = "records"

    def __init__(self, selection: Selection[T], *, id: str, title: str) -> None:  # noqa: A002 (Textual's name)
        self.selection = selection
        self._view: View[T] = View([])
        self._first = 0
        """The line of the first row of the table."""
        super().__init__(self._lines, self._changes, id=id, title=title)

    def changes(self, moment: Moment) -> object:
        """Whether the rows would look different now although no event came."""
        raise NotImplementedError

    def lines_above(self, moment: Moment, height: int) -> int:
        """How many lines stand above the first row."""
        raise NotImplementedError

    def drawn(self, moment: Moment, width: int, height: int, view: View[T]) -> list[Row]:
        """The lines above the rows, and the rows in view."""
        raise NotImplementedError

    def opened(self, record: T) -> None:
        """A record is to be shown whole."""
        raise NotImplementedError

    def _changes(self, moment: Moment) -> object:
        return self.changes(moment), self.selection.revision, self.has_focus

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        self._first = self.lines_above(moment, height)
        self._view = self.selection.view(moment.state, height - self._first, marked=self.has_focus)
        return self.drawn(moment, width, height, self._view)

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
        """The newest record, which stands at the top."""
        self.move(-(1 << 30))

    def to_end(self) -> None:
        self.move(1 << 30)

    def open(self) -> None:
        if self._moment is not None and (record := self.selection.current(self._moment.state)) is not None:
            self.opened(record)

    def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        line = place.y - self._first if place is not None else -1
        if 0 <= line < len(self._view.listed):
            record = self._view.listed[line]
            self.selection.choose(record)
            self.redraw()
            self.opened(record)

    def wheel(self, direction: int) -> None:
        if self.has_focus:
            self.move(direction)
