"""The panel of outages: how often the connection was lost, and what that cost."""

from itertools import islice

from textual.events import Click
from textual.message import Message

from natsmon.charts.cells import Piece, Row, fit, left, row, width_of
from natsmon.state import OutageRecord
from natsmon.state.server_names import ServerNames
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.outage_words import costly, outage_cause, outage_cost, total_cost
from natsmon.tui.widgets.panel import Panel

_COST = 36
_COST_NARROW = 27
_WITH_DETAILS = 110
"""Cells from which on dials and the time to detection have columns."""
_CAUSE = 28
_WHERE = 12


def tick(moment: Moment) -> object:
    """Tenths of a second count while an outage lasts, seconds while the server is silent."""
    state = moment.state
    steps = 0 if moment.over else 10 if state.outage else 1 if state.silent else 0
    return int(moment.now * steps), moment.stream


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """The totals, and the newest outages."""
    state = moment.state
    if not state.outages:
        word = "no outage yet" if state.ever_connected else "no outage: never connected"
        return [fit(row((word, "label")), width)]
    if height <= 1:
        return [_summary(moment, width)]
    listed = _listed(moment, height)
    names = ServerNames(state)
    return [_summary(moment, width), *(_line(outage, moment, names, width) for outage in listed)]


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


def _line(outage: OutageRecord, moment: Moment, names: ServerNames, width: int) -> Row:
    """When, how long, the cost, why; where there is room, the servers."""
    running = outage.ended is None and not moment.over
    cost = _COST if width >= _WITH_DETAILS else _COST_NARROW
    parts: list[Piece] = [
        (f"{figures.wall(moment.state.wall(outage.began))}  ", "label"),
        (figures.span(outage.downtime(moment.now)) + "  ", "warn" if running else "value"),
        (left(outage_cost(outage, moment), cost) + "  ", "bad" if costly(outage) else "value"),
    ]
    if width >= _WITH_DETAILS:
        dials = f"{outage.dials:,} dial{'' if outage.dials == 1 else 's'}"
        parts.append((left(dials, 9) + "  ", "label"))
    room = width - width_of(tuple(parts))
    why = outage_cause(outage)
    where = f"{names.name(outage.before)} → {names.name(outage.after) if outage.after else '…'}"
    if room < _CAUSE + 2 + _WHERE:
        return fit(row(*parts, (why, "value")), width)
    return fit(row(*parts, (left(why, _CAUSE) + "  ", "value"), (where, "label")), width)


class OutagePanel(Panel):
    """A click on an outage opens it; elsewhere, the page of all outages."""

    class Opened(Message):
        """An outage is to be shown in full."""

        def __init__(self, outage: OutageRecord) -> None:
            super().__init__()
            self.outage = outage

    def __init__(self) -> None:
        super().__init__(rows, tick, id="outages", title="outages", page="outages")

    async def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        listed = _listed(self._moment, self.size.height) if self._moment is not None else []
        line = place.y - 1 if place is not None else -1
        if 0 <= line < len(listed):
            event.prevent_default()  # Textual calls the base class's handler too
            self.post_message(self.Opened(listed[line]))
