"""One outage in full: its cause, how it was detected, what it cost, and its steps on a scale of time."""

from collections import Counter
from typing import NamedTuple

from rich.cells import cell_len

from natsmon.charts.cells import Role, Row, fit, left, row, spread, width_of
from natsmon.charts.dial_stages import MARKS
from natsmon.state import Dial, OutageRecord, State
from natsmon.state.server_names import ServerNames
from natsmon.text import units
from natsmon.text.plain_text import printable
from natsmon.tui.model import figures
from natsmon.tui.model.cause_words import cause_words, costly, outage_cost
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages.server_lanes import moves
from natsmon.tui.panels.dial_rows import dial_words
from natsmon.tui.widgets.prose import Fact, facts, heading
from natsmon.wording.cause_table import diagnose

_RUNS_SHOWN = 12
"""Runs of lost messages shown by number; the event stream has all."""
_FIRST, _LAST = 8, 12
"""Dials shown one by one, at the beginning and at the end of an outage that took many more."""
_FIGURE = 9
_MOST_WHAT = 44
_LEAST_WHAT = 12
_LEAST_SCALE = 12
_MOST_SCALE = 100


def title(outage: OutageRecord, state: State) -> str:
    return f"at {figures.wall(state.wall(outage.began))}"


def rows(outage: OutageRecord, moment: Moment, width: int) -> list[Row]:
    steps = heading("timeline", width) + step_rows(outage, moment, width)
    return _head(outage, moment, width) + steps


def _head(outage: OutageRecord, moment: Moment, width: int) -> list[Row]:
    """Why, between which servers, and how long."""
    state = moment.state
    known = ServerNames(state)
    before, after = known.before(outage), known.after(outage)
    known_cause = diagnose(None, outage.known_cause)
    start = row((cause_words(outage.known_cause), "strong"), (f"  {before}", "value"))
    lasted = units.elapsed(outage.downtime(moment.now))
    if outage.ended is None and not moment.over:
        end = row(("◑ still out after ", "warn"), (lasted, "strong"))
    elif outage.ended is None:
        end = row((f"✗ out for {lasted} when the data ends", "bad"))
    elif not after:
        end = row((f"■ closed after {lasted}", "bad"))
    else:
        where = "the same server" if outage.same_server else after
        end = row(("✓ back after ", "good"), (lasted, "strong"), (f" on {where}", "value"))
    drawn = [spread(start, end, width)] if width_of(start + end) + 2 <= width else [fit(start, width), fit(end, width)]
    notice = next((move.notice for move in moves(state) if move.outage is outage), None)
    announced = f"{units.elapsed(outage.began - notice)} before, by a lame duck notice" if notice is not None else ""
    found = [
        *_cost(outage, moment),
        ("error", outage.text),
        ("close reason", outage.reason, "warn"),
        ("means", known_cause.meaning if not outage.manual and known_cause.meaning != outage.text else ""),
        ("try", known_cause.advice if not outage.manual else "", "strong"),
        ("announced", announced),
        ("detected", _detected(outage)),
        ("dials", _tried(outage, moment)),
    ]
    return drawn + facts(found, width)


def _detected(outage: OutageRecord) -> str:
    last = last_data(outage)
    if last is None:
        return ""
    silent = ", after a silence" if outage.silent_since is not None and outage.cause != "stale" else ""
    return f"{units.elapsed(outage.began - last)} after the last data{silent}"


def _tried(outage: OutageRecord, moment: Moment) -> str:
    if not outage.dials:
        return "none"
    servers = outage.servers or len({dial.server for dial in dials_of(outage, moment.state)})
    on = f", to {units.plural(servers, 'server')}" if servers else ""
    return f"{outage.dials:,}{on}"


def _cost(outage: OutageRecord, moment: Moment) -> list[Fact]:
    cost: Fact = ("cost", outage_cost(outage, moment), "bad" if costly(outage) else "value")
    if not outage.settled:
        return [cost, ("", "" if moment.over else "losses are known once a later message is delivered", "label")]
    sent = "sent after the reconnect" if outage.after else "not sent until then"
    return [
        cost,
        ("lost", "" if outage.lost_if_known is not None else "not known: delivery was not verified", "warn"),
        ("lost", _numbers(outage), "bad"),
        ("buffered", f"{outage.buffered:,}, {sent}" if outage.buffered else ""),
        ("unverified", f"{outage.unverified:,}, in flight at the loss" if outage.unverified else "", "warn"),
        ("late", f"{outage.late:,}, in flight at the loss, delivered after it" if outage.late else ""),
        ("corrected", "a message counted as lost was delivered after all" if outage.corrected else "", "label"),
    ]


def _numbers(outage: OutageRecord) -> str:
    """The sequence numbers of the lost messages, in runs."""
    runs = [f"{first}" if first == last else f"{first}–{last}" for first, last in outage.lost_seqs]
    shown = sum(last - first + 1 for first, last in outage.lost_seqs[:_RUNS_SHOWN])
    if not runs:
        return ""
    numbers = "number" if outage.lost == 1 else "numbers"
    return f"{numbers} {', '.join(runs[:_RUNS_SHOWN])}{units.and_more(outage.lost - shown)}"


# -- the steps ----------------------------------------------------------------------------------------


class Step(NamedTuple):
    """One line: when it began, what it was, and how long it took."""

    mark: str
    role: Role
    what: str
    began: float
    took: float | None = None
    ink: str = ""
    """What it is drawn with over the time it took; empty for a moment, which is drawn as its mark."""
    brief: str = ""
    """The same in fewer words."""
    late: bool = False
    """``took`` is how long it took to come to this, so that it ends here and began before."""


def last_data(outage: OutageRecord) -> float | None:
    """When data was received last before the loss, where that is known and means anything."""
    if outage.cause == "manual":
        return None
    if outage.settled:
        return outage.began - outage.detected_after
    return outage.silent_since


def dials_of(outage: OutageRecord, state: State) -> list[Dial]:
    """Those that are still kept, oldest first."""
    until = outage.ended if outage.ended is not None else float("inf")
    return [dial for dial in state.dials if outage.began <= dial.began <= until and dial.reason != "initial"]


def origin(outage: OutageRecord) -> float:
    """What the times count from: the last data, or the loss while that is not known."""
    last = last_data(outage)
    return outage.began if last is None else last


def steps(outage: OutageRecord, moment: Moment) -> list[Step]:
    """In the order in which they came."""
    state = moment.state
    known = ServerNames(state)
    found: list[Step] = []
    last = last_data(outage)
    if last is not None:
        found.append(Step("●", "good", f"last data from {known.before(outage) or 'the server'}", last))
    silence = outage.began - last if last is not None else None
    loss = cause_words(outage.cause) if outage.cause == "manual" else f"loss detected: {cause_words(outage.cause)}"
    found.append(Step("✗", "bad", loss, outage.began, silence, brief=cause_words(outage.cause), late=True))
    found += _dials(outage, moment)
    if outage.ended is None:
        return found + _still_out(moment)
    lasted = outage.downtime(moment.now)
    if not outage.after:
        return [*found, Step("■", "bad", "closed, without a connection", outage.ended, lasted, late=True)]
    found.append(Step("●", "good", f"CONNECTED to {known.after(outage)}", outage.ended, lasted, late=True))
    reached = outage.ended
    for at, name in ((outage.subscribed, "resubscribed"), (outage.first_echo, "first echo")):
        if at is not None:
            found.append(Step("✓", "good", name, at, max(0.0, at - reached), late=True))
            reached = at
    return found


def _still_out(moment: Moment) -> list[Step]:
    state = moment.state
    waiting = state.waiting
    if moment.over:
        return [Step("■", "dim", "no data from here on", moment.now)]
    if waiting is not None:
        left_over = max(0.0, waiting.until - moment.now)
        server = ServerNames(state).name(waiting.server)
        return [Step("◌", "warn", f"next dial {server} in {left_over:.1f} s", moment.now)]
    return []


def _dials(outage: OutageRecord, moment: Moment) -> list[Step]:
    """All of them, or of very many the first and the last."""
    dials = dials_of(outage, moment.state)
    forgotten = max(0, outage.dials - len(dials))
    known = ServerNames(moment.state)
    drawn = [_dial(dial, moment, known) for dial in dials]
    if len(drawn) <= _FIRST + _LAST + 1 and not forgotten:
        return drawn
    first = 0 if forgotten else _FIRST
    between = dials[first : max(first, len(dials) - _LAST)]
    if not between and not forgotten:
        return drawn
    began = between[0].began if between else outage.began
    until = dials[-_LAST].began if len(dials) > _LAST else began
    causes = Counter(dial_words(dial) for dial in between)
    of_them = ", ".join(f"{number:,} {cause}" for cause, number in causes.most_common(3))
    what = f"{len(between) + forgotten:,} more dials" + (f": {of_them}" if of_them else "")
    gap = Step("…", "dim", what, began, max(0.0, until - began), "┄")
    return [*drawn[:first], gap, *drawn[-_LAST:]]


def _dial(dial: Dial, moment: Moment, known: ServerNames) -> Step:
    server = known.of_dial(dial)
    took = dial.elapsed(moment.now)
    if dial.outcome is None:
        at = f" at {dial.stage_reached}" if dial.stage_reached else ""
        return Step(*MARKS["started"], f"{server} dialing{at}", dial.began, took, "━")
    if dial.outcome == "connected":
        return Step("✓", "info", f"{server} accepted the dial", dial.began, took, "━", server)
    mark, role = MARKS["cancelled" if dial.outcome == "cancelled" else "failed"]
    words = dial_words(dial)
    return Step(mark, role, f"{server}: {words}", dial.began, took, "━", words)


def step_rows(outage: OutageRecord, moment: Moment, width: int) -> list[Row]:
    """A line a step; bars and marks are all on the scale from the last data to the last step."""
    if width <= 0:
        return []
    found = steps(outage, moment)
    began = origin(outage)
    ended = outage.ended is not None or moment.over
    ends = [step.began if step.late else step.began + (step.took or 0.0) for step in found]
    total = max([*ends, began if ended else moment.now]) - began
    clock = 12 if width >= 76 else 8
    numbers = clock + 1 + _FIGURE + 2 + 2 + 1 + _FIGURE + 2
    longest = max(cell_len(printable(step.what)) for step in found)
    what = max(_LEAST_WHAT, min(longest, _MOST_WHAT, width - numbers - _LEAST_SCALE))
    scale = min(_MOST_SCALE, width - numbers - what)
    scale = scale if scale >= _LEAST_SCALE else 0
    drawn = [_axis(clock, what, scale, total, width)]
    for step in found:
        wall = moment.state.wall(step.began)
        at = figures.wall_millis(wall) if clock == 12 else figures.wall(wall)
        since = step.began - began
        shown = step.what if cell_len(printable(step.what)) <= what else step.brief or step.what
        head = row(
            (f"{at} ", "label"),
            (f"{'+' + units.elapsed(since) if since > 0 else '0':>{_FIGURE}}  ", "value"),
            (f"{step.mark} ", step.role),
            (left(shown, what), "value"),
            (f" {units.elapsed(step.took) if step.took is not None else '':>{_FIGURE}}  ", "label"),
        )
        drawn.append(fit(head + _place(step, began, total, scale), width))
    return drawn


def _axis(clock: int, what: int, scale: int, total: float, width: int) -> Row:
    end = units.elapsed(total)
    rule = "─" * max(0, scale - len(end) - 3)
    columns = f"{'at':<{clock}} {'since':>{_FIGURE}}    {'what':<{what}} {'took':>{_FIGURE}}  "
    return fit(row((columns, "dim"), (f"0 {rule} {end}" if scale else "", "dim")), width)


def _place(step: Step, origin: float, total: float, scale: int) -> Row:
    if not scale:
        return ()
    per = scale / max(total, 1e-9)
    began = step.began - (step.took or 0.0) if step.late else step.began
    until = step.began if step.late else step.began + (step.took or 0.0)
    first = max(0, min(scale - 1, int((began - origin) * per)))
    last = max(first, min(scale - 1, int((until - origin) * per)))
    if step.late:
        return row((" " * first, "value"), ("┄" * (last - first), "dim"), (step.mark, step.role))
    ink = (step.ink or step.mark) * (last - first + 1)
    return row((" " * first, "value"), (ink, step.role))
