"""What a server reports while it is connected: a changed account, a coming shutdown, other servers, errors."""

from natsmon.probe.connection.pool_events import PoolEvents
from natsmon.probe.connection.server_pool import DISCOVERED_KEPT, Pool, advertised
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.server_info import Info
from natsmon.stream import events as ev
from natsmon.stream.codec import bounded
from natsmon.stream.emitter import Emit

_ERRORS_EMITTED = 100
"""Different asynchronous errors of one connection."""


class InfoChanges:
    """Takes over what each INFO of one connection changes, and emits its errors.

    Advertised servers join the pool with ``discover``.
    """

    def __init__(
        self, connection: ServerConnection, pool: Pool, pool_events: PoolEvents, emit: Emit, *, discover: bool
    ) -> None:
        self._connection = connection
        self._pool = pool
        self._pool_events = pool_events
        self._emit = emit
        self._discovers = discover
        self._info: Info | None = None
        self._errors: set[str] = set()
        self._receive(connection.info)
        connection.on_info = self._receive
        if connection.early_info is not None:
            connection.receive_info(connection.early_info)
        connection.on_error = self._on_error

    def _on_error(self, text: str) -> None:
        """Emit an asynchronous error the first time: a denied subject is refused message by message."""
        if text not in self._errors and len(self._errors) < _ERRORS_EMITTED:
            self._errors.add(text)
            self._emit(ev.AsyncError(text=text))

    def _receive(self, info: Info) -> None:
        before, self._info = self._info, info
        account = info.remote_account, info.acc_is_sys, info.client_ip
        if account[0] and (before is None or account != (before.remote_account, before.acc_is_sys, before.client_ip)):
            self._emit(ev.Account(account=info.remote_account, system=info.acc_is_sys, client_ip=info.client_ip))
        url = self._connection.server.url
        lame = info.ldm and url not in self._pool_events.lame
        if lame:
            self._pool_events.lame[url] = self._connection.address
            self._emit(ev.LameDuck(server=url))
        if before is None or info.connect_urls != before.connect_urls:
            self._discover(info.connect_urls)
        elif lame:
            self._pool_events.member_changed(url)

    def _discover(self, urls: list[str]) -> None:
        """Take over the servers that INFO advertises; of too many the last ones."""
        server, address = self._connection.server, self._connection.address
        others = [each for each in advertised(urls[-DISCOVERED_KEPT:], server) if each.authority != address]
        self._pool_events.advertised({other.authority for other in others})
        if urls and self._discovers:
            self._pool.omitted = max(0, len(urls) - DISCOVERED_KEPT)
            new = self._pool.discover(others or [server], server)
            if new:
                servers, omitted = bounded(each.url for each in new)
                self._emit(ev.Discovered(servers=servers, omitted=omitted + self._pool.omitted))
        self._pool_events.pool_changed()
