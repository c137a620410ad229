"""The outages: how often the connection was lost, and what that cost."""

from itertools import islice

from natsmon.state import OutageRecord
from natsmon.tui import figures
from natsmon.tui.cells import Piece, Row, address, fit, left, row, spread
from natsmon.tui.moment import Moment


def tick(moment: Moment) -> object:
    return (int(moment.now * 10) if moment.state.outage and not moment.over else 0), moment.stream


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    state = moment.state
    if not state.outages:
        word = "no outage yet" if state.ever_connected else "no outage: there was no connection to lose yet"
        return [fit(row((word, "label")), width)]
    if height <= 1:
        return [_summary(moment, width)]
    drawn = [_summary(moment, width), _header(width)] if height > 3 else [_summary(moment, width)]
    drawn += [_line(o, moment, width) for o in islice(reversed(state.outages), max(0, height - len(drawn)))]
    return drawn


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
        (f"  {last.cause.replace('_', ' ')}", "value"),
    )
    cost = row(("lost ", "label"), (_lost(last), "bad" if last.lost else "value"))
    return spread(start, cost, width)


def _lost(outage: OutageRecord) -> str:
    return figures.count(outage.lost if outage.settled else None, 5)


def _header(width: int) -> Row:
    where = "server before → after" if width >= 100 else "server"
    names = (("downtime", 8), ("noticed", 8), ("dials", 5), ("buffered", 8), ("rejected", 8), ("lost", 5), ("dup", 5))
    text = f"{'at':<10}" + "".join(f"{name:>{size}}  " for name, size in names)
    return fit(row((text, "dim"), (left("cause", 22), "dim"), (where, "dim")), width)


def _line(outage: OutageRecord, moment: Moment, width: int) -> Row:
    settled = outage.settled
    running = outage.ended is None
    parts: list[Piece] = [
        (f"{figures.wall(moment.state.wall(outage.began)):<10}", "label"),
        (figures.span(outage.downtime(moment.now)) + "  ", "warn" if running else "value"),
        (figures.span(outage.detected_after if settled else None) + "  ", "value"),
        (figures.count(outage.dials, 5) + "  ", "value"),
        (figures.count(outage.buffered if settled else None, 8) + "  ", "value"),
        (figures.count(outage.rejected if settled else None, 8) + "  ", "bad" if outage.rejected else "value"),
        (_lost(outage) + "  ", "bad" if outage.lost else "value"),
        (figures.count(outage.duplicate if settled else None, 5) + "  ", "value"),
        (left(outage.cause.replace("_", " "), 20) + "  ", "value"),
        (f"{address(outage.before)} → {address(outage.after) or '…'}", "label"),
    ]
    return fit(row(*parts), width)
