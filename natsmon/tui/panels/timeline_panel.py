"""The last ten minutes as a line of shapes."""

from natsmon.charts import status_timeline
from natsmon.charts.cells import Row
from natsmon.charts.status_timeline import legend
from natsmon.tui.model.moment import Moment

WINDOW = 600.0
_ROOMIER = 90
_ROOMY = 70


def title(width: int) -> str:
    """The panel's title, with a legend that fits."""
    if width >= _ROOMIER:
        return f"last 10 minutes  {legend()}"
    return f"last 10 minutes  {legend('silent')}" if width >= _ROOMY else f"10 min  {legend('silent', 'draining')}"


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """One line. Cells lie at fixed times: the picture moves by whole cells, and its past never changes."""
    if width <= 0 or height <= 0:
        return []
    cell = WINDOW / width
    start = (int(moment.now / cell) - width + 1) * cell
    parts = status_timeline.parts(moment.state.timeline, moment.now, start)
    return [status_timeline.row(status_timeline.cells(parts, start, cell, width))]


def tick(moment: Moment) -> object:
    """The finest cell that a screen can have is a second."""
    return int(moment.now), moment.stream
