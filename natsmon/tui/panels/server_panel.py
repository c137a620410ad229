"""The panel of the server pool: where the next dial may go."""

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Role, Row, fit, left, row, shorten, width_of
from natsmon.state import State
from natsmon.state.server_names import ServerNames, address
from natsmon.stream import events as ev
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment

SOON = 86_400
"""Seconds before credentials end from which on it is a warning."""
_FAILED = 6 + 2
_LEFT = 13 + 2
_STATE = 20


def tick(moment: Moment) -> object:
    """Times to an expiry are shown by the minute."""
    return moment.stream, int(moment.state.wall(moment.now) / 60)


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """The pool; without room for all of it, the servers in use first."""
    if height <= 1 or not moment.state.pool.values():
        return [_summary(moment, width)][:height]
    drawn = table(moment, width)
    if len(drawn) > height:
        here = [
            line
            for member, line in zip(moment.state.pool.values(), drawn[1:], strict=True)
            if standing(member.server, member, moment)[2]
        ]
        others = [line for line in drawn[1:] if line not in here]
        more = len(drawn) - height + 1
        kept = [*here, *others][: height - 2]
        return [drawn[0], *kept, fit(row((f"  and {more:,} more · s shows all", "label")), width)]
    return drawn


def named(server: ev.Connected) -> str:
    """A server's name; its address where it has none."""
    nameless = server.server_name in ("", server.server_id)
    return address(server.server) if nameless else server.server_name


def good_until(state: State) -> float:
    """When the credentials in use end, seconds since the epoch; 0 when they do not, or that is not known."""
    if state.identity is not None and state.identity.expires:
        return state.identity.expires
    dial = next((dial for dial in reversed(state.dials) if dial.outcome == "connected"), None)
    return dial.connect.expires if dial is not None and dial.connect is not None else 0.0


def worry(seconds_left: float) -> Role:
    """How credentials are shown that end in so many seconds."""
    return "bad" if seconds_left < 0 else "warn" if seconds_left < SOON else "value"


def _summary(moment: Moment, width: int) -> Row:
    pool = moment.state.pool.values()
    if not pool:
        return fit(row(("not known yet", "label")), width)
    failing = sum(1 for member in pool if member.failures)
    found = sum(1 for member in pool if member.discovered)
    parts: list[Piece] = [(f"{len(pool):,} in the pool", "value")]
    parts += [(f", {found:,} discovered", "label")] if found else []
    parts += [(f", {failing:,} failing", "warn")] if failing else []
    return fit(row(*parts, (" · s shows them", "label")), width)


def table(moment: Moment, width: int) -> list[Row]:
    """A header, and a line for each server of the pool; attempts left where there is a limit."""
    members = moment.state.pool.values()
    names = ServerNames(moment.state)
    limited = any(member.attempts_left is not None for member in members)
    longest = max(cell_len(names.name(member.server)) for member in members)
    name = max(10, min(max(longest, 16), width - 2 - 2 - _FAILED - (_LEFT if limited else 0) - _STATE))
    header = f"  {left('server', name)}  {'failed':>6}  {'attempts left  ' if limited else ''}now"
    lines = (_line(member, moment, names, name, width, limited=limited) for member in members)
    return [fit(row((header, "dim")), width), *lines]


def _line(member: ev.PoolMember, moment: Moment, names: ServerNames, size: int, width: int, *, limited: bool) -> Row:
    """Name, failed dials, how it is used now; its address where there is room."""
    glyph, role, word = standing(member.server, member, moment)
    name, at = names.name(member.server), address(member.server)
    spent = member.attempts_left == 0
    parts: list[Piece] = [
        (f"{glyph} ", role),
        (left(shorten(name, size), size) + "  ", "strong" if glyph in "●◐◌" else "value"),
        (figures.count(member.failures, 6) + "  ", "warn" if member.failures else "label"),
    ]
    if limited:
        parts.append((figures.count(member.attempts_left, _LEFT - 2) + "  ", "bad" if spent else "label"))
    words = ", ".join(filter(None, [word, "discovered" if member.discovered else ""]))
    parts.append((words, role if word else "label"))
    if name != at and width_of(tuple(parts)) + cell_len(at) + 2 <= width:
        parts += [(" " * max(2, _STATE - cell_len(words)), "label"), (at, "label")]
    return fit(row(*parts), width)


def standing(server: str, member: ev.PoolMember | None, moment: Moment) -> tuple[str, Role, str]:
    """How a server is used now: a shape and words; no words for one that only waits in the pool.

    Args:
        server: Its URL or address.
        member: Its entry in the pool; None for a server that is no longer in it.
        moment: The present.
    """
    state, here = moment.state, address(server)
    leaving = member is not None and member.lame_duck
    if not moment.over:
        if (period := state.period) is not None and address(period.server) == here:
            gone = leaving or bool(state.lame_duck)
            return ("!", "warn", "connected, lame duck") if gone else ("●", "good", "connected")
        if state.dial is not None and address(state.dial.server) == here:
            return "◐", "warn", "dialing"
        if state.waiting is not None and address(state.waiting.server) == here:
            return "◌", "warn", "next"
    if leaving:
        return "!", "warn", "lame duck"
    return (" ", "label", "") if member is not None else ("–", "dim", "gone")
