"""One outage in full: its cause, how it was detected, what it cost, and its steps on a scale of time."""

from natsmon.charts.cells import Row, fit, row, spread, width_of
from natsmon.state import OutageRecord, State
from natsmon.state.server_names import ServerNames
from natsmon.text import units
from natsmon.tui.model import figures
from natsmon.tui.model.cause_words import costly, outage_cause, outage_cost
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.moves import moves
from natsmon.tui.pages import outage_steps
from natsmon.tui.pages.outage_steps import dials_of, last_data
from natsmon.tui.widgets.prose import Fact, facts, heading
from natsmon.wording.cause_table import diagnose

_RUNS_SHOWN = 12
"""Runs of lost messages shown by number; the event stream has all."""


def title(outage: OutageRecord, state: State) -> str:
    return f"at {figures.wall(state.wall(outage.began))}"


def rows(outage: OutageRecord, moment: Moment, width: int) -> list[Row]:
    steps = heading("timeline", width) + outage_steps.rows(outage, moment, width)
    return _head(outage, moment, width) + steps


def _head(outage: OutageRecord, moment: Moment, width: int) -> list[Row]:
    """Why, between which servers, and how long."""
    state = moment.state
    known = ServerNames(state)
    before, after = known.name(outage.before), known.name(outage.after)
    known_cause = diagnose(None, outage.cause)
    start = row((outage_cause(outage), "strong"), (f"  {before}", "value"))
    lasted = units.elapsed(outage.downtime(moment.now))
    if outage.ended is None and not moment.over:
        end = row(("◑ still out after ", "warn"), (lasted, "strong"))
    elif outage.ended is None:
        end = row((f"✗ out for {lasted} when the data ends", "bad"))
    elif not after:
        end = row((f"■ closed after {lasted}", "bad"))
    else:
        where = "the same server" if outage.after == outage.before else after
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
    on = f", to {servers:,} {'server' if servers == 1 else 'servers'}" if servers else ""
    return f"{outage.dials:,}{on}"


def _cost(outage: OutageRecord, moment: Moment) -> list[Fact]:
    """What became of the messages: the figures, and what there is to know of them."""
    cost: Fact = ("cost", outage_cost(outage, moment), "bad" if costly(outage) else "value")
    if not outage.settled:
        return [cost, ("", "" if moment.over else "losses are known once a later message is delivered", "label")]
    sent = "sent after the reconnect" if outage.after else "not sent"
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
    more = f" and {outage.lost - shown:,} more" if outage.lost > shown else ""
    return f"{'number' if outage.lost == 1 else 'numbers'} {', '.join(runs[:_RUNS_SHOWN])}{more}"
