"""The one widget most of the screen is made of: rows of cells, of which only those that changed are painted."""

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from natsmon.tui.cells import ROLES, Row
from natsmon.tui.moment import Moment

Draw = Callable[[Moment, int, int], Sequence[Row]]
Tick = Callable[[Moment], object]


class Panel(Widget):
    """Shows what a pure function of the moment draws.

    ``tick`` is the cheap question whether the drawing would differ now although no event came.
    """

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"panel--{role}" for role in ROLES}
    ALLOW_SELECT = False

    def __init__(self, draw: Draw, tick: Tick, *, id: str | None = None, title: str = "") -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._draw = draw
        self._tick = tick
        self._rows: list[Row] = []
        self._seen: Hashable = None
        self._moment: Moment | None = None
        self._styles_of: dict[str, Style] = {}
        self._titles: tuple[str, str] | None = None
        self.entitle(title)

    def entitle(self, title: str, subtitle: str = "") -> None:
        """Set the words in the border; they are data, so never parsed as markup."""
        if self._titles != (title, subtitle):
            self._titles = (title, subtitle)
            self.border_title = Content(title) if title else None
            self.border_subtitle = Content(subtitle) if subtitle else None

    def show(self, moment: Moment, revision: int) -> None:
        """Draw this moment, if it looks different from the last one shown."""
        self._moment = moment
        seen = (revision, self._tick(moment), self.size)  # a resize alone changes the drawing, too
        if seen != self._seen:
            self._seen = seen
            self.redraw()

    def redraw(self) -> None:
        if self._moment is None:
            return
        width, height = self.size
        rows = list(self._draw(self._moment, width, height))[:height]
        before, self._rows = self._rows, rows
        changed = [
            Region(0, y, width, 1)
            for y in range(max(len(before), len(rows)))
            if y >= len(before) or y >= len(rows) or before[y] != rows[y]
        ]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        ground = self.rich_style
        if y >= len(self._rows):
            return Strip.blank(width, ground)
        segments = [Segment(text, self._style(role)) for text, role in self._rows[y]]
        return Strip(segments).adjust_cell_length(width, ground)

    def _style(self, role: str) -> Style:
        style = self._styles_of.get(role)
        if style is None:
            style = self._styles_of[role] = self.get_component_rich_style(f"panel--{role}")
        return style

    def notify_style_update(self) -> None:
        self._styles_of.clear()
        super().notify_style_update()

    def on_resize(self, event: Resize) -> None:
        self.redraw()
