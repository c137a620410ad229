"""A panel with more rows than lines: a window on them is shown, and moved."""

from collections.abc import Callable

from natsmon.charts.cells import Row
from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets.panel import ScrolledPanel, Tick


class Sheet(ScrolledPanel):
    """``draw(moment, width)`` gives all the rows; its title says which of them are seen."""

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
