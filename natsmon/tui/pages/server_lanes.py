"""Moves from one server to the next, the time on each, and a line of time for each server."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from natsmon.charts.cells import Piece, Row, runs_of
from natsmon.state import ConnectedPeriod, Dial, OutageRecord, State
from natsmon.state.server_names import ServerNames, address
from natsmon.stream.events import PoolMember
from natsmon.tui.model.moment import Moment

_WINDOWS = (30.0, 60.0, 120.0, 180.0, 300.0, 600.0)
"""Seconds a picture may span; steps, so that its scale does not creep."""
FEW = 20
"""Servers that have a line of time each."""
_LEAD = 5.0
"""Seconds shown before the first notice."""

MARKS: dict[str, Piece] = {
    "on it": ("█", "good"),
    "notice": ("!", "warn"),
    "lame duck": ("▓", "warn"),
    "lost": ("┤", "bad"),
    "silent": ("▃", "warn"),
    "dial failed": ("✗", "bad"),
    "dialing": ("░", "warn"),
}


def window_of(moment: Moment) -> float:
    """Seconds to show: ten minutes, or since the first notice in them, or the run, whichever is the shortest."""
    state, now = moment.state, moment.now
    notices = [c.lame_duck for c in state.periods if c.lame_duck is not None and c.lame_duck > now - _WINDOWS[-1]]
    wanted = min(now, now - min(notices) + _LEAD) if notices else now
    return next((window for window in _WINDOWS if window >= wanted), _WINDOWS[-1])


def lanes(listed: list[str], moment: Moment, width: int) -> Iterator[tuple[str, Row]]:
    """Each server with its line. Cells lie at fixed times, as in the line of the last ten minutes."""
    window = window_of(moment)
    known = stays(moment.state)
    dials: dict[str, list[Dial]] = {}
    for dial in moment.state.dials:
        if dial.outcome != "connected":
            dials.setdefault(address(dial.server), []).append(dial)
    silences = list(moment.state.silences(moment.now))
    for server in listed:
        there = [stay for stay in known.get(server, []) if stay.ended is None or stay.ended >= moment.now - window]
        yield server, _lane(dials.get(server, []), there, silences, moment.now, window / width, width)


def _lane(
    dials: list[Dial],
    there: list[ConnectedPeriod],
    silences: list[tuple[float, float]],
    now: float,
    cell: float,
    width: int,
) -> Row:
    """What lasts is drawn before what lasts no time and must not be hidden by it; ``cell`` is its seconds."""
    oldest = int(now / cell) - width + 1
    # Nothing is drawn before the session began.
    cells: list[Piece] = [("·" if oldest + n >= 0 else " ", "dim") for n in range(width)]

    def place(at: float) -> int:
        """The cell of a time; what a stream claims to be later than now is beyond the last."""
        return int(min(max(0.0, at), now + cell) / cell) - oldest

    def fill(word: str, began: float, until: float) -> None:
        for n in range(max(0, place(began)), min(width - 1, place(until)) + 1):
            cells[n] = MARKS[word]

    for dial in dials:
        until = dial.began + dial.elapsed(now)
        fill("dialing", dial.began, until)
        if dial.failed:
            fill("dial failed", until, until)
    for stay in there:
        until = now if stay.ended is None else stay.ended
        fill("on it", stay.began, until)
        if stay.lame_duck is not None:
            fill("lame duck", stay.lame_duck, until)
    for began, until in silences:
        if any(stay.began <= began <= (now if stay.ended is None else stay.ended) for stay in there):
            fill("silent", began, until)
    for stay in there:
        if stay.lame_duck is not None:
            fill("notice", stay.lame_duck, stay.lame_duck)
        if stay.ended is not None and stay.cause:
            fill("lost", stay.ended, stay.ended)
    return runs_of(cells)


class Move(NamedTuple):
    """One outage, and when the server that was left had announced its shutdown."""

    outage: OutageRecord
    notice: float | None


def moves(state: State) -> Iterator[Move]:
    """Newest first; without a notice where the connection that was lost is no longer known."""
    periods = list(state.periods)
    begun = [period.began for period in periods]
    for outage in reversed(state.outages):
        place = bisect_left(begun, outage.began)
        left = periods[place - 1] if place else None
        yield Move(outage, left.lame_duck if left is not None and left.ended is not None else None)


def stays(state: State) -> dict[str, list[ConnectedPeriod]]:
    """By address, every time a server was connected to, oldest first."""
    known: dict[str, list[ConnectedPeriod]] = {}
    for connection in state.periods:
        known.setdefault(address(connection.server), []).append(connection)
    return known


def pool_by_address(state: State) -> dict[str, PoolMember]:
    return {address(member.server): member for member in state.pool.values()}


def servers(state: State) -> list[str]:
    """The address of every server in the pool or dialed, by name; those that were dialed first."""
    dialed = {*stays(state), *(address(dial.server) for dial in state.dials)}
    known, names = {*pool_by_address(state), *dialed}, ServerNames(state)

    def place(server: str) -> tuple[bool, object, object]:
        return server not in dialed, _in_order(names.name(server)), _in_order(server)

    return sorted(known, key=place)


def _in_order(server: str) -> list[tuple[int, str]]:
    """east-2 before east-10."""
    return [
        (int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part) for part in re.split(r"(\d+)", server)
    ]
