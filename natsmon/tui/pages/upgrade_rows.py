"""A rolling upgrade seen from one client: from server to server, with the notices, and the time on each."""

from collections.abc import Callable
from itertools import groupby

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Row, fit, fold, left, row
from natsmon.charts.columns import Column, header, line, room, shortened, text, widest
from natsmon.state.server_names import ServerNames, address
from natsmon.text import units
from natsmon.text.plain_text import printable
from natsmon.tui.model import figures
from natsmon.tui.model.cause_words import cause_words, losses
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages.server_lanes import FEW, MARKS, Move, lanes, moves, pool_by_address, servers, stays, window_of
from natsmon.tui.panels.server_panel import server_lines, standing
from natsmon.tui.widgets.prose import heading

_MOVES_SHOWN = 20
_NAME = 24
_WITH_WORDS = 100
"""Cells from which on the steps of a move have their whole names."""
_WIDEST = 160
"""Cells beyond which a table is only harder to read."""


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
        others += state.pool_omitted
        further = f"{units.plural(others, 'other server')} in the pool" if others else "no other server"
        return [f"lame duck notice of {here} {_at(connection.lame_duck, moment)}", f"{sent}; {further}"]
    move = next(moves(state), None)
    if move is None:
        return ["no move yet: still on the first server" if state.ever_connected else "never connected"]
    phrases, outage = _steps(move, moment), move.outage
    if outage.ended is not None and outage.settled:
        phrases[-1] += f"; {losses(outage)}" + (f", {outage.rejected:,} rejected" if outage.rejected else "")
    return phrases


def _packed(phrases: list[str], width: int) -> list[str]:
    """Arrows between them, and no step torn apart that fits on a line."""
    lines: list[str] = []
    for step in phrases:
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
    before = known.before(outage)
    if move.notice is not None:
        phrases = [f"lame duck notice of {before} {_at(move.notice, moment)}"]
        phrases.append(f"disconnected +{units.elapsed(outage.began - move.notice)}")
    else:
        how = "left" if outage.cause == "manual" else "lost"
        phrases = [f"{how} {before} {_at(outage.began, moment)} ({cause_words(outage.known_cause)})"]
    if outage.ended is None:
        return [*phrases, f"not connected for {units.elapsed(outage.downtime(moment.now))} so far"]
    if not outage.after:
        return [*phrases, f"closed +{units.elapsed(outage.downtime(moment.now))}"]
    phrases.append(f"{known.after(outage)} +{units.elapsed(outage.downtime(moment.now))}")
    reached = outage.ended
    for name, at in (("resubscribed", outage.subscribed), ("first echo", outage.first_echo)):
        if at is not None:
            phrases.append(f"{name} +{units.elapsed(at - reached)}")
            reached = at
    return phrases


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
    for server, lane in lanes(listed[:FEW], moment, scale):
        mark, role, _ = standing(server, pool.get(server), moment)
        start = row((f"{mark} ", role), (left(known.name(server), name) + "  ", "value"))
        drawn.append(fit(start + lane, width))
    if (more := len(listed) + moment.state.pool_omitted - FEW) > 0:
        drawn.append(fit(row((f"  and {units.plural(more, 'server')} more", "label")), width))
    drawn.append(fit(row((" " * (name + 4), "dim"), *_legend(scale)), width))
    return drawn


def _legend(width: int) -> list[Piece]:
    parts: list[Piece] = []
    room = width
    for word, (glyph, role) in MARKS.items():
        if (room := room - len(word) - 4) < 0:
            break
        parts += [(glyph, role), (f" {word}  ", "label")]
    return parts


def _servers(moment: Moment, width: int) -> list[Row]:
    """The servers of the pool, and those connected to earlier; time on each of the connections that are kept."""
    state, now = moment.state, moment.now
    outrun = len(state.periods) == state.periods.maxlen
    since = state.periods[0].began if outrun else 0.0
    known = ServerNames(state)
    listed, pool = servers(state), pool_by_address(state)
    if not listed:
        return [*heading("servers", width), fit(row(("  none known yet", "label")), width)]
    on = stays(state)
    spent = {server: sum(stay.seconds(now) for stay in there) for server, there in on.items()}
    uses = {server: standing(server, pool.get(server), moment) for server in listed}
    words = {server: use[2] or "in the pool" for server, use in uses.items()}

    def share(server: str) -> float | None:
        return spent[server] / (now - since) if server in spent and now > since else None

    def used(server: str) -> Row:
        role = uses[server][1]
        return text(words[server], role if role != "dim" else "label")

    size = widest(map(known.name, listed), 6, min(2 * _NAME, max(6, width - 50)))
    columns: list[Column[str]] = [
        Column("server", size, lambda server: shortened(known.name(server), size)),
        Column("times", 5, lambda server: text(figures.count(len(on.get(server, ())) or None, 5)), right=True),
        Column("time", 8, lambda server: text(figures.span(spent.get(server))), right=True),
        Column("of time" if outrun else "of run", 8, lambda server: text(figures.percent(share(server))), right=True),
        Column("now", widest(words.values(), 9, 20), used),
    ]
    ran = {
        server: " → ".join([each for each, _ in groupby(stay.version for stay in there)][-2:])
        for server, there in on.items()
    }
    version: Column[str] = Column(
        "version", widest(ran.values(), 7, 20), lambda server: text(ran.get(server) or "–", "value")
    )
    if room(columns, width - 2) >= version.size:
        columns.insert(1, version)
    title = f"servers, in the last {units.plural(len(state.periods), 'connection')}" if outrun else "servers"
    return heading(title, width) + server_lines(columns, listed, uses, known, width, omitted=state.pool_omitted)


def _moves(moment: Moment, width: int) -> list[Row]:
    """Newest first, a line each; every time is since the step before."""
    state = moment.state
    if not state.outages:
        return []
    known = ServerNames(state)
    listed = [move for move, _ in zip(moves(state), range(_MOVES_SHOWN), strict=False)]
    both = [name(move.outage) for move in listed for name in (known.before, known.after)]
    resubscribed, echo = ("resubscribed", "first echo") if width >= _WITH_WORDS else ("resubscr", "echo")
    steps = sum(max(8, len(name)) + 2 for name in ("notice", "downtime", resubscribed, echo))
    size = widest(both, 4, min(_NAME, max(4, (min(width, _WIDEST) - 10 - steps - 5 - 4) // 2)))

    def step(called: str, shown: Callable[[Move], str]) -> Column[Move]:
        return Column(called, max(8, len(called)), lambda move: text(shown(move)), right=True)

    def lost(move: Move) -> Row:
        return text(figures.count(move.outage.lost_if_known, 5), "bad" if move.outage.lost else "value")

    columns: list[Column[Move]] = [
        Column("at", 8, lambda move: text(_at(move.outage.began, moment), "label")),
        Column("from", size, lambda move: shortened(known.before(move.outage), size)),
        Column("to", size, lambda move: shortened(known.after(move.outage) or "…", size)),
        step("notice", lambda move: figures.between(move.notice, move.outage.began)),
        step("downtime", lambda move: figures.span(move.outage.downtime(moment.now))),
        step(resubscribed, lambda move: figures.between(move.outage.ended, move.outage.subscribed)),
        step(echo, lambda move: figures.between(move.outage.subscribed or move.outage.ended, move.outage.first_echo)),
        Column("lost", 5, lost, right=True),
    ]
    title = "moves" if len(state.outages) <= _MOVES_SHOWN else f"the last {_MOVES_SHOWN} moves"
    return [*heading(title, width), header(columns, width), *(line(columns, move, width) for move in listed)]
