"""What servers report while connected, and what changes in the server pool: other servers, lame ducks, errors."""

from collections.abc import Collection
from functools import partial

from natsmon.probe.connection.server_pool import DISCOVERED_KEPT, Member, Pool, advertised
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.server_info import Info
from natsmon.stream import events as ev
from natsmon.stream.codec import bounded
from natsmon.stream.emitter import Emit

CHANGES_EMITTED = 64
"""Members in one event; a longer list of changes is several events."""
_ERRORS_EMITTED = 100
"""Different asynchronous errors of one connection."""


class ServerReports:
    """Applies each INFO to the server pool, and emits the members that have changed since they were emitted.

    Advertised servers join the pool with ``discover``.
    """

    def __init__(self, pool: Pool, emit: Emit, *, discover: bool) -> None:
        self._pool = pool
        self._emit = emit
        self._discovers = discover
        self.lame: dict[str, str] = {}
        """Lame ducks by URL, with the address each had."""
        self._emitted: dict[str, ev.PoolMember] = {}
        self._info: Info | None = None
        """The newest of this connection to a server."""
        self._errors: set[str] = set()
        """Emitted on this connection to a server."""

    # -- of a connection --------------------------------------------------------------------------

    def connected(self, connection: ServerConnection) -> None:
        """Take over the INFO of a new connection, and every later one."""
        self.lame.pop(connection.server.url, None)
        self._info = None
        self._errors.clear()
        self._on_info(connection, connection.info)
        connection.on_info = partial(self._on_info, connection)
        if connection.early_info is not None:
            connection.receive_info(connection.early_info)
        connection.on_error = self._on_error

    def _on_error(self, text: str) -> None:
        """Emit an asynchronous error the first time: a denied subject is refused message by message."""
        if text not in self._errors and len(self._errors) < _ERRORS_EMITTED:
            self._errors.add(text)
            self._emit(ev.AsyncError(text=text))

    def _on_info(self, connection: ServerConnection, info: Info) -> None:
        before, self._info = self._info, info
        account = info.remote_account, info.acc_is_sys, info.client_ip
        if account[0] and (before is None or account != (before.remote_account, before.acc_is_sys, before.client_ip)):
            self._emit(ev.Account(account=info.remote_account, system=info.acc_is_sys, client_ip=info.client_ip))
        url = connection.server.url
        lame = info.ldm and url not in self.lame
        if lame:
            self.lame[url] = connection.address
            self._emit(ev.LameDuck(server=url))
        if before is None or info.connect_urls != before.connect_urls:
            self._discover(connection, info.connect_urls)
        elif lame:
            self.member_changed(url)

    def _discover(self, connection: ServerConnection, urls: list[str]) -> None:
        """Take over the servers that INFO advertises; of too many the last ones."""
        server, address = connection.server, connection.address
        others = [each for each in advertised(urls[-DISCOVERED_KEPT:], server) if each.authority != address]
        self.advertised({other.authority for other in others})
        if urls and self._discovers:
            self._pool.omitted = max(0, len(urls) - DISCOVERED_KEPT)
            new = self._pool.discover(others or [server], server)
            if new:
                servers, omitted = bounded(each.url for each in new)
                self._emit(ev.Discovered(servers=servers, omitted=omitted + self._pool.omitted))
        self.pool_changed()

    # -- of the pool ------------------------------------------------------------------------------

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
