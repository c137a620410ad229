"""The dials: the one under way stage by stage, the wait before the next, and the ones before."""

from collections import deque

from natsmon.charts import dial_stages
from natsmon.charts.cells import (
    Piece,
    Role,
    Row,
    bar,
    cut,
    fit,
    row,
    shorten,
    spread,
    width_of,
)
from natsmon.charts.columns import Column, header, line, room, shortened, text, widest
from natsmon.state import Dial, State
from natsmon.state.server_names import ServerNames
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.plain_text import printable
from natsmon.tui.model import figures
from natsmon.tui.model.cause_words import cause_words
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.row_list import RecordList, nothing_found
from natsmon.wording.attempts import attempt_number

OUTCOMES: dict[ev.DialOutcome | None, Role] = {
    None: "warn",
    "connected": "good",
    "failed": "bad",
    "cancelled": "label",
    "timeout": "bad",
}
_WITH_WATERFALL = 100
_FULL_STRIP = 77
_WITH_TIME = 70
_WORTH_READING = 20
_LONGEST_NAME = 34
_SHORTEST_SCALE = 0.01
"""Seconds of a full bar at least: dials that fail at once are not the longest bars of the screen."""


def records(state: State) -> deque[Dial]:
    return state.dials


def matches(dial: Dial, needle: str) -> bool:
    """Whether a filter shows it: by server, reason, outcome, cause, error or number."""
    outcome = dial.outcome or "dialing"
    texts = (dial.server, dial.name, dial.reason, outcome, cause_words(dial.known_cause, dial.stage_reached), dial.text)
    return needle.removeprefix("#") == str(dial.id) or any(needle in text.casefold() for text in texts)


def legend(width: int) -> str:
    """The shades of the stages; empty where they are not drawn."""
    if width < _WITH_WATERFALL:
        return ""
    return "  ".join(f"{shade} {stage}" for stage, shade in dial_stages.SHADES.items())


def rows(moment: Moment, width: int, height: int, records: RecordList[Dial], shown: list[Dial]) -> list[Row]:
    dials = moment.state.dials
    above = lines_above(moment, height, marked=bool(records.cursor))
    drawn = [_now(moment, width)]
    if dials and above > 1:
        drawn.append(fit(_strip(dials[-1], moment, width), width))
    if dials and height > above:
        scale = max([_SHORTEST_SCALE, *(dial.elapsed(moment.now) for dial in shown)])
        columns = _columns(moment, max(0, width - 2), shown, scale)
        drawn += [header(columns, width, "  ")] if above > 2 else []
        drawn += [line(columns, dial, width, row((records.sign(dial), "strong"))) for dial in shown]
        if not shown:
            drawn.append(fit(row((nothing_found(len(dials), "dials", records.needle), "label")), width))
    return drawn[:height]


def lines_above(moment: Moment, height: int, *, marked: bool) -> int:
    """How many lines stand above the rows of the table; where lines are scarce, a cursor needs them more."""
    if height > 3:
        return 3
    return 1 if marked else height


def _now(moment: Moment, width: int) -> Row:
    """What is being tried right now, or what comes next and when."""
    state = moment.state
    if moment.over:
        return fit(row(("no dial: the monitor is not running", "label")), width)
    if (dial := state.dial) is not None:
        spent = dial.elapsed(moment.now)
        racing = [tried.name for tried in dial.addresses if tried.outcome == "started"]
        trying = f", trying {' and '.join(racing)}" if racing else ""
        start = row(
            ("◐ dialing ", "warn"),
            (shorten(ServerNames(state).brief(dial.server), _LONGEST_NAME), "strong"),
            (f"  {attempt_words(dial, state)}, {dial.reason}{trying}", "label"),
        )
        end: Row = row((figures.span(spent), "value"))
        if dial.timeout:
            end += row((f" of {units.brief(dial.timeout)} ", "label"))
            end += bar(spent / dial.timeout, 12 if width >= _FULL_STRIP else 6)
        return spread(start, end, width)
    if (waiting := state.waiting) is not None:
        return _countdown(waiting, moment, width)
    if state.status == "CLOSED":
        return fit(row(("no dial: the connection is closed", "label")), width)
    if not state.dials:
        return fit(row(("waiting for the first dial", "label")), width)
    last = state.dials[-1]
    start = row(
        ("last dial ", "label"),
        (shorten(ServerNames(state).of_dial(last), _LONGEST_NAME), "value"),
        (f"  {attempt_words(last, state)}", "label"),
    )
    return spread(start, row((figures.span(last.total), "value")), width)


def _countdown(waiting: ev.Waiting, moment: Moment, width: int) -> Row:
    left_over = max(0.0, waiting.until - moment.now)
    share = left_over / waiting.delay if waiting.delay > 0 else 0.0
    name = shorten(ServerNames(moment.state).name(waiting.server), _LONGEST_NAME)
    start = row(("◌ next dial ", "warn"), (name, "strong"))
    why = row((f" ({units.brief(waiting.base)} + {units.brief(waiting.jitter)} jitter)", "label"))
    drawn = start + row((" in ", "label"), (f"{left_over:5.1f} s ", "strong")) + bar(share, 12)
    return fit(drawn + why if width >= width_of(drawn + why) else drawn, width)


def _strip(dial: Dial, moment: Moment, width: int) -> Row:
    """The stages of one dial: name, glyph and milliseconds of each, every one at its place."""
    wide = width >= _FULL_STRIP
    parts: list[Piece] = []
    for stage in ev.STAGES:
        glyph, role = dial_stages.mark(dial, stage)
        record = dial.stages.get(stage)
        figure = figures.millis(dial_stages.seconds(record, moment.now), 5) if record else ""
        parts += [(f"{stage} " if wide else stage, "label"), (glyph, role)]
        parts += [(f" {figure:>5}" if wide else f"{figure:>5}", "value"), ("   " if wide else " ", "value")]
    return row(*parts, ("ms" if wide else "", "label"))


def attempt_words(dial: Dial, state: State) -> str:
    """``attempt 3 of 60``; the pass only where the pool has several servers."""
    servers = max(len(state.pool), len(state.connection.servers) if state.connection is not None else 0)
    number = attempt_number(dial.attempt, state, initial=dial.reason == "initial")
    return number + (f", pass {dial.pool_pass:,}" if servers > 1 else "")


def _columns(moment: Moment, width: int, listed: list[Dial], scale: float) -> list[Column[Dial]]:
    """Those there is room for; a full bar is ``scale`` seconds."""
    state, now = moment.state, moment.now
    names = ServerNames(state)
    wide = width >= _WITH_WATERFALL
    most, bar_size = (34, 30) if width >= 150 else (20 if width >= _WITH_TIME else 15, 18)
    server = widest(map(names.of_dial, listed), 6, most)
    found: list[Column[Dial]] = [Column("#", 4, lambda d: text(f"{d.id % 10_000}", "label"), right=True)]
    if width >= _WITH_TIME:
        found.append(Column("at", 8, lambda d: text(figures.wall(state.wall(d.began)), "label")))
    if wide:
        found.append(Column("reason", 9, lambda d: text(d.reason, "label")))
        found.append(Column("attempt", 7, lambda d: text(figures.count(d.attempt, 7), "label"), right=True))
    found.append(Column("server", server, lambda d: shortened(names.of_dial(d), server)))
    found.append(Column("stages", 9, _glyphs))
    if wide:
        bar_of = f"0 … {units.elapsed(scale)}"
        found.append(Column(bar_of, bar_size, lambda d: dial_stages.proportions(d, now, bar_size, scale)))
    found.append(Column("total", 8, lambda d: text(figures.span(d.elapsed(now))), right=True))
    outcome = max(0, room(found, width))
    return [*found, Column("outcome", outcome, lambda d: row(*_outcome(d, outcome)))]


def _glyphs(dial: Dial) -> Row:
    return row(*(part for stage in ev.STAGES for part in (dial_stages.mark(dial, stage), (" ", "value"))))[:-1]


def _outcome(dial: Dial, width: int) -> list[Piece]:
    """How a dial ended, with the text of the error only where enough of it fits to be worth reading."""
    words = dial_words(dial)
    further = dial.text if dial.outcome not in (None, "connected") and dial.text.casefold() != words.casefold() else ""
    shown = further and width - len(words) - 2 >= min(_WORTH_READING, len(further))
    return [(cut(words, width), OUTCOMES[dial.outcome]), (f"  {further}" if shown else "", "label")]


def dial_words(dial: Dial) -> str:
    """Why it failed, else its outcome."""
    return _failure(dial) or dial.outcome or "dialing"


def _failure(dial: Dial) -> str:
    return cause_words(dial.known_cause, dial.stage_reached) if dial.failed else ""


def in_full(dial: Dial, moment: Moment) -> str:
    """One dial as a line of text, for copying."""
    state = moment.state
    which = f"{dates.local_millis(state.wall(dial.began))} dial {dial.id} {dial.server} {attempt_words(dial, state)}"
    spent = {stage: dial_stages.seconds(part, moment.now) for stage, part in dial.stages.items()}
    stages = ", ".join(f"{stage} {units.elapsed(seconds)}" for stage, seconds in spent.items())
    outcome = f"{dial.outcome or 'dialing'} after {units.elapsed(dial.elapsed(moment.now))}"
    parts = [f"{which}: {outcome}", _failure(dial), dial.text, stages]
    return printable("; ".join(part for part in parts if part))
