"""Every outage, a line each, beneath what they come to in all."""

from collections import deque

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Role, Row, fit, left, row, width_of
from natsmon.state import OutageRecord, State, availability
from natsmon.state.server_names import called, names
from natsmon.text.plain_text import printable
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection, View
from natsmon.tui.panels.outage_panel import words
from natsmon.tui.widgets import figures

_TOTALS = 3
_WINDOWS = ("1 min", "10 min", "1 h")
_WITH_COSTS = 72
_WITH_DUPLICATES = 100
_WITH_SERVERS = 140
_WITH_REASON = 30
"""Cells left over from which on the words of the loss are worth reading."""
_LEAST_CAUSE = 5
_MOST_CAUSE = 20
_WHERE = 15
_MOST_WHERE = 44


class OutageSelection(Selection[OutageRecord]):
    """Filtered by cause, the words for it, the server's reason, and the servers before and after."""

    def kept(self, state: State) -> deque[OutageRecord]:
        return state.outages

    def same(self, one: OutageRecord, other: OutageRecord) -> bool:
        return one.began == other.began

    def matches(self, outage: OutageRecord, needle: str) -> bool:
        lasts = "still out" if outage.ended is None else ""
        texts = (words(outage), outage.cause, outage.text, outage.reason, outage.before, outage.after, lasts)
        return any(needle in text.casefold() for text in texts)


def tick(moment: Moment) -> object:
    """Tenths of a second count while an outage lasts; else the windows of the totals move by the second."""
    lasts = moment.state.outage is not None and not moment.over
    return int(moment.now * (10 if lasts else 1)), moment.stream


def title(moment: Moment, view: View[OutageRecord], needle: str) -> str:
    """The filter, and where the cursor is."""
    known = len(moment.state.outages)
    parts = ["outages"]
    if needle:
        parts.append(f"“{needle}” {view.total:,} of {known:,}")
    if view.cursor is not None:
        parts.append(f"{view.place + 1:,} of {view.total:,} · enter opens it")
    return " · ".join(parts)


def lines_above(height: int) -> int:
    """The totals, a blank line and the header, as far as they leave a line for an outage."""
    return min(_TOTALS + 2, max(0, height - 1))


def rows(moment: Moment, width: int, height: int, view: View[OutageRecord], needle: str = "") -> list[Row]:
    above = lines_above(height)
    figures_of_all = totals(moment, width)
    state = moment.state
    if not state.outages:
        word = "no outage yet" if state.ever_connected else "no outage: there was no connection to lose yet"
        return [*figures_of_all, fit((), width), fit(row((word, "label")), width)][: max(0, height)]
    columns = _Columns(moment, width, view.listed)
    drawn = [*figures_of_all, fit((), width), columns.header()]
    drawn = drawn[len(drawn) - above :]  # where lines are scarce, the names of the columns stay the longest
    drawn += [columns.line(outage, moment, marked=view.cursor == y) for y, outage in enumerate(view.listed)]
    if not view.listed:
        told = f"none of {len(state.outages):,} outages contains “{needle}” · / changes it, esc drops it"
        drawn.append(fit(row((told, "label")), width))
    return drawn[: max(0, height)]


def totals(moment: Moment, width: int) -> list[Row]:
    """What share of the time there was a connection, and what the outages were like."""
    return [_shares(moment, width), _means(moment, width), _sums(moment, width)]


def _shares(moment: Moment, width: int) -> Row:
    """A window that the run does not fill yet stands back: it says no more than the run does."""
    state, now = moment.state, moment.now
    ran = availability.over_the_run(state, now)
    lasts = state.outage is not None and not moment.over
    share = figures.percent(ran.share if ran else None).strip()
    told = [row(("availability ", "label"), (share, "warn" if lasts else "strong"), (" of the run", "label"))]
    for window, name in zip(availability.WINDOWS, _WINDOWS, strict=True):
        seen = availability.over_the_last(window, state, now)
        shown = figures.percent(seen.share if seen else None).strip()
        known = f" since {figures.wall(state.wall(seen.since))}" if seen is not None and seen.outrun else ""
        told.append(row((f"{name} ", "label"), (shown + known, "value" if now >= window else "label")))
    return _whole(told, width)


def _means(moment: Moment, width: int) -> Row:
    state = moment.state
    found = availability.outages(state, moment.now)
    told = [row(("outages ", "label"), (f"{found.count:,}", "strong"))]
    for name, seconds in (
        ("longest", found.longest),
        ("mean between", found.between),
        ("mean to recover", found.to_recover),
    ):
        told.append(row((f"{name} ", "label"), (figures.span(seconds, 0), "value")))
    if found.looked_at < found.count:
        told.append(row((f"of the last {found.looked_at:,}", "dim")))
    return _whole(told, width)


def _sums(moment: Moment, width: int) -> Row:
    """What all of them cost."""
    state = moment.state
    down = state.downtime(moment.now) if state.ever_connected else None
    told = [row(("in all ", "label"), (figures.span(down, 0), "value"), (" down", "label"))]
    costs: tuple[tuple[str, Role], ...] = (("lost", "bad"), ("rejected", "bad"), ("buffered", "value"))
    for name, role in (*costs, ("duplicate", "warn"), ("late", "value"), ("unverified", "warn")):
        number = sum(getattr(outage, name) for outage in state.outages)
        if name == "lost" and not number and any(o.settled and o.lost_if_known is None for o in state.outages):
            told.append(row(("losses not known", "label")))
        elif number or name not in ("late", "unverified"):
            told.append(row((f"{number:,}", role if number else "value"), (f" {name}", "label")))
    return _whole(told, width)


def _whole(told: list[Row], width: int) -> Row:
    """As many of them as there is room for; half a figure would be a wrong one."""
    line = told[0]
    for more in told[1:]:
        if width_of(line) + 3 + width_of(more) > width:
            break
        line += row(("   ", "value")) + more
    return fit(line, width)


class _Columns:
    """The columns of the table at a given width, the texts as wide as those in sight need."""

    def __init__(self, moment: Moment, width: int, listed: list[OutageRecord]) -> None:
        self.width = width
        self.known = names(moment.state)
        self.costs = width >= _WITH_COSTS
        self.duplicates = width >= _WITH_DUPLICATES
        self.servers = width >= _WITH_SERVERS
        self.cause = min(_MOST_CAUSE, max([_LEAST_CAUSE, *(cell_len(printable(words(o))) for o in listed)]))
        self.where = min(_MOST_WHERE, max([_WHERE, *(cell_len(printable(self._where(o))) for o in listed)]))
        room = width - width_of(self._figures_header()) - self.cause - 2
        self.where = 0 if room < _WHERE else min(self.where, room)
        self.reason = max(0, room - self.where - 2) if self.where and room - self.where - 2 >= _WITH_REASON else 0

    def header(self) -> Row:
        parts: list[Piece] = [*self._figures_header(), (left("cause", self.cause) + "  ", "dim")]
        parts += [(left("from → to", self.where), "dim")] if self.where else []
        parts += [("  reason", "dim")] if self.reason else []
        return fit(row(*parts), self.width)

    def _figures_header(self) -> Row:
        named = [("downtime", 8), ("noticed", 8), ("dials", 5)]
        named += [("servers", 7), ("resubscr", 8)] if self.servers else []
        named += [("buffered", 8), ("rejected", 8)] if self.costs else []
        named += [("lost", 5)]
        named += [("dup", 5)] if self.duplicates else []
        return row((f"  {'at':<10}" + "".join(f"{name:>{size}}  " for name, size in named), "dim"))

    def line(self, outage: OutageRecord, moment: Moment, *, marked: bool) -> Row:
        settled = outage.settled
        running = outage.ended is None and not moment.over
        parts: list[Piece] = [
            ("▸ " if marked else "  ", "strong"),
            (f"{figures.wall(moment.state.wall(outage.began)):<10}", "label"),
            (figures.span(outage.downtime(moment.now)) + "  ", "warn" if running else "value"),
            (figures.span(outage.detected_after_if_known) + "  ", "value"),
            (figures.count(outage.dials, 5) + "  ", "value"),
        ]
        if self.servers:
            again = outage.subscribed - outage.ended if outage.subscribed and outage.ended else None
            parts += [(figures.count(outage.servers or None, 7) + "  ", "value")]
            parts += [(figures.span(again) + "  ", "value")]
        if self.costs:
            parts.append(_cost(outage.buffered, 8, settled=settled))
            parts.append(_cost(outage.rejected, 8, settled=settled, role="bad"))
        parts.append(_cost(outage.lost, 5, settled=outage.lost_if_known is not None, role="bad"))
        parts += [_cost(outage.duplicate, 5, settled=settled, role="warn")] if self.duplicates else []
        parts.append((left(words(outage), self.cause) + "  ", "value"))
        parts += [(left(self._where(outage), self.where), "label")] if self.where else []
        parts += [("  " + left(outage.reason or outage.text, self.reason), "label")] if self.reason else []
        return fit(row(*parts), self.width)

    def _where(self, outage: OutageRecord) -> str:
        return f"{called(outage.before, self.known)} → {called(outage.after, self.known) or '…'}"


def _cost(number: int, width: int, *, settled: bool, role: Role = "value") -> Piece:
    return figures.count(number if settled else None, width) + "  ", role if settled and number else "value"
