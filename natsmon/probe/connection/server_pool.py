"""The server pool: which server is next, when a round is over, who has no attempts left.

A *round* is one pass over the pool; the reconnect wait comes once per round. Explicit servers are the
user's, discovered ones were advertised in INFO (ADR-40).
"""

import ipaddress
import random
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from natsmon.config.server_urls import BadURL, parse_server
from natsmon.config.settings import Server


@dataclass(slots=True)
class Member:
    """One server of the pool, and the attempts it failed since it last was CONNECTED."""

    server: Server
    discovered: bool = False
    failures: int = 0


class Pool:
    """Members in the order in which they will be tried; whoever is tried goes to the end."""

    def __init__(self, servers: Iterable[Server], *, randomize: bool, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._randomize = randomize
        self.members = [Member(server) for server in dict.fromkeys(servers)]
        if randomize:
            self._rng.shuffle(self.members)
        self.round = 1
        self._tried: set[Server] = set()
        self._limit: int | None = None

    def begin(self, limit: int | None) -> None:
        """A new series of attempts: round 1, at most ``limit`` failures a server (none: no limit)."""
        self.round = 1
        self._tried.clear()
        self._limit = limit
        for member in self.members:
            member.failures = 0

    @property
    def limit(self) -> int | None:
        """How many failures a server may have in this series of attempts."""
        return self._limit

    @property
    def _able(self) -> list[Member]:
        return [m for m in self.members if self._limit is None or m.failures < self._limit]

    @property
    def exhausted(self) -> bool:
        """True when no server has an attempt left."""
        return not self._able

    @property
    def round_over(self) -> bool:
        """True when every server that may be tried has been, in this round."""
        return all(m.server in self._tried for m in self._able)

    def peek(self) -> Server | None:
        """The next server, without taking its turn."""
        able = self._able
        return next((m.server for m in able if m.server not in self._tried), able[0].server if able else None)

    def take(self) -> Server | None:
        """The next server takes its turn and goes to the end; a new round begins when the last one is over."""
        server = self.peek()
        if server is None:
            return None
        if server in self._tried:
            self.round += 1
            self._tried.clear()
        self._tried.add(server)
        self.to_end(server)
        return server

    def skip(self) -> None:
        """Pass over the next server, as if it had been tried."""
        server = self.peek()
        if server is not None and len(self._able) > 1:
            self.take()

    def failed(self, server: Server) -> None:
        for member in self.members:
            if member.server == server:
                member.failures += 1

    def to_end(self, server: Server) -> None:
        """Put a server last: it was just tried, or just lost."""
        last = [m for m in self.members if m.server == server]
        self.members = [m for m in self.members if m.server != server] + last

    def discover(self, servers: Iterable[Server], current: Server) -> list[Server]:
        """Take over what INFO advertises; the ones that are new.

        Discovered servers that are no longer advertised leave the pool, but for the one we are on, as in
        nats.go's ``processInfo``.
        """
        advertised = list(dict.fromkeys(servers))
        if not advertised:
            return []
        # By address: every server of a cluster may have the others checked for a name of its own.
        there = {server.authority for server in (*advertised, current)}
        self.members = [m for m in self.members if not m.discovered or m.server.authority in there]
        known = {m.server.authority for m in self.members}
        new = [server for server in advertised if server.authority not in known]
        if self._randomize:
            self._rng.shuffle(new)
        self.members += [Member(server, discovered=True) for server in new]
        return new


def advertised(urls: Iterable[str], by: Server) -> list[Server]:
    """The servers behind the ``connect_urls`` in one server's INFO; what is no address is left out.

    They are dialed as that one was; to those who came over WebSocket a server tells its cluster's ports for that.
    One that is an address has its certificate checked for the name we know the other by, as in nats.go.
    """
    name = by.tls_name or by.host
    found = []
    for url in urls:
        with suppress(BadURL):
            server = msgspec.structs.replace(parse_server(f"{by.scheme}://{url}"), path=by.path)
            found.append(msgspec.structs.replace(server, tls_name=name) if _is_address(server.host) else server)
    return found


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
