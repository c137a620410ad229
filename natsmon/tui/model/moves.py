"""Moves from one server to the next, and the time on each server."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from natsmon.state import ConnectedPeriod, OutageRecord, State
from natsmon.state.server_names import address
from natsmon.stream.events import PoolMember


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
    """The address of every server in the pool or once connected to, in an order that stays."""
    return sorted(dict.fromkeys([*pool_by_address(state), *stays(state)]), key=_in_order)


def _in_order(server: str) -> list[tuple[int, str]]:
    """east-2 before east-10."""
    return [
        (int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part) for part in re.split(r"(\d+)", server)
    ]
