"""A panel with more rows than lines: a window on them is shown, moved and filtered."""

from collections.abc import Callable

from natsmon.charts.cells import Row, fit, row, text_of
from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets.panel import Pane, Tick

_FOLDED = 10
"""Blanks at the beginning of a row from which on it goes on with the one above."""


class Sheet(Pane):
    """``draw(moment, width)`` gives all the rows; the title has the numbers of those in view."""

    def __init__(
        self,
        draw: Callable[[Moment, int], list[Row]],
        title: Callable[[], str],
        tick: Tick = lambda moment: moment.tick,
    ) -> None:
        self._draw_all = draw
        self._title = title
        self._top = 0
        super().__init__(self._lines, tick=tick)

    def _lines(self, moment: Moment, width: int, height: int) -> list[Row]:
        rows = self._matching(moment, width)
        self._top = max(0, min(self._top, len(rows) - height))
        place = f" · lines {self._top + 1}-{self._top + height} of {len(rows)}" if len(rows) > height else ""
        filtered = f" · “{self.needle}”" if self.needle else ""
        self.entitle(self._title() + filtered + place)
        return rows[self._top : self._top + height]

    def _matching(self, moment: Moment, width: int) -> list[Row]:
        rows = self._draw_all(moment, width)
        if not self.needle:
            return rows
        found = [line for entry in _entries(rows) if self.needle in _words(entry) for line in entry]
        return found or [fit(row((f"no line contains “{self.needle}” · / changes it, esc removes it", "label")), width)]

    def filter(self, needle: str) -> None:
        self.needle = needle.casefold()
        self._top = 0
        self.redraw()

    def move(self, lines: int) -> None:
        self._top = max(0, self._top + lines)
        self.redraw()

    def copied(self) -> list[str]:
        if self._moment is None:
            return []
        return [text_of(line).rstrip() for line in self._matching(self._moment, max(80, self.size.width))]


def _entries(rows: list[Row]) -> list[list[Row]]:
    """Rows that belong together: one, and those folded from it, which are indented far."""
    entries: list[list[Row]] = []
    for line in rows:
        text = text_of(line)
        if entries and text.startswith(" " * _FOLDED) and text.strip():
            entries[-1].append(line)
        else:
            entries.append([line])
    return entries


def _words(entry: list[Row]) -> str:
    return " ".join(text_of(line).strip() for line in entry).casefold()
