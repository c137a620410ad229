"""The panel of outages: how often the connection was lost, and what that cost."""

from itertools import islice

from textual.events import Click

from natsmon.charts.cells import Row, fit, row
from natsmon.state import OutageRecord
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.outage_words import none_yet, total_cost
from natsmon.tui.panels.outage_columns import lines
from natsmon.tui.widgets.panel import Panel
from natsmon.tui.widgets.record_table import Opened


def tick(moment: Moment) -> object:
    """Tenths of a second count while an outage lasts, seconds while the server is silent."""
    state = moment.state
    steps = 0 if moment.over else 10 if state.outage else 1 if state.silent else 0
    return int(moment.now * steps), moment.stream


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """The totals, and the newest outages."""
    state = moment.state
    if not state.outages:
        return [fit(row((none_yet(state), "label")), width)]
    return [_summary(moment, width), *lines(moment, width, _listed(moment, height))]


def _listed(moment: Moment, height: int) -> list[OutageRecord]:
    return list(islice(reversed(moment.state.outages), max(0, height - 1)))


def _summary(moment: Moment, width: int) -> Row:
    """Count, downtime, silent time, and what all of them cost."""
    state, now = moment.state, moment.now
    line = row(
        (figures.count(state.outage_count, 3), "strong"),
        (" outage" if state.outage_count == 1 else " outages", "label"),
        ("   down ", "label"),
        (figures.span(state.downtime(now), 0), "value"),
    )
    if silent := state.silent_seconds(now):
        line += row(("   silent ", "label"), (figures.span(silent, 0), "warn"))
    for cost, role in total_cost(moment):
        line += row((f"   {cost}", role))
    return fit(line, width)


class OutagePanel(Panel):
    """A click on an outage opens it; elsewhere, the page of all outages."""

    def __init__(self) -> None:
        super().__init__(rows, tick, id="outages", title="outages", page="outages")

    async def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        listed = _listed(self._moment, self.size.height) if self._moment is not None else []
        line = place.y - 1 if place is not None else -1
        if 0 <= line < len(listed):
            event.prevent_default()  # Textual calls the base class's handler too
            self.post_message(Opened(listed[line]))
