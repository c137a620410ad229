"""One monitored connection: the connector and what uses its connection, in step with each other."""

from collections import deque
from collections.abc import Callable
from functools import partial

from natsmon.config import settings as settings_module
from natsmon.config.settings import Server, Settings
from natsmon.probe.connection.connection_user import ConnectionUser
from natsmon.probe.connection.connector import Connector
from natsmon.probe.connection.dial_attempt import FailedDial
from natsmon.probe.connection.liveness import IdleLimit, Keepalive, RoundTrips, Silence
from natsmon.probe.inquiry.monitoring_port import MonitoringPort
from natsmon.probe.inquiry.second_look import SecondLook
from natsmon.probe.inquiry.server_answers import Inquiry, Lost
from natsmon.probe.jetstream.ack_verifier import AckVerifier
from natsmon.probe.messages.deliveries import Deliveries
from natsmon.probe.messages.message import Message
from natsmon.probe.messages.observer import Observer
from natsmon.probe.messages.publisher import Publisher
from natsmon.probe.messages.verifier import EchoVerifier, Verifier
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit
from natsmon.stream.exit_codes import Exit

_REFUSALS_KEPT = 8


class MonitoredConnection(ConnectionUser):
    """Owns the components of one connection; ``conn`` numbers it in its session."""

    def __init__(self, settings: Settings, session: str, emit: Emit) -> None:
        self.conn = emit.conn
        self._settings = settings
        self._emit = emit
        self._connection: ServerConnection | None = None
        """The newest."""
        self._connected: ev.Connected | None = None
        self._refused: deque[FailedDial] = deque(maxlen=_REFUSALS_KEPT)
        """Dials refused since the last connection."""
        self._idle_limit = IdleLimit(emit)
        self._lost: Lost | None = None
        self.deliveries = Deliveries(settings, emit)
        self.verifier = self._choose_verifier(f"{session}.{emit.conn}")
        self._publisher = Publisher(settings, self.verifier, self.deliveries, emit)
        self._watchers: list[Keepalive | Silence | RoundTrips] = []
        monitor = MonitoringPort(settings, emit)
        self._second_look = SecondLook(settings, emit, monitor)
        self._inquiry = Inquiry(settings, emit, monitor)
        self.connector = Connector(settings, self, emit)
        self.published = self._publisher.done
        """Set when ``--count`` messages have been published or rejected, and at the end."""
        self._stay = True
        self._forbidden = False
        """The server refused the subscription of ``--observe``."""
        order = self.connector.orders.give
        self._acts: dict[type[commands.Command], Callable[[], None]] = {
            commands.Cancel: partial(order, "cancel"),
            commands.Reconnect: partial(order, "reconnect"),
            commands.NextServer: partial(order, "next"),
            commands.Drain: partial(order, "drain"),
            commands.Close: self.close,
            commands.Pause: self._publisher.pause,
            commands.Resume: self._publisher.unpause,
        }

    def _choose_verifier(self, session: str) -> Verifier:
        settings = self._settings
        if settings.observe:
            observer = Observer(settings, session, self.deliveries, self._emit)
            observer.on_forbidden = self._on_forbidden
            return observer
        if settings.jetstream:
            return AckVerifier(settings, session, self.deliveries, self._emit)
        if settings.echo:
            return EchoVerifier(settings, session, self.deliveries)
        return Verifier(Message(settings, session), self.deliveries)

    def _on_forbidden(self) -> None:
        self._forbidden = True
        if not self._stay:
            self.close()

    # -- called by the connector ------------------------------------------------------------------

    def dialing(self, server: Server) -> None:
        self.deliveries.costs.dialing(server.url)

    def dial_failed(self, failed: FailedDial, *, lame_duck: bool) -> None:
        if failed.end.cause.startswith("auth"):
            self._refused.append(failed)
        self._second_look.dial_failed(failed, lame_duck=lame_duck)

    def connection_up(self, connection: ServerConnection, connected: ev.Connected) -> None:
        self._connection, self._connected = connection, connected
        self._second_look.connected(connected.server)
        self.deliveries.costs.reconnected(connected.server, connected.t)
        connection.on_subscribed = lambda subject: self._emit(ev.Subscribed(subject=subject))
        settings, emit = self._settings, self._emit
        keepalive = Keepalive(connection, settings, emit)
        silence = Silence(connection, settings, lambda: self.deliveries.ledger.flying, emit)
        self.deliveries.connection_up(connection)
        self.verifier.connection_up(connection)  # subscribes before anything is published
        self._publisher.connection_up(connection)
        self._watchers = [keepalive, silence, RoundTrips(connection, settings.rtt_interval, emit)]
        lost, self._lost = self._lost, None
        self._inquiry.connection_up(connection, lost, list(self._refused))
        self._refused.clear()

    def connection_down(self) -> None:
        self._stop_watching()
        self._publisher.connection_down()
        self.verifier.connection_down()
        self.deliveries.connection_down()

    def lost(self, loss: ev.Disconnected) -> None:
        connection, connected = self._connection, self._connected
        assert connection is not None, "it was up before it was lost"
        assert connected is not None
        self.deliveries.lost(loss, loss.t if loss.manual else self._emit.stream_time(connection.last_read))
        self._idle_limit.lost(loss, loss.t - self._emit.stream_time(max(connection.last_read, connection.last_write)))
        if not loss.manual:
            self._lost = Lost(loss.outage, connected.cid, connected.server_id, connected.server)

    async def conclude(self, connection: ServerConnection) -> None:
        audit = await self.verifier.conclude(connection)
        if audit is not None:
            self.deliveries.emit_tally()
            self._emit(audit)

    def suspend(self) -> None:
        self._publisher.suspend()

    def resume(self) -> None:
        self._publisher.resume()

    def closed(self, at: float) -> None:
        self.deliveries.closed(at)

    def _stop_watching(self) -> None:
        self._inquiry.connection_down()
        for watcher in self._watchers:
            watcher.stop()

    # -- the run ----------------------------------------------------------------------------------

    def introduce(self, replaces: int | None = None) -> None:
        """Emit the connection's first event; ``replaces`` is the connection in whose place it is opened."""
        settings = self._settings
        introduction = ev.Connection(
            replaces=replaces,
            name=settings.name,
            context=settings.context,
            servers=[server.url for server in settings.servers],
            subject=settings.observe or settings.subject,
            size=len(settings.payload),
            interval=settings.interval,
            verification=self.verifier.verification,
            stream=settings.jetstream,
            observing=bool(settings.observe),
            max_reconnects=settings.max_reconnects,
            settings=settings_module.describe(settings),
        )
        self._emit(introduction)

    async def run(self, *, stay: bool) -> None:
        """Run until closed by a command or by giving up; with ``stay``, CLOSED waits for a command that starts it."""
        self._stay = stay
        try:
            await self.connector.run(stay=stay)
        finally:
            if self.connector.cause != "gave_up":  # after giving up, the reason is still wanted
                self._second_look.stop()
            await self._second_look.finished()
            self._stop_watching()
            self._publisher.suspend()
            self.deliveries.emit_tally()
            self.published.set()

    def close(self, *, replaced: bool = False) -> None:
        """Drain if connected, close, and end ``run``; ``replaced`` when another one is opened in its place."""
        self._second_look.stop()
        self.connector.close(replaced=replaced)

    @property
    def exit_code(self) -> Exit:
        """What its end means for the run: also a failure if of ``--count`` verified messages none was delivered."""
        ledger = self.deliveries.ledger
        verified = self.verifier.verification != "none" and self.deliveries.verifiable
        counts = self._settings.count is not None and verified and ledger.attempted > 0
        failed = self.connector.cause == "gave_up" or self._forbidden or (counts and not ledger.delivered)
        return Exit.GAVE_UP if failed else Exit.ENDED

    def execute(self, command: commands.AnyCommand) -> str:
        """Execute a command; why it does not apply, or nothing when it was executed."""
        situation = self.connector.situation._replace(
            paused=self._publisher.paused, observing=bool(self._settings.observe)
        )
        if reason := commands.refusal(type(command), situation):
            return reason
        if isinstance(command, commands.Publish) and not self._publisher.publish_one():
            return f"{self.connector.status.lower()}: there is no connection to publish on"
        if (act := self._acts.get(type(command))) is not None:
            act()
        return ""
