"""The panel of the server pool: where the next dial may go."""

from collections.abc import Callable
from typing import TypeVar

from rich.cells import cell_len

from natsmon.charts.cells import Piece, Role, Row, fit, row
from natsmon.charts.columns import Column, header, line, room, shortened, text, widest
from natsmon.state import State
from natsmon.state.server_names import ServerNames, address
from natsmon.stream import events as ev
from natsmon.text import dates
from natsmon.tui.model import figures
from natsmon.tui.model.moment import Moment

T = TypeVar("T")
SOON = 86_400
"""Seconds before credentials end from which on it is a warning."""
_FAILED = 6
_LEFT = 13
_STATE = 32


def tick(moment: Moment) -> object:
    """Times to an expiry are shown by the minute."""
    return moment.stream, int(moment.state.wall(moment.now) / 60)


def rows(moment: Moment, width: int, height: int) -> list[Row]:
    """The pool; without room for all of it, the servers in use first."""
    if height <= 1 or not moment.state.pool.values():
        return [_summary(moment, width)][:height]
    drawn, omitted = table(moment, width), moment.state.pool_omitted
    if len(drawn) <= height:
        return drawn
    lines = drawn[1:-1] if omitted else drawn[1:]
    members = zip(moment.state.pool.values(), lines, strict=True)
    here = [line for member, line in members if standing(member.server, member, moment)[2]]
    shown = [*here, *(line for line in lines if line not in here)][: height - 2]
    more = f"  and {len(lines) - len(shown) + omitted:,} more"
    more += f", {omitted:,} of them not kept · s shows the others" if omitted else " · s shows all"
    return [drawn[0], *shown, fit(row((more, "label")), width)]


def good_until(state: State) -> float:
    """When the credentials in use end, seconds since the epoch; 0 when they do not, or that is not known."""
    if state.identity is not None and state.identity.expires:
        return state.identity.expires
    dial = next((dial for dial in reversed(state.dials) if dial.outcome == "connected"), None)
    return dial.connect.expires if dial is not None and dial.connect is not None else 0.0


def worry(seconds_left: float) -> Role:
    """How credentials are shown that end in so many seconds."""
    return "bad" if seconds_left < 0 else "warn" if seconds_left < SOON else "value"


def validity(expires: float, now: float) -> list[tuple[str, str, Role]]:
    """Until when credentials are valid, as a fact of a page; both times since the epoch, 0 for an unknown end."""
    if not expires:
        return []
    left_over = expires - now
    return [("valid until", f"{dates.stamp(expires)} ({figures.until(left_over)})", worry(left_over))]


def _summary(moment: Moment, width: int) -> Row:
    pool = moment.state.pool.values()
    if not pool:
        return fit(row(("not known yet", "label")), width)
    failing = sum(1 for member in pool if member.failures)
    found = sum(1 for member in pool if member.discovered)
    parts: list[Piece] = [(f"{len(pool) + moment.state.pool_omitted:,} in the pool", "value")]
    parts += [(f", {found:,} discovered", "label")] if found else []
    parts += [(f", {failing:,} failing", "warn")] if failing else []
    return fit(row(*parts, (" · s shows them", "label")), width)


def table(moment: Moment, width: int) -> list[Row]:
    """A header, a line for each server of the pool, and how many more it has; attempts left where there is a limit."""
    members = moment.state.pool.values()
    names = ServerNames(moment.state)
    limited = any(member.attempts_left is not None for member in members)

    def called(member: ev.PoolMember) -> Row:
        in_use = standing(member.server, member, moment)[0] in "●◐◌"
        return shortened(names.name(member.server), size, "strong" if in_use else "value")

    def left_over(member: ev.PoolMember) -> Row:
        return text(figures.count(member.attempts_left, _LEFT), "bad" if member.attempts_left == 0 else "label")

    def words(member: ev.PoolMember) -> str:
        word = standing(member.server, member, moment)[2]
        return ", ".join(filter(None, [word, "discovered" if member.discovered else ""]))

    now = widest(map(words, members), 9, _STATE)
    size = width - 2 - (_FAILED + 2) - (_LEFT + 2 if limited else 0) - now - 2
    size = widest((names.name(member.server) for member in members), 10, max(10, size))
    columns: list[Column[ev.PoolMember]] = [Column("server", size, called), failed(lambda member: member.failures)]
    if limited:
        columns.append(Column("attempts left", _LEFT, left_over))
    columns.append(Column("now", now, lambda m: text(words(m), standing(m.server, m, moment)[1])))
    columns += addresses(columns, width - 2, [member.server for member in members], names, lambda m: m.server)
    drawn = [header(columns, width, "  ")]
    for member in members:
        mark, role, _ = standing(member.server, member, moment)
        drawn.append(line(columns, member, width, row((f"{mark} ", role))))
    if omitted := moment.state.pool_omitted:
        drawn.append(fit(row((f"  and {omitted:,} more, not kept", "label")), width))
    return drawn


def failed(failures: Callable[[T], int | None]) -> Column[T]:
    """The column of dials that failed."""

    def cell(record: T) -> Row:
        count = failures(record)
        return text(figures.count(count, _FAILED), "warn" if count else "label")

    return Column("failed", _FAILED, cell, right=True)


def addresses(
    columns: list[Column[T]], width: int, listed: list[str], names: ServerNames, server: Callable[[T], str]
) -> list[Column[T]]:
    """The column of the addresses of servers that have a name; none without room for them."""
    named = [address(each) for each in listed if names.name(each) != address(each)]
    longest = max(map(cell_len, named), default=0)
    if not longest or longest > room(columns, width):
        return []

    def cell(record: T) -> Row:
        at = address(server(record))
        return text(at if names.name(at) != at else "", "label")

    return [Column("", longest, cell)]


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
