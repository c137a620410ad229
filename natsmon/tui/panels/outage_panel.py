"""The outages: how often the connection was lost, and what that cost."""

from itertools import islice

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Row, fit, left, row, spread, width_of
from natsmon.state import OutageRecord
from natsmon.state.server_names import address
from natsmon.text.plain_text import printable
from natsmon.tui.model.moment import Moment
from natsmon.tui.widgets import figures

_LEAST_CAUSE = 5
_MOST_CAUSE = 20
_WHERE = 22
"""Cells that the two servers of an outage need to be worth reading."""


def tick(moment: Moment) -> object:
    return (int(moment.now * 10) if moment.state.outage and not moment.over else 0), moment.stream


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    state = moment.state
    if not state.outages:
        word = "no outage yet" if state.ever_connected else "no outage: there was no connection to lose yet"
        return [fit(row((word, "label")), width)]
    if height <= 1:
        return [_summary(moment, width)]
    above = 2 if height > 3 else 1
    listed = list(islice(reversed(state.outages), height - above))
    cause = max(_LEAST_CAUSE, min(_MOST_CAUSE, max(cell_len(printable(words(outage))) for outage in listed)))
    drawn = [_summary(moment, width), _header(width, cause)][:above]
    return drawn + [_line(outage, moment, width, cause) for outage in listed]


def _summary(moment: Moment, width: int) -> Row:
    """Count and whole downtime; the last one beside it where there is room for one line only."""
    state = moment.state
    last = state.outages[-1]
    start = row(
        (figures.count(state.outage_count, 3), "value"),
        ("  down ", "label"),
        (figures.span(state.downtime(moment.now)), "value"),
        ("   last ", "label"),
        (figures.wall(state.wall(last.began)), "value"),
        (" for ", "label"),
        (figures.span(last.downtime(moment.now)), "warn" if last.ended is None else "value"),
        (f"  {words(last)}", "value"),
    )
    cost = row(("lost ", "label"), (_lost(last), "bad" if last.lost else "value"))
    return spread(start, cost, width)


def _lost(outage: OutageRecord) -> str:
    return figures.count(outage.lost_if_known, 5)


def _header(width: int, cause: int) -> Row:
    names = (("downtime", 8), ("noticed", 8), ("dials", 5), ("buffered", 8), ("rejected", 8), ("lost", 5), ("dup", 5))
    text = f"{'at':<10}" + "".join(f"{name:>{size}}  " for name, size in names)
    where = "server before → after" if width - len(text) - cause - 2 >= _WHERE else ""
    return fit(
        row((text, "dim"), (left("cause", cause) if where else "cause", "dim"), ("  ", "dim"), (where, "dim")), width
    )


def _line(outage: OutageRecord, moment: Moment, width: int, cause: int) -> Row:
    settled = outage.settled
    running = outage.ended is None
    parts: list[Piece] = [
        (f"{figures.wall(moment.state.wall(outage.began)):<10}", "label"),
        (figures.span(outage.downtime(moment.now)) + "  ", "warn" if running else "value"),
        (figures.span(outage.detected_after_if_known) + "  ", "value"),
        (figures.count(outage.dials, 5) + "  ", "value"),
        (figures.count(outage.buffered if settled else None, 8) + "  ", "value"),
        (figures.count(outage.rejected if settled else None, 8) + "  ", "bad" if outage.rejected else "value"),
        (_lost(outage) + "  ", "bad" if outage.lost else "value"),
        (figures.count(outage.duplicate if settled else None, 5) + "  ", "value"),
    ]
    room = width - width_of(tuple(parts))
    why = words(outage)
    if room - cause - 2 < _WHERE:
        return fit(row(*parts, (why, "value")), width)
    where = f"{address(outage.before)} → {address(outage.after) or '…'}"
    return fit(row(*parts, (left(why, cause) + "  ", "value"), (where, "label")), width)


def words(outage: OutageRecord) -> str:
    """The cause as it stands in a table."""
    return outage.cause.replace("_", " ")
