"""A monitored connection: connector and heartbeat, commands in, events out.

Nothing here knows who takes the events: a view in another process, a log, a recording.
"""

import asyncio
import importlib.metadata
import math
import platform
import secrets
import time
from collections.abc import Callable

import natsmon
from natsmon.config import settings as settings_module
from natsmon.config.settings import Settings
from natsmon.probe.connection.connector import Connector
from natsmon.probe.connection.keepalive import Keepalive
from natsmon.probe.connection.round_trips import RoundTrips
from natsmon.probe.connection.silence import Silence
from natsmon.probe.inquiry.second_look import Evidence
from natsmon.probe.inquiry.server_answers import Inquiry
from natsmon.probe.messages.heartbeat import Heartbeat
from natsmon.probe.messages.outage_costs import OutageBook
from natsmon.protocol.link import Link
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit


class Probe:
    """One monitored connection; ``emit`` is called with every event, from the loop, and must not block."""

    def __init__(self, settings: Settings, emit: Callable[[ev.AnyEvent], None]) -> None:
        self._settings = settings
        self._sink = emit
        self._began = time.monotonic()
        self._told_at = 0.0
        self._session = secrets.token_hex(4)
        self._link: Link | None = None
        self._last_read = 0.0
        self.interrupted = False
        self._why = ""
        self._heartbeat = Heartbeat(settings, self._session, self._emit, self.clock, self.moment)
        self._round_trips = RoundTrips(settings.rtt_interval, self._emit, self.moment)
        self._keepalive = Keepalive(settings.ping_interval, settings.max_pings_out, self._emit, self.clock)
        self._silence = Silence(settings, lambda: self._heartbeat.ledger.flying, self._emit, self.clock)
        self._outages = OutageBook(self._heartbeat)
        self._evidence = Evidence(settings, self._emit, self.clock)
        self._inquiry = Inquiry(settings, self._emit, self.clock)
        self._connector = Connector(settings, self, self._emit, self.clock)

    def clock(self) -> float:
        """Seconds since the session began, to the microsecond: more digits would be noise in every line."""
        return round(time.monotonic() - self._began, 6)

    def moment(self) -> float:
        """The same for what is told often, to a tenth of a millisecond; no earlier than what was told before."""
        return max(math.floor(self.clock() * 10_000) / 10_000, self._told_at)

    def _emit(self, event: ev.AnyEvent) -> None:
        self._told_at = event.t
        self._sink(event)
        if self._link is not None:
            self._last_read = self._link.last_read - self._began
        for closed in self._outages.watch(event, self._last_read):
            self._sink(closed)
        self._evidence.watch(event)
        self._inquiry.watch(event)

    # -- what rides on the connection -------------------------------------------------------------

    async def link_up(self, link: Link) -> None:
        self._link = link
        link.on_subscribed(lambda subject: self._emit(ev.Subscribed(t=self.clock(), subject=subject)))
        self._keepalive.link_up(link)
        self._silence.link_up(link)
        await self._heartbeat.link_up(link)
        self._round_trips.link_up(link)
        self._inquiry.link_up(link)

    def link_down(self) -> None:
        if self._link is not None:
            self._last_read = self._link.last_read - self._began
        self._link = None
        self._inquiry.link_down()
        self._round_trips.link_down()
        self._silence.link_down()
        self._keepalive.link_down()
        self._heartbeat.link_down()

    async def conclude(self, link: Link) -> None:
        await self._heartbeat.conclude(link)

    def suspend(self) -> None:
        self._heartbeat.suspend()

    def resume(self) -> None:
        self._heartbeat.resume()

    # -- the run ----------------------------------------------------------------------------------

    async def run(self, *, stay: bool) -> int:
        """Until closed, by a command, a signal or a limit; the exit code. ``stay``: a closed one may be revived."""
        self._emit(self._introduce())
        limits = asyncio.ensure_future(self._limits())
        try:
            await self._connector.run(stay=stay)
        finally:
            limits.cancel()
            if self._connector.cause != "gave_up":  # who gave up wants to know why
                self._evidence.stop()
            await self._evidence.finished()
            self._inquiry.link_down()
            self._round_trips.link_down()
            self._silence.link_down()
            self._keepalive.link_down()
            self._heartbeat.close()
        code = self.exit_code()
        self._emit(ev.End(t=self.clock(), exit_code=code, why=self._why))
        return code

    def exit_code(self) -> int:
        if self._connector.cause == "gave_up":
            return Exit.GAVE_UP
        if self.interrupted and not self._connector.ever_connected:
            return Exit.INTERRUPTED
        return Exit.ENDED

    async def _limits(self) -> None:
        """Close when ``--count`` messages are published, or ``--duration`` is over."""
        try:
            async with asyncio.timeout(self._settings.duration):
                await self._heartbeat.done.wait()
            self._why = "count"
        except TimeoutError:
            self._why = "duration"
        self._connector.close()

    def close(self, why: str) -> None:
        self._why = self._why or why
        self._evidence.stop()
        self._connector.close()

    def interrupt(self) -> None:
        """A signal asks for the end."""
        self.interrupted = True
        self.close("signal")

    def obey(self, command: ev.AnyCommand) -> None:
        """Carry a command out, or say why it has no effect."""
        refusal: str | None = None
        match command:
            case ev.Cancel():
                refusal = self._connector.cancel()
            case ev.Reconnect():
                refusal = self._connector.reconnect()
            case ev.NextServer():
                refusal = self._connector.next_server()
            case ev.Drain():
                refusal = self._connector.drain()
            case ev.Close():
                self.close("asked")
            case ev.Pause() | ev.Resume() | ev.Publish() if self._settings.observe:
                refusal = "observing: nothing is published"
            case ev.Pause():
                if self._heartbeat.pause():
                    self._emit(ev.Paused(t=self.clock()))
                else:
                    refusal = "paused already"
            case ev.Resume():
                if self._heartbeat.unpause():
                    self._emit(ev.Resumed(t=self.clock()))
                else:
                    refusal = "not paused"
            case ev.Publish():
                if not self._heartbeat.publish_one():
                    refusal = f"{self._connector.status.lower()}: there is no connection to publish on"
        if refusal is not None:
            self._emit(ev.Ignored(t=self.clock(), command=str(command.__struct_config__.tag), why=refusal))

    def complain(self, text: str) -> None:
        self._emit(ev.Ignored(t=self.clock(), command="", why=text))

    def _introduce(self) -> ev.Session:
        return ev.Session(
            t=0.0,
            id=self._session,
            started=time.time() - self.clock(),
            versions={
                "natsmon": natsmon.__version__,
                "nats-py": importlib.metadata.version("nats-py"),
                "python": platform.python_version(),
                "loop": type(asyncio.get_running_loop()).__module__.partition(".")[0],
            },
            name=self._settings.name,
            servers=[server.url for server in self._settings.servers],
            subject=self._settings.observe or self._settings.subject,
            size=len(self._settings.payload),
            interval=self._settings.interval,
            proof=self._heartbeat.proof.word,
            stream=self._settings.jetstream,
            observing=bool(self._settings.observe),
            settings=settings_module.describe(self._settings),
        )
