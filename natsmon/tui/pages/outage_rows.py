"""Every outage, a line each, beneath what they come to in all."""

from collections import deque

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Row, fit, left, row, width_of
from natsmon.state import OutageRecord, State, availability
from natsmon.state.server_names import ServerNames
from natsmon.text import units
from natsmon.text.plain_text import printable
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.outage_words import costly, outage_cause, outage_cost, total_cost
from natsmon.tui.model.selection import Selection, View

_TOTALS = 3
_WINDOWS = ("1 min", "10 min", "1 h")
_WITH_DETECTED = 100
_LEAST_COST = 12
_MOST_COST = 30
_WITH_SERVERS = 140
_WITH_REASON = 30
"""Cells left over from which on the words of the loss are worth reading."""
_LEAST_CAUSE = 5
_MOST_CAUSE = 34
_WHERE = 15
_MOST_WHERE = 44


class OutageSelection(Selection[OutageRecord]):
    """Filtered by cause, the words for it, the server's reason, and the servers before and after."""

    def kept(self, state: State) -> deque[OutageRecord]:
        return state.outages

    def same(self, one: OutageRecord, other: OutageRecord) -> bool:
        return one.id == other.id

    def matches(self, outage: OutageRecord, needle: str) -> bool:
        lasts = "still out" if outage.ended is None else ""
        texts = (outage_cause(outage), outage.text, outage.reason, outage.before, outage.after, lasts)
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
        parts.append(f"{view.place + 1:,} of {view.total:,}")
    if view.selected:
        parts.append("selected")
    return " · ".join(parts)


def lines_above(height: int) -> int:
    """The totals, a blank line and the header, as far as they leave a line for an outage."""
    return min(_TOTALS + 2, max(0, height - 1))


def rows(moment: Moment, width: int, height: int, view: View[OutageRecord], needle: str = "") -> list[Row]:
    above = lines_above(height)
    figures_of_all = totals(moment, width)
    state = moment.state
    if not state.outages:
        word = "no outage yet" if state.ever_connected else "no outage: never connected"
        return [*figures_of_all, fit((), width), fit(row((word, "label")), width)][: max(0, height)]
    columns = _Columns(moment, width, view.listed)
    drawn = [*figures_of_all, fit((), width), columns.header()]
    drawn = drawn[len(drawn) - above :]  # where lines are scarce, the names of the columns stay the longest
    for y, outage in enumerate(view.listed):
        mark = "▸ " if view.cursor == y else "▪ " if y in view.selected else "  "
        drawn.append(columns.line(outage, moment, mark))
    if not view.listed:
        told = f"none of {len(state.outages):,} outages contains “{needle}” · / changes it, esc removes it"
        drawn.append(fit(row((told, "label")), width))
    return drawn[: max(0, height)]


def totals(moment: Moment, width: int) -> list[Row]:
    """What share of the time there was a connection, and what the outages were like."""
    return [_shares(moment, width), _means(moment, width), _sums(moment, width)]


def _shares(moment: Moment, width: int) -> Row:
    """Of the run, and of the windows that the run fills."""
    state, now = moment.state, moment.now
    ran = availability.over_the_run(state, now)
    lasts = state.outage is not None and not moment.over
    share = figures.percent(ran.share if ran else None).strip()
    told = [row(("availability ", "label"), (share, "warn" if lasts else "strong"), (" of the run", "label"))]
    if ran is not None and (silent := state.silent_seconds(now)):
        answered = max(0.0, ran.up - silent) / (ran.up + ran.down) if ran.up + ran.down > 0 else None
        told.append(row((figures.percent(answered).strip(), "warn"), (" counting silence as down", "label")))
    for window, name in zip(availability.WINDOWS, _WINDOWS, strict=True):
        if now < window:
            continue
        seen = availability.over_the_last(window, state, now)
        shown = figures.percent(seen.share if seen else None).strip()
        known = f" since {figures.wall(state.wall(seen.since))}" if seen is not None and seen.outrun else ""
        told.append(row((f"{name} ", "label"), (shown + known, "value")))
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
    told = [row(("down ", "label"), (figures.span(down, 0), "value"))]
    if silent := state.silent_seconds(moment.now):
        told.append(row(("silent ", "label"), (figures.span(silent, 0), "warn")))
    told += [row(cost) for cost in total_cost(moment)]
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
        self.known = ServerNames(moment.state)
        self.detected = width >= _WITH_DETECTED
        self.cost = max([_LEAST_COST, *(cell_len(outage_cost(o, moment)) for o in listed)])
        self.cost = min(self.cost, _MOST_COST if width < _WITH_DETECTED else 2 * _MOST_COST)
        self.servers = width >= _WITH_SERVERS
        self.cause = min(_MOST_CAUSE, max([_LEAST_CAUSE, *(cell_len(printable(outage_cause(o))) for o in listed)]))
        self.where = min(_MOST_WHERE, max([_WHERE, *(cell_len(printable(self._where(o))) for o in listed)]))
        room = width - width_of(self._figures_header()) - self.cause - 2
        self.where = 0 if room < _WHERE else min(self.where, room)
        self.reason = max(0, room - self.where - 2) if self.where and room - self.where - 2 >= _WITH_REASON else 0

    def header(self) -> Row:
        parts: list[Piece] = [
            *self._figures_header(),
            ("cause" if not self.where else left("cause  ", self.cause + 2), "dim"),
        ]
        parts += [(left("from → to", self.where), "dim")] if self.where else []
        parts += [("  reason", "dim")] if self.reason else []
        return fit(row(*parts), self.width)

    def _figures_header(self) -> Row:
        named = [("downtime", 8), ("dials", 5)]
        named += [("detected", 8)] if self.detected else []
        named += [("servers", 7), ("resubscr", 8)] if self.servers else []
        cost = left("cost", self.cost)
        texts = [f"{name:>{size}}  " for name, size in named]
        return row((f"  {'at':<10}{texts[0]}{cost}  {''.join(texts[1:])}", "dim"))

    def line(self, outage: OutageRecord, moment: Moment, mark: str = "  ") -> Row:
        running = outage.ended is None and not moment.over
        parts: list[Piece] = [
            (mark, "strong"),
            (f"{figures.wall(moment.state.wall(outage.began)):<10}", "label"),
            (figures.span(outage.downtime(moment.now)) + "  ", "warn" if running else "value"),
            (left(outage_cost(outage, moment), self.cost) + "  ", "bad" if costly(outage) else "value"),
            (figures.count(outage.dials, 5) + "  ", "value"),
        ]
        if self.detected:
            parts.append((figures.span(outage.detected_after_if_known) + "  ", "value"))
        if self.servers:
            again = outage.subscribed - outage.ended if outage.subscribed and outage.ended else None
            parts += [(figures.count(outage.servers or None, 7) + "  ", "value")]
            parts += [(figures.span(again) + "  ", "value")]
        parts.append((left(outage_cause(outage), self.cause) + "  ", "value"))
        parts += [(left(self._where(outage), self.where), "label")] if self.where else []
        parts += [("  " + left(outage.reason or outage.text, self.reason), "label")] if self.reason else []
        return fit(row(*parts), self.width)

    def _where(self, outage: OutageRecord) -> str:
        return f"{self.known.name(outage.before)} → {self.known.name(outage.after) if outage.after else '…'}"


def in_full(outage: OutageRecord, moment: Moment) -> list[Row]:
    """One outage as a line of text, for copying."""
    state = moment.state
    names = ServerNames(state)
    at = f"{figures.local_day(state.wall(outage.began))} {figures.wall_millis(state.wall(outage.began))}"
    lasted = f"outage of {units.elapsed(outage.downtime(moment.now))}"
    where = f"{names.name(outage.before)} → {names.name(outage.after) if outage.after else 'not connected'}"
    parts = [f"{at} {outage_cost(outage, moment)}: {lasted}", outage_cause(outage), outage.reason, where]
    return [row(("; ".join(part for part in parts if part), "value"))]
