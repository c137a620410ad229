"""The life of a connection: what to dial next, how long to wait, when to give up, and what a command changes.

nats-py's own retry loop is not used. The words are nats.go's, the policy is ADR-40's: the first reconnect
dial is immediate, the others wait once per round, with jitter; every wait and every dial ends at once when
it is told to.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

from natsmon.config.settings import Settings
from natsmon.dial.stream import CustomDialer
from natsmon.probe.connection.command_queue import Order, Orders
from natsmon.probe.connection.dial_attempt import Attempt, Clock, Emit, make
from natsmon.probe.connection.pool_events import Roster
from natsmon.probe.connection.server_pool import Pool, advertised
from natsmon.protocol import tls
from natsmon.protocol.link import Link
from natsmon.protocol.nats_client import Loss
from natsmon.protocol.server_info import Info
from natsmon.protocol.settings_dialer import dialer_for
from natsmon.stream import events as ev
from natsmon.text import units

_COMPLAINTS = 100
"""Different ones that are told of one connection."""


class Rider(Protocol):
    """What rides on the connection, told in step with its life."""

    async def link_up(self, link: Link) -> None:
        """CONNECTED: the link may be used."""

    async def conclude(self, link: Link) -> None:
        """DRAINING: ask whatever is to be asked, within bounds, before the link is closed."""

    def link_down(self) -> None:
        """The link is gone."""

    def suspend(self) -> None:
        """DRAINING or CLOSED: publish nothing until there is a new initial connect."""

    def resume(self) -> None:
        """A new initial connect begins."""


class Connector:
    """One connection, from the initial connect until it is closed, and again from there."""

    def __init__(
        self,
        settings: Settings,
        rider: Rider,
        emit: Emit,
        clock: Clock,
        *,
        dialer: CustomDialer | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._settings = settings
        self._rider = rider
        self._emit = emit
        self._clock = clock
        self._dialer = dialer or dialer_for(settings)
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._pool = Pool(settings.servers, randomize=settings.randomize, rng=self._rng)
        self._roster = Roster(self._pool, emit, clock)
        self.status: ev.Status = "DISCONNECTED"
        self.ever_connected = False
        self.cause = ""
        """Why it is CLOSED: ``cancelled``, ``drained``, ``gave_up`` or ``closed``."""
        self.waiting = False
        """Between two dials."""
        self._closing = False
        self._orders = Orders()
        self._dials = 0
        self._attempts = 0
        self._lost_at = 0.0
        self._lost_from = ""
        self._connected_at: float | None = None
        self._immediate = False
        """The connection we lost came of an immediate dial."""

    # -- commands: each says why when it has no effect --------------------------------------------

    def cancel(self) -> str | None:
        if self.status == "CONNECTED":
            return "connected: there is no dial to cancel"
        return self._give("cancel", dialing=True)

    def reconnect(self) -> str | None:
        if self.status == "CLOSED":
            return self._give("now", closed=True)
        if self.status == "CONNECTED":
            return self._give("force", connected=True)
        if not self.waiting:
            return "a dial is under way already" if self.status != "DRAINING" else "draining"
        return self._give("now", dialing=True)

    def next_server(self) -> str | None:
        if self.status == "CONNECTED":
            return "connected: r drops the connection and dials again"
        return self._give("next", dialing=True)

    def drain(self) -> str | None:
        if self.status != "CONNECTED":
            return f"{self.status.lower()}: there is no connection to drain"
        return self._give("drain", connected=True)

    def close(self) -> None:
        self._closing = True
        self._orders.give("close")

    def _give(
        self, order: Order, *, dialing: bool = False, connected: bool = False, closed: bool = False
    ) -> str | None:
        fits = {"CONNECTED": connected, "CLOSED": closed, "DRAINING": False}.get(self.status, dialing)
        if not fits:
            return "closed: r starts a new initial connect" if self.status == "CLOSED" else self.status.lower()
        self._orders.give(order)
        return None

    # -- the life ---------------------------------------------------------------------------------

    async def run(self, *, stay: bool) -> None:
        """Until it is closed; with ``stay``, a connection that ended otherwise waits to be started again."""
        while True:
            self.cause, text = await self._live()
            self._rider.suspend()
            now = self._clock()
            self._set_status("CLOSED", self.cause, now)
            self._emit(ev.Closed(t=now, cause=self.cause, text=text))
            if self._closing or not stay:
                return
            await self._orders.take()
            if self._closing:
                return

    async def _live(self) -> tuple[str, str]:
        """From the initial connect until CLOSED; why, and what there is to say about it."""
        if self._closing:
            return "closed", ""
        self._rider.resume()
        retries = self._settings.max_reconnects
        first_pass_and_retries = None if retries < 0 else retries + 1
        self._pool.begin(first_pass_and_retries if self._settings.retry_on_failed_connect else 1)
        self._roster.tell()
        reached: Link | tuple[str, str] = await self._connect("initial")
        while isinstance(reached, Link):
            ended = await self._hold(reached)
            if isinstance(ended, tuple):
                return ended
            reached = await self._connect(ended)
        return reached

    async def _connect(self, why: ev.Why) -> Link | tuple[str, str]:
        """Dial until CONNECTED; or why that ended."""
        self._attempts = 0
        wait_first = why == "reconnect" and self._flapping
        self._immediate = why == "reconnect" and not wait_first
        while not self._pool.exhausted:
            if wait_first:
                order = await self._wait()
                if order in ("cancel", "close"):
                    return _ended_by(order)
                if order == "next":
                    self._pool.skip()
            made = await self._dial(why)
            if isinstance(made, Link):
                await self._welcome(made, why)
                return made
            if made in ("cancel", "close"):
                return _ended_by(made)
            wait_first = made is None and self._pool.round_over
        return "gave_up", _gave_up(self._settings, self._attempts, why)

    @property
    def _flapping(self) -> bool:
        """Lost again right after an immediate dial: dialing at once for ever would be a storm."""
        up = self._clock() - self._connected_at if self._connected_at is not None else 0.0
        return self._immediate and up < self._settings.reconnect_wait

    async def _wait(self) -> Order | None:
        """The reconnect wait with its jitter; the order that ended it early."""
        server = self._pool.peek()
        if server is None:
            return None
        secure = tls.wanted(server, self._settings)
        spread = self._settings.reconnect_jitter_tls if secure else self._settings.reconnect_jitter
        base, jitter = self._settings.reconnect_wait, round(self._rng.uniform(0.0, spread), 6)
        if self.status != "RECONNECTING":
            self._set_status("DISCONNECTED", "waiting")
        now = self._clock()
        self._emit(
            ev.Waiting(
                t=now,
                delay=base + jitter,
                base=base,
                jitter=jitter,
                until=round(now + base + jitter, 6),
                server=server.url,
            )
        )
        self.waiting = True
        try:
            async with asyncio.timeout(base + jitter):
                return await self._orders.take()
        except TimeoutError:
            return None
        finally:
            self.waiting = False

    async def _dial(self, why: ev.Why) -> Link | Order | None:
        """One attempt at the next server: the link, the order that ended it, or None when it failed."""
        server = self._pool.take()
        assert server is not None, "an exhausted pool is not dialed"
        self._dials += 1
        self._attempts += 1
        if self.status != "RECONNECTING":
            self._set_status("CONNECTING", why)
        attempt = Attempt(self._dials, self._attempts, self._pool.round, server, why)
        link, order = await self._orders.unless_given(
            make(attempt, self._dialer, self._settings, self._emit, self._clock)
        )
        if order is not None and link is not None:
            link.abort()
        if order is not None:
            return order
        if link is None:
            self._pool.failed(server)
            self._roster.tell()
        return link

    async def _welcome(self, link: Link, why: ev.Why) -> None:
        """CONNECTED: say so, start what rides on the link."""
        now = self._clock()
        before, attempts = self._lost_from, self._attempts
        self._connected_at = now
        info = link.info
        self._emit(
            ev.Connected(
                t=now,
                server=link.server.url,
                address=link.address,
                server_name=info.server_name,
                server_id=info.server_id,
                version=info.version,
                cluster=info.cluster,
                cid=info.client_id,
                client_ip=info.client_ip,
                tls=link.tls,
                max_payload=info.max_payload,
            )
        )
        self._set_status("CONNECTED", why, now)
        if why != "initial":
            downtime = round(now - self._lost_at, 6)
            self._emit(
                ev.Reconnected(t=now, before=before, after=link.server.url, downtime=downtime, attempts=attempts)
            )
        self.ever_connected = True
        retries = self._settings.max_reconnects
        self._pool.begin(None if retries < 0 else retries)
        self._roster.well(link.server.url)
        self._learn(link, info)
        link.on_info(lambda later: self._learn(link, later))
        link.on_error(self._complain_once())
        await self._rider.link_up(link)

    def _complain_once(self) -> Callable[[str], None]:
        """Tells what the server complains of, the first time: a denied subject is refused message by message."""
        told: set[str] = set()

        def complain(text: str) -> None:
            if text not in told and len(told) < _COMPLAINTS:
                told.add(text)
                self._emit(ev.AsyncError(t=self._clock(), text=text))

        return complain

    def _learn(self, link: Link, info: Info) -> None:
        """What an INFO says of the cluster, of us, and of the server's future."""
        if info.remote_account:
            self._emit(ev.Account(t=self._clock(), account=info.remote_account, system=info.acc_is_sys))
        others = [s for s in advertised(info.connect_urls, link.server) if s.authority != link.address]
        self._roster.named({server.authority for server in others})
        if info.connect_urls and not self._settings.ignore_discovered_servers:
            new = self._pool.discover(others or [link.server], link.server)
            if new:
                self._emit(ev.Discovered(t=self._clock(), servers=[server.url for server in new]))
        if info.ldm and not self._roster.is_lame(link.server.url):
            self._roster.lame_duck(link.server.url, link.address)
            self._emit(ev.LameDuck(t=self._clock(), server=link.server.url))
        self._roster.tell()

    async def _hold(self, link: Link) -> tuple[str, str] | ev.Why:
        """Until the connection ends: why it is to be dialed again, or why it is CLOSED."""
        loss, order = await self._orders.unless_given(_lost(link))
        if order in ("drain", "close"):
            return await self._drain(link, order)
        self._rider.link_down()
        link.abort()
        forced = loss is None
        if forced and self._settings.max_reconnects == 0:
            self._pool.begin(1)  # none is wanted of our own accord; this one was asked for
        cause, text = loss or Loss("forced", "a reconnect was asked for")
        if cause in ("eof", "reset", "shutdown") and self._roster.is_lame(link.server.url):
            cause, text = "lame_duck", f"{text}, as it had announced"
        self._lost_at = self._clock()
        self._lost_from = link.server.url
        self._pool.to_end(link.server)
        self._emit(ev.Disconnected(t=self._lost_at, cause=cause, text=text, server=link.server.url))
        self._set_status("RECONNECTING", cause, self._lost_at)
        return "forced" if forced else "reconnect"

    async def _drain(self, link: Link, order: Order) -> tuple[str, str]:
        self._rider.suspend()
        self._set_status("DRAINING", "asked" if order == "drain" else "closing")
        await self._rider.conclude(link)
        began = self._clock()
        complete = await link.drain(self._settings.drain_timeout)
        self._rider.link_down()
        now = self._clock()
        self._emit(ev.Drained(t=now, complete=complete, seconds=round(now - began, 6)))
        if not complete:
            return "closed", "the drain did not finish"
        return ("drained" if order == "drain" else "closed"), ""

    def _set_status(self, status: ev.Status, cause: str, at: float | None = None) -> None:
        if status == self.status:
            return
        previous, self.status = self.status, status
        now = self._clock() if at is None else at
        self._emit(ev.StatusChanged(t=now, status=status, previous=previous, cause=cause))


async def _lost(link: Link) -> Loss:
    return await asyncio.shield(link.lost)


def _ended_by(order: Order | None) -> tuple[str, str]:
    return ("cancelled", "the dial was cancelled") if order == "cancel" else ("closed", "")


def _gave_up(settings: Settings, attempts: int, why: ev.Why) -> str:
    if why == "initial" and not settings.retry_on_failed_connect:
        return "the initial connect failed, and --no-retry-on-failed-connect says not to retry"
    if attempts == 0:
        return "--max-reconnects 0 says not to reconnect"
    return f"{units.plural(attempts, 'attempt')} failed, and --max-reconnects {settings.max_reconnects} allows no more"
