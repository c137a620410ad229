"""The dials: the one under way stage by stage, the wait before the next, and the ones before."""

from collections import deque
from itertools import islice

from natsmon.charts import dial_stages
from natsmon.charts.cells import Piece, Role, Row, bar, fit, left, right, row, spread, width_of
from natsmon.state import Dial, State
from natsmon.state.server_names import address
from natsmon.stream import events as ev
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.selection import Selection, View
from natsmon.tui.widgets import figures

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


class DialSelection(Selection[Dial]):
    """Filtered by server, why, outcome, cause, error or number."""

    def kept(self, state: State) -> deque[Dial]:
        return state.dials

    def same(self, one: Dial, other: Dial) -> bool:
        return one.id == other.id

    def matches(self, dial: Dial, needle: str) -> bool:
        outcome = dial.outcome or "dialing"
        texts = (dial.server, dial.reason, outcome, dial.cause, dial.cause.replace("_", " "), dial.text)
        return needle.removeprefix("#") == str(dial.id) or any(needle in text.casefold() for text in texts)


def legend(width: int) -> str:
    """What the shades of the waterfall mean; nothing where there is none."""
    return (
        "  ".join(f"{shade} {stage}" for stage, shade in dial_stages.SHADES.items()) if width >= _WITH_WATERFALL else ""
    )


def tick(moment: Moment) -> object:
    """Tenths of a second count only while a dial or the wait for one is running."""
    return (int(moment.now * 10) if moment.dialing else 0), moment.stream


def rows(moment: Moment, width: int, height: int, view: View[Dial] | None = None, needle: str = "") -> list[Row]:
    dials = moment.state.dials
    above = lines_above(height, marked=view is not None and view.marked)
    if view is None:
        view = View(list(islice(reversed(dials), max(0, height - above))))
    drawn = [_now(moment, width)]
    if dials and above > 1:
        drawn.append(fit(_strip(dials[-1], moment, width), width))
    if dials and height > above:
        columns = _Columns(width)
        drawn += [columns.header()] if above > 2 else []
        drawn += [columns.line(dial, moment, marked=view.cursor == y) for y, dial in enumerate(view.listed)]
        if not view.listed:
            words = f"none of {len(dials):,} dials contains “{needle}” · / changes it, esc drops it"
            drawn.append(fit(row((words, "label")), width))
    return drawn[:height]


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
        parts.append(f"{view.place + 1:,} of {view.total:,} · enter opens it")
    return " · ".join(parts)


def _now(moment: Moment, width: int) -> Row:
    """What is being tried right now, or what comes next and when."""
    state = moment.state
    if moment.over:
        return fit(row(("no dial: there is no probe to make one", "label")), width)
    if (dial := state.dial) is not None:
        spent = dial.elapsed(moment.now)
        racing = [tried.address for tried in dial.addresses if tried.outcome == "started"]
        trying = f", trying {' and '.join(racing)}" if racing else ""
        start = row(
            ("◐ dialing ", "warn"),
            (address(dial.server), "strong"),
            (f"  attempt {dial.attempt}, round {dial.pool_pass}, {dial.reason}{trying}", "label"),
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
        return fit(row(("no dial under way: the connection is closed · r dials again", "label")), width)
    if not state.dials:
        return fit(row(("waiting for the first dial", "label")), width)
    last = state.dials[-1]
    start = row(
        ("last dial ", "label"),
        (address(last.server), "value"),
        (f"  attempt {last.attempt}, round {last.pool_pass}", "label"),
    )
    return spread(start, row((figures.span(last.total), "value")), width)


def _countdown(waiting: ev.Waiting, moment: Moment, width: int) -> Row:
    left_over = max(0.0, waiting.until - moment.now)
    share = left_over / waiting.delay if waiting.delay > 0 else 0.0
    start = row(("◌ next dial ", "warn"), (address(waiting.server), "strong"))
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


class _Columns:
    """The columns of the table of dials at a given width."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.waterfall = 0
        self.attempt = 0
        server = 18
        if width >= _WITH_WATERFALL:
            self.attempt = 6
            server = 20 if width < 150 else 34
            self.waterfall = 18 if width < 150 else 50
        elif width < _WITH_TIME:
            server = 15
        self.at = width >= _WITH_TIME
        self.why = width >= _FULL_STRIP
        self.server = server

    def header(self) -> Row:
        parts: list[Piece] = [(f"{'#':>4} ", "dim")]
        parts += [(f"{'at':<10}", "dim")] if self.at else []
        parts += [(f"{'why':<11}", "dim")] if self.why else []
        parts += [(right("try", self.attempt) + "  ", "dim")] if self.attempt else []
        parts += [(left("server", self.server) + "  ", "dim"), (f"{'stages':<11}", "dim")]
        parts += [(left("proportions", self.waterfall) + "  ", "dim")] if self.waterfall else []
        parts += [(f"{'total':>8}  ", "dim"), ("outcome", "dim")]
        return fit(row(*parts), self.width)

    def line(self, dial: Dial, moment: Moment, *, marked: bool = False) -> Row:
        state = moment.state
        parts: list[Piece] = [(f"{dial.id % 10_000:>4}", "label"), ("▸" if marked else " ", "strong")]
        parts += [(f"{figures.wall(state.wall(dial.began)):<10}", "label")] if self.at else []
        parts += [(f"{dial.reason:<11}", "label")] if self.why else []
        if self.attempt:
            parts.append((right(f"{dial.attempt}/{dial.pool_pass}", self.attempt) + "  ", "label"))
        parts.append((left(address(dial.server), self.server) + "  ", "value"))
        for stage in ev.STAGES:
            glyph, role = dial_stages.mark(dial, stage)
            parts += [(glyph, role), (" ", "value")]
        parts.append((" ", "value"))
        if self.waterfall:
            parts += [*dial_stages.proportions(dial, moment.now, self.waterfall), ("  ", "value")]
        parts.append((figures.span(dial.elapsed(moment.now)) + "  ", "value"))
        parts += _outcome(dial, self.width - width_of(tuple(parts)))
        return fit(row(*parts), self.width)


def _outcome(dial: Dial, width: int) -> list[Piece]:
    """How a dial ended, with the error's own words only where enough of them fits to be worth reading."""
    if dial.outcome is None:
        return [("dialing", "warn")]
    role = OUTCOMES[dial.outcome]
    if dial.outcome == "connected":
        return [("connected", role)]
    cause = dial.cause.replace("_", " ")
    word = cause if dial.outcome == "failed" and cause else dial.outcome
    stage = f" at {dial.stage_reached}" if dial.stage_reached and dial.outcome != "failed" else ""
    if len(word + stage) > width:  # the marks of the stages tell where, too
        stage = ""
    room = width - len(word + stage) - 2
    said = bool(dial.text) and dial.text != cause and room >= min(_WORTH_READING, len(dial.text))
    return [(word + stage, role), (f"  {dial.text}" if said else "", "label")]
