"""Every outage, a line each, beneath what they come to in all."""

from collections import deque

from natsmon.charts.cells import Row, fit, row, width_of
from natsmon.charts.columns import header, line
from natsmon.state import OutageRecord, State, availability
from natsmon.state.server_names import ServerNames
from natsmon.text import dates, units
from natsmon.text.plain_text import printable
from natsmon.tui.model import figures
from natsmon.tui.model.cause_words import none_yet, outage_cause, outage_cost
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.row_list import RecordList, nothing_found
from natsmon.tui.panels.outage_panel import columns, costs

_TOTALS = 3


def records(state: State) -> deque[OutageRecord]:
    return state.outages


def matches(outage: OutageRecord, needle: str) -> bool:
    """Whether a filter shows it: by cause, the words for it, the server's reason, and the servers before and after."""
    lasts = "still out" if outage.ended is None else ""
    texts = (outage_cause(outage), outage.text, outage.reason, outage.before, outage.after, lasts)
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
    phrases = [row(("outages ", "label"), (f"{found.outages:,}", "strong"))]
    for name, seconds in (
        ("longest", found.longest),
        ("mean between", found.between),
        ("mean to recover", found.to_recover),
    ):
        phrases.append(row((f"{name} ", "label"), (figures.span(seconds, 0), "value")))
    if (known := len(availability.known_outages(state))) < found.outages:
        phrases.append(row((f"of the last {known:,}", "dim")))
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
    where = f"{names.name(outage.before)} → {names.name(outage.after) if outage.after else 'not connected'}"
    parts = [f"{at} {outage_cost(outage, moment)}: {lasted}", outage_cause(outage), outage.reason, where]
    return printable("; ".join(part for part in parts if part))
