"""The dials: the one under way stage by stage, the wait before the next, and the ones before."""

from collections import deque
from itertools import islice

from natsmon.charts import dial_stages
from natsmon.charts.cells import (
    Piece,
    Role,
    Row,
    bar,
    cut_between_words,
    fit,
    left,
    right,
    row,
    shorten,
    spread,
    width_of,
)
from natsmon.state import Dial, State
from natsmon.state.server_names import ServerNames
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.tui.model import figures
from natsmon.tui.model.cause_words import cause_words
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection, View

OUTCOMES: dict[ev.DialOutcome, Role] = {
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


class DialSelection(Selection[Dial]):
    """Filtered by server, reason, outcome, cause, error or number."""

    def kept(self, state: State) -> deque[Dial]:
        return state.dials

    def same(self, one: Dial, other: Dial) -> bool:
        return one.id == other.id

    def matches(self, dial: Dial, needle: str) -> bool:
        outcome = dial.outcome or "dialing"
        texts = (dial.server, dial.reason, outcome, cause_words(dial.cause, dial.stage_reached), dial.text)
        return needle.removeprefix("#") == str(dial.id) or any(needle in text.casefold() for text in texts)


def legend(width: int) -> str:
    """The shades of the stages; empty where they are not drawn."""
    if width < _WITH_WATERFALL:
        return ""
    return "  ".join(f"{shade} {stage}" for stage, shade in dial_stages.SHADES.items())


def tick(moment: Moment) -> object:
    """Tenths of a second count only while a dial or the wait for one is running."""
    return (int(moment.now * 10) if moment.dialing else 0), moment.stream


def rows(moment: Moment, width: int, height: int, view: View[Dial] | None = None, needle: str = "") -> list[Row]:
    dials = moment.state.dials
    above = lines_above(height, marked=view is not None and view.cursor is not None)
    if view is None:
        view = View(list(islice(reversed(dials), max(0, height - above))))
    drawn = [_now(moment, width)]
    if dials and above > 1:
        drawn.append(fit(_strip(dials[-1], moment, width), width))
    if dials and height > above:
        columns = _Columns(width, moment, view.listed)
        drawn += [columns.header()] if above > 2 else []
        drawn += [columns.line(dial, _mark(view, y)) for y, dial in enumerate(view.listed)]
        if not view.listed:
            words = f"none of {len(dials):,} dials contains “{needle}” · / changes it, esc removes it"
            drawn.append(fit(row((words, "label")), width))
    return drawn[:height]


def _mark(view: View[Dial], y: int) -> str:
    return "▸" if view.cursor == y else "▪" if y in view.selected else " "


def lines_above(height: int, *, marked: bool) -> int:
    """How many lines stand above the rows of the table; where lines are scarce, a cursor needs them more."""
    if height > 3:
        return 3
    return 1 if marked else height


def title(moment: Moment, view: View[Dial], needle: str) -> str:
    """The filter, and where the cursor is."""
    known = len(moment.state.dials)
    parts = ["dials"]
    if needle:
        parts.append(f"“{needle}” {view.total:,} of {known:,}")
    if view.cursor is not None:
        parts.append(f"{view.place + 1:,} of {view.total:,}")
    if view.selected:
        parts.append("selected")
    return " · ".join(parts)


def _now(moment: Moment, width: int) -> Row:
    """What is being tried right now, or what comes next and when."""
    state = moment.state
    if moment.over:
        return fit(row(("no dial: the monitor is not running", "label")), width)
    if (dial := state.dial) is not None:
        spent = dial.elapsed(moment.now)
        racing = [tried.address for tried in dial.addresses if tried.outcome == "started"]
        trying = f", trying {' and '.join(racing)}" if racing else ""
        start = row(
            ("◐ dialing ", "warn"),
            (shorten(ServerNames(state).brief(dial.server), _LONGEST_NAME), "strong"),
            (f"  {attempt_words(dial, state)}, {dial.reason}{trying}", "label"),
        )
        end: Row = row((figures.span(spent), "value"))
        if dial.timeout:
            full, rest = bar(spent / dial.timeout, 12 if width >= _FULL_STRIP else 6)
            limit = row((f" of {figures.seconds(dial.timeout)} ", "label"), (full, "warn"), (rest, "dim"))
            end += limit
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
        (shorten(ServerNames(state).name(last.server), _LONGEST_NAME), "value"),
        (f"  {attempt_words(last, state)}", "label"),
    )
    return spread(start, row((figures.span(last.total), "value")), width)


def _countdown(waiting: ev.Waiting, moment: Moment, width: int) -> Row:
    left_over = max(0.0, waiting.until - moment.now)
    share = left_over / waiting.delay if waiting.delay > 0 else 0.0
    name = shorten(ServerNames(moment.state).name(waiting.server), _LONGEST_NAME)
    start = row(("◌ next dial ", "warn"), (name, "strong"))
    why = row((f" ({figures.seconds(waiting.base)} + {figures.seconds(waiting.jitter)} jitter)", "label"))
    full, rest = bar(share, 12)
    end = row((" in ", "label"), (f"{left_over:5.1f} s ", "strong"), (full, "warn"), (rest, "dim"))
    if width >= width_of(start + end + why):
        end += why
    return fit(start + end, width)


def _strip(dial: Dial, moment: Moment, width: int) -> Row:
    """The stages of one dial: name, glyph and milliseconds of each, every one at its place."""
    roomy = width >= _FULL_STRIP
    parts: list[Piece] = []
    for stage in ev.STAGES:
        glyph, role = dial_stages.mark(dial, stage)
        record = dial.stages.get(stage)
        figure = figures.millis(dial_stages.seconds(record, moment.now), 5) if record else ""
        parts += [(f"{stage} " if roomy else stage, "label"), (glyph, role)]
        parts += [(f" {figure:>5}" if roomy else f"{figure:>5}", "value"), ("   " if roomy else " ", "value")]
    return row(*parts, ("ms" if roomy else "", "label"))


def attempt_words(dial: Dial, state: State) -> str:
    """``attempt 3 of 60``; the pass only where the pool has several servers."""
    connection = state.connection
    most = connection.max_reconnects if connection is not None else -1
    servers = max(len(state.pool), len(connection.servers) if connection is not None else 0)
    of = f" of {most + 1:,}" if most >= 0 and servers <= 1 else ""
    return f"attempt {dial.attempt:,}{of}" + (f", pass {dial.pool_pass:,}" if servers > 1 else "")


class _Columns:
    """The columns of the table of dials at a given width."""

    def __init__(self, width: int, moment: Moment, listed: list[Dial]) -> None:
        self.width = width
        self._moment = moment
        self._names = ServerNames(moment.state)
        self._longest = max((dial.elapsed(moment.now) for dial in listed), default=0.0)
        self.waterfall = 0
        self.attempt = 0
        most = 15 if width < _WITH_TIME else 20 if width < 150 else 34
        if width >= _WITH_WATERFALL:
            self.attempt = 7
            self.waterfall = 18 if width < 150 else 30
        self.at = width >= _WITH_TIME
        self.reason = width >= _WITH_WATERFALL
        self.server = min(most, max([6, *(len(self._names.name(dial.server)) for dial in listed)]))

    def header(self) -> Row:
        parts: list[Piece] = [(f"{'#':>4} ", "dim")]
        parts += [(f"{'at':<10}", "dim")] if self.at else []
        parts += [(f"{'reason':<11}", "dim")] if self.reason else []
        parts += [(right("attempt", self.attempt) + "  ", "dim")] if self.attempt else []
        parts += [(left("server", self.server) + "  ", "dim"), (f"{'stages':<11}", "dim")]
        scale = f"0 … {units.elapsed(self._longest)}"
        parts += [(left(scale, self.waterfall) + "  ", "dim")] if self.waterfall else []
        parts += [(f"{'total':>8}  ", "dim"), ("outcome", "dim")]
        return fit(row(*parts), self.width)

    def line(self, dial: Dial, mark: str = " ") -> Row:
        moment, state = self._moment, self._moment.state
        parts: list[Piece] = [(f"{dial.id % 10_000:>4}", "label"), (mark, "strong")]
        parts += [(f"{figures.wall(state.wall(dial.began)):<10}", "label")] if self.at else []
        parts += [(f"{dial.reason:<11}", "label")] if self.reason else []
        if self.attempt:
            parts.append((right(f"{dial.attempt:,}", self.attempt) + "  ", "label"))
        parts.append((left(shorten(self._names.name(dial.server), self.server), self.server) + "  ", "value"))
        for stage in ev.STAGES:
            glyph, role = dial_stages.mark(dial, stage)
            parts += [(glyph, role), (" ", "value")]
        parts.append((" ", "value"))
        if self.waterfall:
            parts += [*dial_stages.proportions(dial, moment.now, self.waterfall, self._longest), ("  ", "value")]
        parts.append((figures.span(dial.elapsed(moment.now)) + "  ", "value"))
        parts += _outcome(dial, self.width - width_of(tuple(parts)))
        return fit(row(*parts), self.width)


def _outcome(dial: Dial, width: int) -> list[Piece]:
    """How a dial ended, with the text of the error only where enough of it fits to be worth reading."""
    if dial.outcome is None:
        return [("dialing", "warn")]
    role = OUTCOMES[dial.outcome]
    if dial.outcome == "connected":
        return [("connected", role)]
    failed = dial.outcome in ("failed", "timeout")
    words = (cause_words(dial.cause, dial.stage_reached) if failed else "") or dial.outcome
    room = width - len(words) - 2
    shown = bool(dial.text) and dial.text.casefold() != words.casefold() and room >= min(_WORTH_READING, len(dial.text))
    return [(cut_between_words(words, width), role), (f"  {dial.text}" if shown else "", "label")]


def in_full(dial: Dial, moment: Moment) -> list[Row]:
    """One dial as a line of text, for copying."""
    state = moment.state
    at = f"{figures.local_day(state.wall(dial.began))} {figures.wall_millis(state.wall(dial.began))}"
    spent = {stage: dial_stages.seconds(part, moment.now) for stage, part in dial.stages.items()}
    stages = ", ".join(f"{stage} {units.elapsed(seconds)}" for stage, seconds in spent.items())
    outcome = f"{dial.outcome or 'dialing'} after {units.elapsed(dial.elapsed(moment.now))}"
    why = cause_words(dial.cause, dial.stage_reached) if dial.outcome in ("failed", "timeout") else ""
    parts = [f"{at} dial {dial.id} {dial.server} {attempt_words(dial, state)}: {outcome}", why, dial.text, stages]
    return [row(("; ".join(part for part in parts if part), "value"))]
