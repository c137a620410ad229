"""The server pool: which server is next, when a pass over it is complete, which servers have no attempts left.

The reconnect wait comes once per pass. Explicit servers are the user's; discovered ones were advertised in INFO
(ADR-40). Every operation costs the same however many servers the pool has, except the discovery of new ones.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass

from natsmon.config.server_urls import BadURL, parse_server
from natsmon.config.settings import Server

DISCOVERED_KEPT = 1_000
"""Advertised servers that are taken over; of more, the last ones in the list."""


@dataclass(slots=True, eq=False)
class Member:
    server: Server
    discovered: bool = False
    failures: int = 0
    """Failed attempts since it, or another server, last was CONNECTED."""
    passed: int = 0
    """The pass in which it was dialed last."""


class Pool:
    """Members in the order in which they are dialed; a member that was dialed goes to the end.

    Discovered servers that never were CONNECTED are dialed after all others.
    """

    def __init__(self, servers: Iterable[Server], *, randomize: bool, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._randomize = randomize
        given = [Member(server) for server in dict.fromkeys(servers)]
        if randomize:
            self._rng.shuffle(given)
        self._first = {member.server.url: member for member in given}
        """Given servers, and discovered ones that were CONNECTED once, by URL."""
        self._last: dict[str, Member] = {}
        """Discovered servers that never were: their addresses may be unreachable from here."""
        self.pool_pass = 1
        self.omitted = 0
        """Advertised servers that were not taken over."""
        self.limit: int | None = None
        """Failures that a server may have in this series of attempts; none for no limit."""

    @property
    def members(self) -> list[Member]:
        """Every member, in the order in which they are dialed."""
        return [*self._first.values(), *self._last.values()]

    @property
    def size(self) -> int:
        """Servers in the pool, with the advertised ones that were not taken over."""
        return len(self._first) + len(self._last) + self.omitted

    def member(self, url: str) -> Member | None:
        return self._first.get(url) or self._last.get(url)

    def begin(self, limit: int | None) -> None:
        """Begin a new series of attempts: pass 1, no failures; a server may have ``limit`` of them, None for any."""
        self.limit = limit
        for member in self.members:
            member.failures = member.passed = 0
        self.pool_pass = 1

    def _able(self, member: Member) -> bool:
        return self.limit is None or member.failures < self.limit

    @property
    def pass_complete(self) -> bool:
        """Whether every server that may be dialed has been, in this pass."""
        member = self._next()
        return member is None or member.passed >= self.pool_pass

    def _next(self) -> Member | None:
        """The first able member that was not dialed in this pass; else the first able one.

        Dialed ones are at the end, so that the member that waits longest is looked at first.
        """
        able = None
        for queue in (self._first, self._last):
            member = next((member for member in queue.values() if self._able(member)), None)
            if member is not None and member.passed < self.pool_pass:
                return member
            able = able or member
        return able

    def peek(self) -> Server | None:
        """The server that is dialed next, without taking its turn; None when no server has an attempt left."""
        member = self._next()
        return member.server if member is not None else None

    def take(self) -> Server | None:
        """The next server, which goes to the end; a new pass begins when the last one is complete."""
        member = self._next()
        if member is None:
            return None
        if member.passed >= self.pool_pass:
            self.pool_pass += 1
        member.passed = self.pool_pass
        self.to_end(member.server)
        return member.server

    def skip(self) -> None:
        """Pass over the next server, as if it had been dialed."""
        if sum(map(self._able, self.members)) > 1:
            self.take()

    def failed(self, server: Server) -> None:
        if (member := self.member(server.url)) is not None:
            member.failures += 1

    def connected(self, server: Server) -> None:
        """The server accepted us; it is dialed with the given ones from now on."""
        if (member := self._last.pop(server.url, None)) is not None:
            self._first[server.url] = member

    def to_end(self, server: Server) -> None:
        """Put a server last: it was dialed, or just lost."""
        for queue in (self._first, self._last):
            if (member := queue.pop(server.url, None)) is not None:
                queue[server.url] = member

    def discover(self, servers: Iterable[Server], current: Server) -> list[Server]:
        """Add the servers that INFO advertises; the new ones.

        Discovered servers that are no longer advertised leave the pool, except the one connected to, as in nats.go's
        ``processInfo``.
        """
        advertised = list(dict.fromkeys(servers))
        if not advertised:
            return []
        # By address: each server of a cluster may name the others differently.
        present = {server.authority for server in (*advertised, current)}
        self._first, self._last = (
            {url: each for url, each in queue.items() if not each.discovered or each.server.authority in present}
            for queue in (self._first, self._last)
        )
        known = {member.server.authority for member in self.members}
        new = [server for server in advertised if server.authority not in known]
        if self._randomize:
            self._rng.shuffle(new)
        self._last = {
            server.url: Member(server, discovered=True) for server in new
        } | self._last  # not dialed yet: next
        return new


def advertised(urls: Iterable[str], by: Server) -> list[Server]:
    """The servers of the ``connect_urls`` in one server's INFO; entries that are not addresses are left out.

    They are dialed as that server was; over WebSocket, a server advertises its cluster's WebSocket ports. A server
    given by address has its certificate checked for the name of the server that advertised it, as in nats.go.
    """
    name = by.tls_name or by.host
    found = []
    for url in urls:
        if "/" in url:
            continue
        if (address := _IPV4.fullmatch(url)) is not None and 0 < int(address[2]) < 65_536:  # most are
            server = Server(address[1], int(address[2]), by.scheme, name, by.path)
        else:
            try:
                parsed = parse_server(f"{by.scheme}://{url}")
            except BadURL:
                continue
            server = Server(parsed.host, parsed.port, by.scheme, name if ":" in parsed.host else "", by.path)
        found.append(server)
    return found


_OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IPV4 = re.compile(rf"({_OCTET}(?:\.{_OCTET}){{3}}):(\d{{1,5}})", re.ASCII)
