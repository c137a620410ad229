"""A rolling upgrade seen from one client: from server to server, with the notices, and the time on each."""

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Row, fit, fold, left, row
from natsmon.state.server_names import ServerNames, address
from natsmon.text import units
from natsmon.text.plain_text import printable
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.moves import Move, moves, pool_by_address, servers, stays
from natsmon.tui.model.outage_words import outage_cause
from natsmon.tui.pages.server_lanes import MARKS, lanes, window_of
from natsmon.tui.panels.server_panel import standing
from natsmon.tui.widgets.prose import heading

_MOVES_SHOWN = 20
_NAME = 24
_WIDEST = 160
"""Cells beyond which a table is only harder to read."""


def tick(moment: Moment) -> object:
    """Tenths of a second while a server leaves, or there is none; else a second."""
    state = moment.state
    moving = (state.outage is not None or bool(state.lame_duck)) and not moment.over
    return int(moment.now * (10 if moving else 1)), moment.stream


def rows(moment: Moment, width: int) -> list[Row]:
    newest = [fit(row((line, "value")), width) for line in _packed(newest_move(moment), width)]
    return newest + _lanes(moment, width) + _servers(moment, width) + _moves(moment, width)


def newest_move(moment: Moment) -> list[str]:
    """The steps of the newest move, as far as it has come."""
    state = moment.state
    if state.lame_duck and (connection := state.period) is not None and connection.lame_duck is not None:
        since = units.elapsed(moment.now - connection.lame_duck)
        here = ServerNames(state).name(connection.server)
        sent = f"waiting to be disconnected, {since} so far"
        others = len({address(member.server) for member in state.pool.values()} - {address(connection.server)})
        further = (
            f"{others:,} other {'server' if others == 1 else 'servers'} in the pool" if others else "no other server"
        )
        return [f"lame duck notice of {here} {_at(connection.lame_duck, moment)}", f"{sent}; {further}"]
    move = next(moves(state), None)
    if move is None:
        return ["no move yet: still on the first server" if state.ever_connected else "never connected"]
    told = _steps(move, moment)
    return [*told[:-1], told[-1] + _price(move)]


def _packed(told: list[str], width: int) -> list[str]:
    """Arrows between them, and no step torn apart that fits on a line."""
    lines: list[str] = []
    for step in told:
        longer = f"{lines[-1]} → {step}" if lines else step
        if lines and cell_len(printable(longer)) > width:
            lines += fold(f"→ {step}", width)
        else:
            lines[-1:] = fold(longer, width)
    return lines


def _steps(move: Move, moment: Moment) -> list[str]:
    """Each with the time since the one before it."""
    known = ServerNames(moment.state)
    outage = move.outage
    before = known.name(outage.before)
    if move.notice is not None:
        told = [f"lame duck notice of {before} {_at(move.notice, moment)}"]
        told.append(f"disconnected +{units.elapsed(outage.began - move.notice)}")
    else:
        how = "left" if outage.cause == "manual" else "lost"
        told = [f"{how} {before} {_at(outage.began, moment)} ({outage_cause(outage)})"]
    if outage.ended is None:
        return [*told, f"not connected for {units.elapsed(outage.downtime(moment.now))} so far"]
    if not outage.after:
        return [*told, f"closed +{units.elapsed(outage.downtime(moment.now))}"]
    told.append(f"{known.name(outage.after)} +{units.elapsed(outage.downtime(moment.now))}")
    reached = outage.ended
    for name, at in (("resubscribed", outage.subscribed), ("first echo", outage.first_echo)):
        if at is not None:
            told.append(f"{name} +{units.elapsed(at - reached)}")
            reached = at
    return told


def _price(move: Move) -> str:
    outage = move.outage
    if outage.ended is None or not outage.settled:
        return ""
    lost = "losses not known" if outage.lost_if_known is None else f"{outage.lost:,} lost"
    return f"; {lost}" + (f", {outage.rejected:,} rejected" if outage.rejected else "")


def _at(t: float, moment: Moment) -> str:
    return figures.wall(moment.state.wall(t))


def _lanes(moment: Moment, width: int) -> list[Row]:
    """One line of time a server, beneath an axis of the times of day."""
    known = ServerNames(moment.state)
    listed, pool = servers(moment.state), pool_by_address(moment.state)
    name = min(_NAME, max([6, *(len(known.name(server)) for server in listed)]), max(6, width // 4))
    scale = max(0, width - name - 4)
    if scale < 10:
        return []
    window = window_of(moment)
    first, last = _at(moment.now - window, moment), _at(moment.now, moment)
    axis = f"{first} {'─' * max(0, scale - len(first) - len(last) - 2)} {last}"
    lasts = f"the last {units.brief(window)}" if window < 60 else f"the last {window / 60:.0f} min"
    drawn = heading(lasts, width)
    drawn.append(fit(row((" " * (name + 4), "dim"), (axis, "dim")), width))
    for server, lane in lanes(listed, moment, scale):
        mark, role, _ = standing(server, pool.get(server), moment)
        start = row((f"{mark} ", role), (left(known.name(server), name) + "  ", "value"))
        drawn.append(fit(start + lane, width))
    drawn.append(fit(row((" " * (name + 4), "dim"), *_legend(scale)), width))
    return drawn


def _legend(width: int) -> list[Piece]:
    parts: list[Piece] = []
    room = width
    for glyph, role, word in MARKS:
        if (room := room - len(word) - 4) < 0:
            break
        parts += [(glyph, role), (f" {word}  ", "label")]
    return parts


def _servers(moment: Moment, width: int) -> list[Row]:
    """The pool, and those left that are no more in it."""
    state, now = moment.state, moment.now
    known = ServerNames(state)
    listed, pool = servers(state), pool_by_address(state)
    if not listed:
        return [*heading("servers", width), fit(row(("  none known yet", "label")), width)]
    name = min(_NAME * 2, max([6, *(len(known.name(server)) for server in listed)]), max(6, width - 46))
    header = f"  {'server':<{name}}  {'times':>5}  {'time':>8}  {'of run':>8}  {'failed':>6}  now"
    drawn = [*heading("servers", width), fit(row((header, "dim")), width)]
    on = stays(state)
    for server in listed:
        there = on.get(server, [])
        seconds = sum(stay.seconds(now) for stay in there)
        member = pool.get(server)
        failures = member.failures if member is not None else None
        mark, role, word = standing(server, member, moment)
        drawn.append(
            fit(
                row(
                    (f"{mark} ", role),
                    (left(known.name(server), name) + "  ", "strong" if word.startswith("connected") else "value"),
                    (figures.count(len(there) or None, 5) + "  ", "value"),
                    (figures.span(seconds if there else None) + "  ", "value"),
                    (figures.percent(seconds / now if now > 0 and there else None) + "  ", "value"),
                    (figures.count(failures, 6) + "  ", "warn" if failures else "label"),
                    (word or "in the pool", role if role != "dim" else "label"),
                    (f"  {server}" if known.name(server) != server else "", "label"),
                ),
                width,
            )
        )
    return drawn


def _between(first: float | None, then: float | None) -> float | None:
    return max(0.0, then - first) if first is not None and then is not None else None


def _moves(moment: Moment, width: int) -> list[Row]:
    """Newest first, a line each; every time is since the step before."""
    state = moment.state
    if not state.outages:
        return []
    known = ServerNames(state)
    listed = [move for move, _ in zip(moves(state), range(_MOVES_SHOWN), strict=False)]
    both = [known.name(server) for move in listed for server in (move.outage.before, move.outage.after)]
    name = min(_NAME, max([4, *map(len, both)]), max(4, (min(width, _WIDEST) - 10 - 4 * 10 - 5 - 4) // 2))
    columns = f"{'notice':>8}  {'gap':>8}  {'resubscr':>8}  {'echo':>8}  {'lost':>5}"
    header = f"{'at':<8}  {left('from', name)}  {left('to', name)}  {columns}"
    title = "moves" if len(state.outages) <= _MOVES_SHOWN else f"the last {_MOVES_SHOWN} moves"
    drawn = [*heading(title, width), fit(row((header, "dim")), width)]
    for move in listed:
        outage = move.outage
        steps = [
            _between(move.notice, outage.began),
            outage.downtime(moment.now),
            _between(outage.ended, outage.subscribed),
            _between(outage.subscribed or outage.ended, outage.first_echo),
        ]
        spans = "".join(figures.span(step) + "  " for step in steps)
        drawn.append(
            fit(
                row(
                    (f"{_at(outage.began, moment):<8}  ", "label"),
                    (left(known.name(outage.before), name) + "  ", "value"),
                    (left(known.name(outage.after) or "…", name) + "  ", "value"),
                    (spans, "value"),
                    (figures.count(outage.lost_if_known, 5), "bad" if outage.lost else "value"),
                ),
                width,
            )
        )
    return drawn
