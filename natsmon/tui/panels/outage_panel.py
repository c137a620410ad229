"""The outages: a panel of the newest, and a table of all of them beneath their totals."""

from collections import deque
from itertools import islice

from textual.events import Click

from natsmon.charts.cells import Role, Row, fit, row, width_of
from natsmon.charts.columns import Column, header, line, room, text, widest
from natsmon.state import OutageRecord, State, availability
from natsmon.state.server_names import ServerNames
from natsmon.text import dates, units
from natsmon.text.plain_text import printable
from natsmon.tui.model import figures
from natsmon.tui.model.cause_words import cause_words, costly, outage_cost
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.row_list import RecordList, nothing_found
from natsmon.tui.widgets.list_panel import Opened
from natsmon.tui.widgets.panel import Panel

_WITH_DETECTED = 100
_WITH_SERVERS = 140
_COST = (12, 30, 60)
"""Least and most cells of the cost, and the most on a wide screen."""
_CAUSE = (5, 34)
_WHERE = (15, 44)
_REASON = 30
"""Cells left over from which on the words of the loss are worth reading."""
_TOTALS = 3
_COSTS: tuple[tuple[str, Role], ...] = (
    ("lost", "bad"), ("rejected", "bad"), ("buffered", "value"), ("duplicate", "warn"), ("late", "value"),
    ("unverified", "warn"),
)  # fmt: skip


def newest(moment: Moment, width: int, height: int) -> list[Row]:
    """The totals, and the newest outages."""
    state = moment.state
    if not state.outages:
        return [fit(row((none_yet(state), "label")), width)]
    listed = _listed(moment, height)
    brief = columns(moment, width, listed, brief=True)
    return [_summary(moment, width), *(line(brief, outage, width) for outage in listed)]


def _listed(moment: Moment, height: int) -> list[OutageRecord]:
    return list(islice(reversed(moment.state.outages), max(0, height - 1)))


def _summary(moment: Moment, width: int) -> Row:
    count = moment.state.outage_count
    drawn = row((f"{count:3,}", "strong"), (" outage" if count == 1 else " outages", "label"))
    for phrase in costs(moment):
        drawn += (("   ", phrase[0][1]), *phrase)
    return fit(drawn, width)


def costs(moment: Moment) -> list[Row]:
    """Downtime, silent time, and what all outages cost, the one that lasts included; a phrase each."""
    state = moment.state
    down = state.downtime(moment.now) if state.ever_connected else None
    phrases = [row(("down ", "label"), ("0 s" if down == 0 else figures.span(down, 0), "value"))]
    if silent := state.silent_seconds(moment.now):
        phrases.append(row(("silent ", "label"), (figures.span(silent, 0), "warn")))
    for name, role in _COSTS:
        number = state.outage_costs.get(name, 0)
        if name == "buffered" and state.outage is not None and not moment.over:
            number += state.tally.buffered
        if name == "lost" and not number and any(o.settled and o.lost_if_known is None for o in state.outages):
            phrases.append(row(("losses not known", "label")))
        elif number or name == "lost":
            phrases.append(row((f"{number:,} {name}", role if number else "value")))
    return phrases


def none_yet(state: State) -> str:
    """What stands in the place of outages while there is none."""
    return "no outage yet" if state.ever_connected else "no outage: never connected"


def columns(
    moment: Moment, width: int, listed: list[OutageRecord], *, brief: bool = False
) -> list[Column[OutageRecord]]:
    """As many as there is room for; texts are as wide as those ``listed`` need.

    In ``brief``, all figures but the time and the cost are left out.
    """
    state, now = moment.state, moment.now
    names = ServerNames(state)

    def where(outage: OutageRecord) -> str:
        return f"{names.before(outage)} → {names.after(outage) or '…'}"

    def lasted(outage: OutageRecord) -> Row:
        running = outage.ended is None and not moment.over
        return text(figures.span(outage.downtime(now)), "warn" if running else "value")

    cost = widest((outage_cost(o, moment) for o in listed), _COST[0], _COST[2 if width >= _WITH_DETECTED else 1])
    found: list[Column[OutageRecord]] = [
        Column("at", 8, lambda o: text(figures.wall(state.wall(o.began)), "label")),
        Column("downtime", 8, lasted, right=True),
        Column("cost", cost, lambda o: text(outage_cost(o, moment), "bad" if costly(o) else "value")),
    ]
    if not brief:
        found.append(Column("dials", 5, lambda o: text(figures.count(o.dials, 5)), right=True))
        if width >= _WITH_DETECTED:
            found.append(Column("detected", 8, lambda o: text(figures.span(o.detected_after_if_known)), right=True))
        if width >= _WITH_SERVERS:
            found.append(Column("servers", 7, lambda o: text(figures.count(o.servers or None, 7)), right=True))
            found.append(Column("resubscribed", 12, lambda o: text(figures.between(o.ended, o.subscribed)), right=True))
    cause = min(widest((cause_words(o.known_cause) for o in listed), *_CAUSE), max(0, room(found, width)))
    found.append(Column("cause", cause, lambda o: text(cause_words(o.known_cause))))
    if (left_over := room(found, width)) >= _WHERE[0]:
        found.append(
            Column("from → to", min(left_over, widest(map(where, listed), *_WHERE)), lambda o: text(where(o), "label"))
        )
        if (left_over := room(found, width)) >= _REASON and not brief:
            found.append(Column("reason", left_over, lambda o: text(o.reason or o.text, "label")))
    return found


class OutagePanel(Panel):
    """A click on an outage opens it; elsewhere, the page of all outages."""

    def __init__(self) -> None:
        super().__init__(newest, id="outages", title="outages", page="outages")

    async def on_click(self, event: Click) -> None:
        place = event.get_content_offset(self)
        listed = _listed(self._moment, self.size.height) if self._moment is not None else []
        below = place.y - 1 if place is not None else -1
        if 0 <= below < len(listed):
            event.prevent_default()  # Textual calls the base class's handler too
            self.post_message(Opened(listed[below]))


# -- the table of all ---------------------------------------------------------------------------------


def records(state: State) -> deque[OutageRecord]:
    return state.outages


def matches(outage: OutageRecord, needle: str) -> bool:
    """Whether a filter shows it: by cause, the words for it, the server's reason, and the servers before and after."""
    lasts = "still out" if outage.ended is None else ""
    servers = outage.before, outage.before_name, outage.after, outage.after_name
    texts = (cause_words(outage.known_cause), outage.text, outage.reason, *servers, lasts)
    return any(needle in text.casefold() for text in texts)


def lines_above(moment: Moment, height: int, *, marked: bool = False) -> int:
    """The totals, a blank line and the header, as far as they leave a line for an outage."""
    return min(_TOTALS + 2, max(0, height - 1))


def rows(
    moment: Moment, width: int, height: int, records: RecordList[OutageRecord], shown: list[OutageRecord]
) -> list[Row]:
    above = lines_above(moment, height)
    figures_of_all = totals(moment, width)
    state = moment.state
    if not state.outages:
        return [*figures_of_all, fit((), width), fit(row((none_yet(state), "label")), width)][: max(0, height)]
    table = columns(moment, max(0, width - 2), shown)
    drawn = [*figures_of_all, fit((), width), header(table, width, "  ")]
    drawn = drawn[len(drawn) - above :]  # where lines are scarce, the names of the columns stay the longest
    drawn += [line(table, outage, width, row((records.sign(outage), "strong"))) for outage in shown]
    if not shown:
        drawn.append(fit(row((nothing_found(len(state.outages), "outages", records.needle), "label")), width))
    return drawn[: max(0, height)]


def totals(moment: Moment, width: int) -> list[Row]:
    """What share of the time there was a connection, and what the outages were like."""
    return [_shares(moment, width), _means(moment, width), _whole(costs(moment), width)]


def _shares(moment: Moment, width: int) -> Row:
    """Of the run, and of the windows that the run fills."""
    state, now = moment.state, moment.now
    ran = availability.over_the_run(state, now)
    lasts = state.outage is not None and not moment.over
    share = figures.percent(ran.share if ran else None).strip()
    phrases = [row(("availability ", "label"), (share, "warn" if lasts else "strong"), (" of the run", "label"))]
    if ran is not None and state.silent_seconds(now):
        answered = availability.of_the_run(state, now).share_without_silence if ran.share is not None else None
        phrases.append(row((figures.percent(answered).strip(), "warn"), (" counting silence as down", "label")))
    for name, window in availability.WINDOWS.items():
        if now < window:
            continue
        seen = availability.over_the_last(window, state, now)
        shown = figures.percent(seen.share if seen else None).strip()
        known = f" since {figures.wall(state.wall(seen.since))}" if seen is not None and seen.outrun else ""
        phrases.append(row((f"{name} ", "label"), (shown + known, "value")))
    return _whole(phrases, width)


def _means(moment: Moment, width: int) -> Row:
    state = moment.state
    found = availability.of_the_run(state, moment.now)
    known = len(availability.known_outages(state))
    kept = f", the last {known:,} kept" if known < found.outages else ""
    phrases = [row(("outages ", "label"), (f"{found.outages:,}", "strong"), (kept, "label"))]
    if found.manual:
        phrases.append(row((f"{units.plural(found.manual, 'manual reconnect')}, not counted", "label")))
    for name, seconds in (
        ("longest", found.longest),
        ("mean between", found.between),
        ("mean to recover", found.to_recover),
    ):
        phrases.append(row((f"{name} ", "label"), (figures.span(seconds, 0), "value")))
    return _whole(phrases, width)


def _whole(phrases: list[Row], width: int) -> Row:
    """As many of them as there is room for; half a figure would be a wrong one."""
    line = phrases[0]
    for more in phrases[1:]:
        if width_of(line) + 3 + width_of(more) > width:
            break
        line += row(("   ", "value")) + more
    return fit(line, width)


def in_full(outage: OutageRecord, moment: Moment) -> str:
    """One outage as a line of text, for copying."""
    state = moment.state
    names = ServerNames(state)
    at = dates.local_millis(state.wall(outage.began))
    lasted = f"outage of {units.elapsed(outage.downtime(moment.now))}"
    where = f"{names.before(outage)} → {names.after(outage) or 'not connected'}"
    parts = [f"{at} {outage_cost(outage, moment)}: {lasted}", cause_words(outage.known_cause), outage.reason, where]
    return printable("; ".join(part for part in parts if part))
