"""The panel of the server pool: where the next dial may go."""

from natsmon.charts.cells import Piece, Role, Row, fit, left, row, shorten
from natsmon.state import State
from natsmon.state.server_names import address
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
            line for member, line in zip(moment.state.pool.values(), drawn[1:], strict=True) if _mark(member, moment)[2]
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
    limited = any(member.attempts_left is not None for member in members)
    longest = max(len(address(member.server)) for member in members)
    server = max(10, min(max(longest, 16), width - 2 - 2 - _FAILED - (_LEFT if limited else 0) - _STATE))
    header = f"  {left('server', server)}  {'failed':>6}  {'attempts left  ' if limited else ''}now"
    lines = (_line(member, moment, server, width, limited=limited) for member in members)
    return [fit(row((header, "dim")), width), *lines]


def _line(member: ev.PoolMember, moment: Moment, server: int, width: int, *, limited: bool) -> Row:
    glyph, role, word = _mark(member, moment)
    spent = member.attempts_left == 0
    parts: list[Piece] = [
        (f"{glyph} ", role),
        (left(shorten(address(member.server), server), server) + "  ", "strong" if glyph in "●◐▸" else "value"),
        (figures.count(member.failures, 6) + "  ", "warn" if member.failures else "label"),
    ]
    if limited:
        parts.append((figures.count(member.attempts_left, _LEFT - 2) + "  ", "bad" if spent else "label"))
    words = [word, "discovered" if member.discovered else ""]
    parts.append((", ".join(filter(None, words)), role if word else "label"))
    return fit(row(*parts), width)


def _mark(member: ev.PoolMember, moment: Moment) -> tuple[str, Role, str]:
    """How this server is used now: a shape and a word."""
    state = moment.state
    server = address(member.server)
    if not moment.over:
        if state.connected is not None and state.status in ("CONNECTED", "DRAINING"):
            if server == address(state.connected.server):
                leaving = member.lame_duck or bool(state.lame_duck)
                return ("!", "warn", "connected, lame duck") if leaving else ("●", "good", "connected")
        elif state.dial is not None and server == address(state.dial.server):
            return "◐", "warn", "dialing"
        elif state.waiting is not None and server == address(state.waiting.server):
            return "▸", "warn", "next"
    if member.lame_duck:
        return "!", "warn", "lame duck"
    return " ", "label", ""
