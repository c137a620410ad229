"""Emits the changes of the server pool: members that are new, different or gone, and lame ducks."""

from collections.abc import Collection

from natsmon.probe.connection.server_pool import Member, Pool
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

CHANGES_EMITTED = 64
"""Members in one event; a longer list of changes is several events."""


class PoolEvents:
    """Compares the members that may have changed with what was emitted of them."""

    def __init__(self, pool: Pool, emit: Emit) -> None:
        self._pool = pool
        self._emit = emit
        self.lame: dict[str, str] = {}
        """Lame ducks by URL, with the address each had."""
        self._emitted: dict[str, ev.PoolMember] = {}

    def advertised(self, addresses: Collection[str]) -> None:
        """Another server advertises these, so that none of them is a lame duck any more."""
        self.lame = {server: address for server, address in self.lame.items() if address not in addresses}

    def member_changed(self, url: str) -> None:
        """Emit one member, if it is different: the cost of a failed dial does not grow with the pool."""
        member = self._pool.member(url)
        if member is not None:
            self._emit_changes([self._as_event(member)], [])

    def pool_changed(self) -> None:
        """Emit every member that is new, different or gone."""
        members = sorted(self._pool.members, key=lambda member: (member.discovered, member.server))
        present = {member.server.url for member in members}
        removed = [url for url in self._emitted if url not in present]
        self._emit_changes([self._as_event(member) for member in members], removed)

    def _emit_changes(self, members: list[ev.PoolMember], removed: list[str]) -> None:
        changed = [member for member in members if self._emitted.get(member.server) != member]
        for url in removed:
            del self._emitted[url]
        for member in changed:
            self._emitted[member.server] = member
        while changed or removed:
            piece = changed[:CHANGES_EMITTED], removed[:CHANGES_EMITTED]
            self._emit(ev.Pool(changed=piece[0], removed=piece[1], size=self._pool.size))
            changed, removed = changed[CHANGES_EMITTED:], removed[CHANGES_EMITTED:]

    def _as_event(self, member: Member) -> ev.PoolMember:
        limit = self._pool.limit
        return ev.PoolMember(
            server=member.server.url,
            discovered=member.discovered,
            failures=member.failures,
            attempts_left=None if limit is None else max(0, limit - member.failures),
            lame_duck=member.server.url in self.lame,
        )
