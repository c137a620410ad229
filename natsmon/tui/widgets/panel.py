"""The one widget most of the screen is made of: rows of cells, of which only those that changed are painted."""

from collections.abc import Callable, Hashable, Sequence
from itertools import zip_longest

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.events import Click, MouseScrollDown, MouseScrollUp
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from natsmon.charts.cells import Row
from natsmon.text.plain_text import printable
from natsmon.tui.model.moment import Moment

Draw = Callable[[Moment, int, int], Sequence[Row]]
Tick = Callable[[Moment], object]
Title = Callable[[Moment, int, int], str]


class Panel(Widget):
    """Shows what a pure function of the moment draws, for a width and a height.

    A ``title`` may be such a function, too. ``page`` is the page that a click opens. It is drawn again when the result
    of ``tick`` is another one.
    """

    ALLOW_SELECT = False

    def __init__(
        self,
        draw: Draw,
        *,
        id: str | None = None,  # noqa: A002 (Textual's name)
        title: str | Title = "",
        page: str = "",
        tick: Tick = lambda moment: moment.tick,
    ) -> None:
        super().__init__(id=id)
        self._page = page
        self._draw = draw
        self._tick = tick
        self._rows: list[Row] = []
        self._filled = Size()
        self._seen: Hashable = None
        self._moment: Moment | None = None
        self._ground: Style | None = None
        self._styles_of: dict[str, Style] = {}
        self._titles = ("", "")
        self.lit: set[int] = set()
        """The rows of the cursor, on a ground of their own."""
        self._title_of = title if callable(title) else None
        if not callable(title):
            self.entitle(title)

    def entitle(self, title: str, subtitle: str = "") -> None:
        """Set the words in the border; they are data: never parsed as markup, and with nothing for the terminal."""
        shown, self._titles = self._titles, (title, subtitle)  # each that is set has the whole panel painted again
        if title != shown[0]:
            self.border_title = Content(printable(title)) if title else None
        if subtitle != shown[1]:
            self.border_subtitle = Content(printable(subtitle)) if subtitle else None

    def show(self, moment: Moment) -> None:
        """Draw this moment, if it looks different from the last one shown."""
        self._moment = moment
        seen = self._tick(moment)
        if seen != self._seen or self._filled != self.size:  # which painting has not drawn yet
            self._seen = seen
            self.redraw()

    def redraw(self) -> None:
        before, lit = self._rows, self.lit
        changed = [
            Region(0, y, self.size.width, 1)
            for y, (old, new) in enumerate(zip_longest(before, self._fill()))
            if old != new or (y in lit) != (y in self.lit)
        ]
        if changed:
            self.refresh(*changed)

    def _fill(self) -> list[Row]:
        width, height = self._filled = self.size
        if self._moment is None or width <= 0 or height <= 0:  # not laid out yet, or no room for this one
            self._rows = []
        else:
            if self._title_of is not None:
                self.entitle(self._title_of(self._moment, width, height))
            self._rows = list(self._draw(self._moment, width, height))[:height]
        return self._rows

    def render_lines(self, crop: Region) -> list[Strip]:
        if self._filled != self.size:  # a new size is painted whole, and before any message of it arrives
            self._fill()  # now, for the border is painted before the first line, and drawing may change its title
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if (ground := self._ground) is None:  # which Textual puts together anew whenever it is asked
            ground = self._ground = self.rich_style
        if y >= len(self._rows):
            return Strip.blank(width, ground)
        segments = [Segment(text, self._style(role)) for text, role in self._rows[y]]
        if y in self.lit:
            cursor = self.screen.get_component_styles("role--cursor").background.rich_color
            lit = Style(reverse=True) if self.app.no_color else Style(bgcolor=cursor, reverse=False)
            segments = [Segment(text, (style or ground) + lit) for text, style, _ in segments]
        return Strip(segments).adjust_cell_length(width, ground)

    def _style(self, role: str) -> Style:
        """A role's colour, which the stylesheet gives to the screen, on this panel's ground.

        Asked of the screen, not kept as a component class of every panel: that alone made a start 25 ms longer.
        """
        style = self._styles_of.get(role)
        if style is None:
            named = self.screen.get_component_styles(f"role--{role}")
            ground = self.background_colors[1]
            style = self._styles_of[role] = Style(
                color=(ground + named.color).rich_color,
                bgcolor=ground.rich_color,
                bold=named.text_style.bold,
                dim=named.text_style.dim,
            )
        return style

    async def on_click(self, event: Click) -> None:
        """Open the page with more about what the panel shows."""
        if self._page:
            await self.app.run_action(f"page('{self._page}')")

    def notify_style_update(self) -> None:
        self._ground = None
        self._styles_of.clear()
        super().notify_style_update()


class Pane(Panel):
    """A panel with rows. Keys and the wheel move in them; rows are filtered and copied, some also marked and opened."""

    noun = "lines"
    needle = ""
    above = 0
    """Lines above the rows that move."""

    def move(self, lines: int) -> None:
        raise NotImplementedError

    def filter(self, needle: str) -> None:
        raise NotImplementedError

    def copied(self) -> list[str]:
        raise NotImplementedError

    def unmark(self) -> bool:
        """Remove the mark; False when there is none."""
        return False

    def select(self) -> None:
        """Select the marked row, or no longer."""

    def open(self) -> None:
        """Show the marked row in full."""

    def page(self, direction: int) -> None:
        self.move(direction * max(1, self.size.height - self.above - 1))

    def to_start(self) -> None:
        self.move(-(1 << 30))

    def to_end(self) -> None:
        self.move(1 << 30)

    def wheel(self, direction: int) -> None:
        self.move(3 * direction)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        event.stop()
        self.wheel(-1)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        event.stop()
        self.wheel(1)
