"""Moves from one server to the next, and the time on each server."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from natsmon.state import ConnectedPeriod, OutageRecord, State
from natsmon.state.server_names import address
from natsmon.stream.events import PoolMember


class Move(NamedTuple):
    """One outage, with the connection it ended and the one that ended it, as far as these are still known."""

    outage: OutageRecord
    left: ConnectedPeriod | None
    reached: ConnectedPeriod | None

    @property
    def notice(self) -> float | None:
        """When the server that was left announced its shutdown."""
        return self.left.lame_duck if self.left is not None else None


def moves(state: State) -> Iterator[Move]:
    """Newest first."""
    connections = list(state.periods)
    begun = [connection.began for connection in connections]
    for outage in reversed(state.outages):
        place = bisect_left(begun, outage.began)
        left = connections[place - 1] if place and connections[place - 1].ended is not None else None
        reached = connections[place] if place < len(connections) and outage.after else None
        yield Move(outage, left, reached)


def move_of(outage: OutageRecord, state: State) -> Move:
    return next((move for move in moves(state) if move.outage is outage), Move(outage, None, None))


def stays(state: State) -> dict[str, list[ConnectedPeriod]]:
    """By address, every time a server was connected to, oldest first."""
    known: dict[str, list[ConnectedPeriod]] = {}
    for connection in state.periods:
        known.setdefault(address(connection.server), []).append(connection)
    return known


def pool_by_address(state: State) -> dict[str, PoolMember]:
    """The servers of the pool."""
    return {address(member.server): member for member in state.pool.values()}


def servers(state: State) -> list[str]:
    """The address of every server in the pool or once connected to, in an order that stays."""
    return sorted(dict.fromkeys([*pool_by_address(state), *stays(state)]), key=_in_order)


def _in_order(server: str) -> list[tuple[int, str]]:
    """east-2 before east-10."""
    return [
        (int(part), "") if part.isdecimal() and len(part) < 10 else (-1, part) for part in re.split(r"(\d+)", server)
    ]
