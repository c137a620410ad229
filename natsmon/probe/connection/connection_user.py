"""Interface of what uses a connection: messages, round trips, inquiries."""

from natsmon.config.settings import Server
from natsmon.probe.connection.dial_attempt import FailedDial
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev


class ConnectionUser:
    """What uses the connection; the connector calls it in step with the connection's life. This base does nothing."""

    def dialing(self, server: Server) -> None:
        """A dial begins."""

    def dial_failed(self, failed: FailedDial, *, lame_duck: bool) -> None:
        """A dial ended without a connection; a server of the pool may be in lame duck mode."""

    def connection_up(self, connection: ServerConnection, connected: ev.Connected) -> None:
        """CONNECTED: the connection may be used. Waits for nothing."""

    async def conclude(self, connection: ServerConnection) -> None:
        """DRAINING: last requests, within bounds, before the connection is closed."""

    def connection_down(self) -> None:
        """The connection has ended, or is dropped: it is not used any more."""

    def lost(self, loss: ev.Disconnected) -> None:
        """An outage or a manual reconnect begins, which has been emitted: account for what the connection carried."""

    def suspend(self) -> None:
        """DRAINING or CLOSED: publish nothing until it is dialed again."""

    def resume(self) -> None:
        """The initial connect begins, or a reconnect of what was CLOSED."""

    def closed(self, at: float) -> None:
        """CLOSED: no dial follows; account for what the last connection carried, if it was not lost."""
