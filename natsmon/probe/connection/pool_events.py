"""Tells of the server pool whenever something about one of its members changes."""

from collections.abc import Callable, Collection

from natsmon.probe.connection.server_pool import Pool
from natsmon.stream import events as ev


class Roster:
    """Watches a pool for those who cannot see it: what it is, who is left, who is about to go."""

    def __init__(self, pool: Pool, emit: Callable[[ev.AnyEvent], None], clock: Callable[[], float]) -> None:
        self._pool = pool
        self._emit = emit
        self._clock = clock
        self._lame: dict[str, str] = {}
        """By URL: the address it had."""
        self._told: list[ev.PoolMember] = []

    def lame_duck(self, server: str, address: str) -> None:
        self._lame[server] = address

    def well(self, server: str) -> None:
        """It takes connections, so it is a lame duck no more."""
        self._lame.pop(server, None)

    def named(self, addresses: Collection[str]) -> None:
        """Another server sends its clients to these; to a lame duck it would not, so whoever was one is back."""
        self._lame = {server: address for server, address in self._lame.items() if address not in addresses}

    def is_lame(self, server: str) -> bool:
        return server in self._lame

    def tell(self) -> None:
        """The pool as it is, unless that has been told. Its order is the same whoever is next."""
        limit = self._pool.limit
        members = [
            ev.PoolMember(
                server=member.server.url,
                discovered=member.discovered,
                failures=member.failures,
                left=None if limit is None else max(0, limit - member.failures),
                lame_duck=member.server.url in self._lame,
            )
            for member in sorted(self._pool.members, key=lambda member: (member.discovered, member.server))
        ]
        if members != self._told:
            self._told = members
            self._emit(ev.Pool(t=self._clock(), members=members))
