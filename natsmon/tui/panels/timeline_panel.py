"""The last ten minutes as a line of shapes, with an axis of time."""

from natsmon.charts import status_timeline
from natsmon.charts.axis import labelled
from natsmon.charts.cells import Row, fit, row
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment

WINDOW = 600.0

_TICKS = (60, 120, 300, 600)
"""Seconds before now that have a label on the axis, too."""


def title(moment: Moment, width: int, height: int) -> str:
    """As much of the legend as there is room for; where there is one line, the axis."""
    if height > 1:
        named = "last 10 minutes"
        for shape in status_timeline.legend().split("  "):
            if len(named) + len(shape) + 4 > width:
                break
            named += f"  {shape}"
        return named
    return axis(moment, width, "─")


def axis(moment: Moment, width: int, fill: str = " ") -> str:
    """Times of day beneath the cells that they are of; those that would touch are left out."""
    state, now = moment.state, moment.now
    times = ((seconds, figures.wall(state.wall(now - seconds))[:5]) for seconds in _TICKS if now >= seconds)
    places = [(width - round(seconds / WINDOW * width), label) for seconds, label in times]
    return labelled([(width - 3, "now"), *places], width, gap=2, fill=fill)


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """A line of cells, and the axis where there is room.

    Cells lie at fixed times: the line moves by whole cells, and its past never changes. The newest cell shows the
    present.
    """
    if width <= 0 or height <= 0:
        return []
    cell = WINDOW / width
    start = (int(moment.now / cell) - width + 1) * cell
    timeline = moment.state.timeline
    shades = status_timeline.cells(status_timeline.parts(timeline, moment.now, start), start, cell, width)
    shades[-1] = status_timeline.shade_of(timeline[-1])
    drawn = [status_timeline.row(shades)]
    if height > 1:
        drawn.append(fit(row((axis(moment, width), "label")), width))
    return drawn
