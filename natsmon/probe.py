"""A monitored connection: connector and heartbeat, commands in, events out.

Runs in a process of its own under the dashboard (``python -m natsmon.probe``, its settings on the first line
of its standard input), and in the program's own process for the plain log and the event stream. Nothing here
knows which of these is at the other end.
"""

import asyncio
import importlib.metadata
import logging
import os
import platform
import secrets
import signal
import sys
import time
from collections.abc import Callable

import msgspec

import natsmon
from natsmon import events as ev
from natsmon import settings as settings_module
from natsmon.connector import Connector
from natsmon.evidence import Evidence
from natsmon.exit_codes import Exit
from natsmon.heartbeat import Heartbeat
from natsmon.inquiry import Inquiry
from natsmon.lines import Inbox, Outbox
from natsmon.link import Link
from natsmon.outages import OutageBook
from natsmon.rtt import RoundTrips
from natsmon.settings import Settings

Encode = Callable[[ev.AnyEvent], bytes | None]

_CHUNK = 64 * 1024
_LAST_WORDS = 2.0
"""Seconds a reader may take to accept the last lines."""


class Probe:
    """One monitored connection; ``emit`` is called with every event, from the loop, and must not block."""

    def __init__(self, settings: Settings, emit: Callable[[ev.AnyEvent], None]) -> None:
        self._settings = settings
        self._sink = emit
        self._began = time.monotonic()
        self._session = secrets.token_hex(4)
        self._link: Link | None = None
        self._last_read = 0.0
        self.interrupted = False
        self._why = ""
        self._heartbeat = Heartbeat(settings, self._session, self._emit, self.clock)
        self._round_trips = RoundTrips(settings.rtt_interval, self._emit, self.clock)
        self._outages = OutageBook(self._heartbeat)
        self._evidence = Evidence(settings, self._emit, self.clock)
        self._inquiry = Inquiry(settings, self._emit, self.clock)
        self._connector = Connector(settings, self, self._emit, self.clock)

    def clock(self) -> float:
        """Seconds since the session began, to the microsecond: more digits would be noise in every line."""
        return round(time.monotonic() - self._began, 6)

    def _emit(self, event: ev.AnyEvent) -> None:
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
        await self._heartbeat.link_up(link)
        self._round_trips.link_up(link)
        self._inquiry.link_up(link)

    def link_down(self) -> None:
        if self._link is not None:
            self._last_read = self._link.last_read - self._began
        self._link = None
        self._inquiry.link_down()
        self._round_trips.link_down()
        self._heartbeat.link_down()

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
            subject=self._settings.subject,
            interval=self._settings.interval,
            settings=settings_module.describe(self._settings),
        )


_SAMPLES = (ev.Published, ev.Echoed, ev.Rtt, ev.DialStage)


def run(settings: Settings, *, encode: Encode, control: bool, heard: bytes = b"") -> int:
    """Run a probe in this process, its encoded events on standard output; the exit code.

    With ``control`` the commands come from standard input, of which ``heard`` has been read already, and whose
    end closes the probe. The first SIGINT or SIGTERM ends it gracefully, the second at once.
    """
    _quiet_libraries()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_run(settings, encode, control, heard))


async def _run(settings: Settings, encode: Encode, control: bool, heard: bytes) -> int:
    outbox = Outbox(sys.stdout.fileno(), lambda missing: encode(ev.Gap(t=probe.clock(), events=missing)))

    def tell(event: ev.AnyEvent) -> None:
        line = encode(event)
        if line is not None:
            outbox.put(
                line,
                sample=isinstance(event, _SAMPLES),
                latest="tally" if isinstance(event, ev.Tally) else "",
                last=isinstance(event, ev.End),
            )
        if outbox.broken:
            probe.close("nobody reads")

    probe = Probe(settings, tell)

    def receive(line: bytes | None) -> None:
        if line is None:
            probe.close("standard input ended")
            return
        try:
            probe.obey(ev.decode_command(line))
        except msgspec.DecodeError as error:
            probe.complain(f"not a command: {error}")

    def stop() -> None:
        if probe.interrupted:
            outbox.close(0.1)
            os._exit(probe.exit_code())
        probe.interrupt()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    if control:
        Inbox(sys.stdin.fileno(), receive, heard)
    code = await probe.run(stay=control)
    outbox.close(_LAST_WORDS)
    return code


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed: twice the messages a second."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _quiet_libraries() -> None:
    """What nats-py and asyncio log would land between the lines of a log, or under a screen."""
    for name in ("nats", "asyncio"):
        logger = logging.getLogger(name)
        logger.addHandler(logging.NullHandler())
        logger.propagate = False


def main() -> int:
    """The dashboard's child: settings on the first line of standard input, then commands."""
    heard = bytearray()
    while b"\n" not in heard:
        piece = os.read(0, _CHUNK) if len(heard) < Inbox.MAX_LINE else b""
        if not piece:
            return Exit.USAGE
        heard += piece
    line, _, commands = bytes(heard).partition(b"\n")
    return run(settings_module.from_line(line), encode=ev.encode, control=True, heard=commands)


if __name__ == "__main__":
    # At the end nothing is waited for: a lookup may hang on its thread, and the last line has been written.
    status = main()
    sys.stderr.flush()
    os._exit(status)
