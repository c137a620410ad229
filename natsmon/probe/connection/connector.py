"""The life of a connection: what to dial next, how long to wait, when to give up, and what a command changes.

nats-py's own retry loop is not used. The terms are nats.go's, the policy is ADR-40's: the first reconnect dial is
immediate, the others wait once per pass over the pool, with jitter. A command ends every wait and every dial at once.
"""

import asyncio
import random

from natsmon.config.settings import Server, Settings
from natsmon.dial.causes import Cause
from natsmon.dial.stream import CustomDialer
from natsmon.probe.connection.command_queue import Order, Orders
from natsmon.probe.connection.connection_user import ConnectionUser
from natsmon.probe.connection.dial_attempt import DialAttempts, FailedDial
from natsmon.probe.connection.reconnect_wait import ReconnectWait
from natsmon.probe.connection.server_pool import Pool
from natsmon.probe.connection.server_reports import ServerReports
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.stream_client import Loss
from natsmon.stream import events as ev
from natsmon.stream.commands import Situation
from natsmon.stream.emitter import Emit
from natsmon.text import units


class Connector:
    """One connection, from the initial connect until it is closed, and again from there."""

    def __init__(
        self,
        settings: Settings,
        user: ConnectionUser,
        emit: Emit,
        *,
        dialer: CustomDialer | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._user = user
        self._emit = emit
        self._dialing = DialAttempts(settings, emit, dialer)
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._pool = Pool(settings.servers, randomize=settings.randomize, rng=self._rng)
        self._reports = ServerReports(self._pool, emit, discover=not settings.ignore_discovered_servers)
        self.status: ev.Status = "DISCONNECTED"
        self.last_server = ""
        """The one connected to last; empty until then."""
        self.cause = ""
        """Why it is CLOSED: ``cancelled``, ``drained``, ``gave_up`` or ``closed``."""
        self._waiting = False
        """Between two dials."""
        self._closing = False
        self._replaced = False
        """Another connection is opened in its place."""
        self._reconnect_wait = ReconnectWait(settings, self._rng)
        self.orders = Orders()
        """From commands; whether one applies is decided before."""
        self._dials = 0
        self._attempts = 0
        self._outages = 0
        self._loss: ev.Disconnected | None = None

    @property
    def situation(self) -> Situation:
        """What decides which command applies."""
        return Situation(self.status, waiting=self._waiting)

    def close(self, *, replaced: bool = False) -> None:
        """Drain if connected, close, and end ``run``; ``replaced`` when another one is opened in its place."""
        self._closing = True
        self._replaced = replaced
        self.orders.give("close")

    # -- until CLOSED ------------------------------------------------------------------------------

    async def run(self, *, stay: bool) -> None:
        """Until it is closed; with ``stay``, a connection that ended otherwise waits to be started again."""
        while True:
            self.cause, text = await self._run_until_closed()
            self._user.suspend()
            now = self._emit.now()
            self._set_status("CLOSED", self.cause, now)
            if self._replaced and self.cause == "closed":
                text = text or "another connection is opened in its place"
            self._emit(ev.Closed(cause=self.cause, text=text), at=now)
            self._loss = None
            self._user.closed(now)
            if self._closing or not stay:
                return
            await self.orders.take()
            if self._closing:
                return

    async def _run_until_closed(self) -> tuple[str, str]:
        """From the initial connect, or a reconnect of what was CLOSED, until CLOSED; the cause and its text."""
        if self._closing:
            return "closed", ""
        self._user.resume()
        retries = self._settings.max_reconnects
        ended: tuple[str, str] | ev.DialReason = "initial"
        if self.last_server:
            ended = self._lose(None)
        elif self._settings.retry_on_failed_connect:
            self._pool.begin(None if retries < 0 else retries + 1)
        else:
            self._pool.begin(1)
        self._reports.pool_changed()
        while not isinstance(ended, tuple):
            reached = await self._connect(ended)
            ended = await self._until_ended(reached) if isinstance(reached, ServerConnection) else reached
        return ended

    async def _connect(self, why: ev.DialReason) -> ServerConnection | tuple[str, str]:
        """Dial until CONNECTED; or why that ended."""
        self._attempts = 0
        wait_first = self._reconnect_wait.before_first_dial(why, self._emit.now())
        while (upcoming := self._pool.peek()) is not None:
            if wait_first:
                order = await self._wait(upcoming)
                if order in ("cancel", "close"):
                    return _ended_by(order)
                if order == "next":
                    self._pool.skip()
            made = await self._dial(why)
            if isinstance(made, ServerConnection):
                self._enter_connected(made, why)
                return made
            if made in ("cancel", "close"):
                return _ended_by(made)
            wait_first = made is None and self._pool.pass_complete
        return "gave_up", _gave_up(self._settings, self._attempts, why)

    async def _wait(self, server: Server) -> Order | None:
        """The reconnect wait with its jitter; the order that ended it early."""
        now = self._emit.now()
        base, jitter = self._reconnect_wait.seconds(server, self._attempts, now)
        if self.status != "RECONNECTING":
            self._set_status("DISCONNECTED", "waiting", now)
        self._emit(
            ev.Waiting(
                delay=base + jitter,
                base=base,
                jitter=jitter,
                until=round(now + base + jitter, 6),
                server=server.url,
            ),
            at=now,
        )
        self._waiting = True
        try:
            async with asyncio.timeout(base + jitter):
                return await self.orders.take()
        except TimeoutError:
            return None
        finally:
            self._waiting = False

    async def _dial(self, why: ev.DialReason) -> ServerConnection | Order | None:
        """One attempt at the next server: the connection, the order that ended it, or None when it failed."""
        server = self._pool.take()
        assert server is not None, "an exhausted pool is not dialed"
        self._dials += 1
        self._attempts += 1
        if self.status != "RECONNECTING":
            self._set_status("CONNECTING", why)
        member = self._pool.member(server.url)
        self._user.dialing(server)
        attempt = self._dialing.make(
            server,
            dial=self._dials,
            attempt=self._attempts,
            pool_pass=self._pool.pool_pass,
            reason=why,
            discovered=member is not None and member.discovered,
        )
        made, order = await self.orders.unless_given(attempt)
        if order is not None and isinstance(made, ServerConnection):
            made.abort()
        if order is not None:
            return order
        if isinstance(made, FailedDial):
            self._pool.failed(server)
            self._reports.member_changed(server.url)
            self._user.dial_failed(made, lame_duck=bool(self._reports.lame))
            await asyncio.sleep(0)  # a refused dial on this machine waits for nothing, and a pool may have thousands
            return None
        return made

    def _enter_connected(self, connection: ServerConnection, why: ev.DialReason) -> None:
        """CONNECTED: emit it, and start what uses the connection."""
        info = connection.info
        connected = ev.Connected(
            server=connection.server.url,
            address=connection.address,
            server_name=info.server_name,
            server_id=info.server_id,
            version=info.version,
            cluster=info.cluster,
            cid=info.client_id,
            client_ip=info.client_ip,
            tls=connection.tls,
            max_payload=info.max_payload,
        )
        now = self._emit(connected)
        self._reconnect_wait.connected_at = now
        self._set_status("CONNECTED", why, now)
        if self._loss is not None:
            self._emit(
                ev.Reconnected(
                    outage=self._loss.outage,
                    before=self._loss.server,
                    after=connection.server.url,
                    downtime=round(now - self._loss.t, 6),
                    attempts=self._attempts,
                ),
                at=now,
            )
            self._loss = None
        self.last_server = connection.server.url
        retries = self._settings.max_reconnects
        self._pool.connected(connection.server)
        self._pool.begin(None if retries < 0 else retries)
        self._reports.connected(connection)
        self._user.connection_up(connection, connected)

    async def _until_ended(self, connection: ServerConnection) -> tuple[str, str] | ev.DialReason:
        """Until the connection ends: why it is dialed again, or why it is CLOSED."""
        order = await self.orders.unless_done(connection.lost)
        if order in ("drain", "close"):
            return await self._drain(connection, order)
        self._user.connection_down()
        connection.abort()
        loss = connection.lost.result() if connection.lost.done() else None
        announced = self.last_server in self._reports.lame
        if announced and loss is not None and loss.cause in ("eof", "reset", "shutdown"):
            loss = Loss("lame_duck", loss.text)
        self._pool.to_end(connection.server)
        return self._lose(loss)

    def _lose(self, loss: Loss | None) -> tuple[str, str] | ev.DialReason:
        """Begin an outage, or without a loss a manual reconnect: why it is dialed again, or why it is CLOSED."""
        manual, retries = loss is None, self._settings.max_reconnects
        if manual:
            self._pool.begin(None if retries < 0 else max(1, retries))
        cause, text = loss or Loss("manual", "a reconnect was asked for")
        self._outages += 1
        self._loss = ev.Disconnected(
            outage=self._outages, cause=cause, text=text, server=self.last_server, manual=manual
        )
        at = self._emit(self._loss)
        if not manual:
            self._reconnect_wait.losses.append(at)
        self._user.lost(self._loss)
        if cause == Cause.CONTROL_LINE:
            return Cause.GAVE_UP, f"{text}: what natsmon sends is too long for this server, also the next time"
        self._set_status("RECONNECTING", cause, at)
        return "manual" if manual else "reconnect"

    async def _drain(self, connection: ServerConnection, order: Order) -> tuple[str, str]:
        self._user.suspend()
        closing = "replaced" if self._replaced else "closing"
        self._set_status("DRAINING", "asked" if order == "drain" else closing)
        # A second close ends it; what may be left of the drain has a limit of its own.
        await self.orders.unless_given(self._user.conclude(connection))
        began = self._emit.now()
        complete = await connection.drain(self._settings.drain_timeout)
        self._user.connection_down()
        now = self._emit.now()
        self._emit(ev.Drained(complete=complete, seconds=round(now - began, 6)), at=now)
        if not complete:
            return "closed", "the drain did not finish"
        return ("drained" if order == "drain" else "closed"), ""

    def _set_status(self, status: ev.Status, cause: str, at: float | None = None) -> None:
        if status == self.status:
            return
        previous, self.status = self.status, status
        self._emit(ev.StatusChanged(status=status, previous=previous, cause=cause), at=at)


def _ended_by(order: Order | None) -> tuple[str, str]:
    return ("cancelled", "the dial was cancelled") if order == "cancel" else ("closed", "")


def _gave_up(settings: Settings, attempts: int, why: ev.DialReason) -> str:
    if why == "initial" and not settings.retry_on_failed_connect:
        return "the initial connect failed, with --no-retry-on-failed-connect"
    if attempts == 0:
        return "--max-reconnects is 0"
    return f"{units.plural(attempts, 'attempt')} failed, and --max-reconnects {settings.max_reconnects} allows no more"
