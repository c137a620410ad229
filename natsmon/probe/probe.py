"""The probe: opens and owns the connections, takes commands, emits events.

A probe is given a list of sinks; where they lead is not its concern. Connections are opened and closed while it runs;
of one that is closed for good only its outcome is kept.
"""

import asyncio
import importlib.metadata
import platform
import secrets
from collections.abc import Sequence

import natsmon
from natsmon.config.settings import Settings, with_subject
from natsmon.probe.monitored_connection import MonitoredConnection
from natsmon.probe.timer import Timer
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.codec import kind_of
from natsmon.stream.emitter import Emit, Emitter
from natsmon.stream.exit_codes import Exit
from natsmon.stream.sink import Sink

ALIVE_EVERY = 1.0
"""Seconds without an event after which ``Alive`` is emitted."""


class Probe:
    """One session with its connections, which have these settings at the start; all sinks take every event."""

    def __init__(self, settings: Sequence[Settings], sinks: Sequence[Sink]) -> None:
        self._loop = asyncio.get_running_loop()
        self._session = secrets.token_hex(16)
        self.emitter = Emitter(sinks)
        self.connections: dict[int, MonitoredConnection] = {}
        """Those that are not closed for good, by their number."""
        self._opened = 0
        self._replacements: dict[int, Settings] = {}
        """By the number of a connection that is being closed: what is opened in its place."""
        self._duration = min((each.duration for each in settings if each.duration is not None), default=None)
        self._stay = False
        self._tasks = asyncio.TaskGroup()
        self._ended_with = Exit.ENDED
        self._ever_connected = False
        self.interrupted = False
        self._reason = ""
        self._alive_timer = Timer(self._check_alive)
        for each in settings:
            self._make(each)

    def _make(self, settings: Settings) -> MonitoredConnection:
        """The next connection; not opened yet."""
        conn, self._opened = self._opened, self._opened + 1
        emit = Emit(self.emitter, conn)
        connection = MonitoredConnection(with_subject(settings, self._session, conn), self._session, emit)
        self.connections[conn] = connection
        return connection

    async def run(self, *, stay: bool) -> int:
        """Run until every connection is closed by a command, a signal or a limit; the exit code.

        With ``stay``, a connection that is CLOSED waits for a command that starts it again.
        """
        self._stay = stay
        self.emitter.begin(self._session, _versions(self._loop))
        for conn in self.connections:  # a variable that holds a connection would keep it as long as the session
            self.connections[conn].introduce()
        self._check_alive()
        limits = asyncio.ensure_future(self._limits())
        try:
            async with self._tasks:
                for conn in self.connections:
                    self._tasks.create_task(self._run(self.connections[conn]))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            limits.cancel()
            self._alive_timer.stop()
        return self.end()

    def end(self) -> int:
        """Emit the last line; the exit code."""
        code = self.exit_code()
        self.emitter.emit(ev.End(exit_code=code, reason=self._reason))
        return code

    async def _run(self, connection: MonitoredConnection) -> None:
        """Run a connection until it is closed for good; then open the one that replaces it."""
        await connection.run(stay=self._stay)
        self._ever_connected |= bool(connection.connector.last_server)
        del self.connections[connection.conn]
        settings = self._replacements.pop(connection.conn, None)
        if settings is not None and not self._reason:
            self._open(settings, replaces=connection.conn)
        else:
            self._ended_with = max(self._ended_with, connection.exit_code)

    def _open(self, settings: Settings, *, replaces: int | None = None) -> int:
        """Open the next connection; its number."""
        connection = self._make(settings)
        connection.introduce(replaces)
        self._tasks.create_task(self._run(connection))
        return connection.conn

    def _check_alive(self) -> None:
        """Emit ``Alive`` when nothing else was emitted for a second."""
        quiet = self.emitter.now() - self.emitter.last
        if quiet >= ALIVE_EVERY:
            self.emitter.emit(ev.Alive())
            quiet = 0.0
        self._alive_timer.set_in(max(0.01, ALIVE_EVERY - quiet))

    def exit_code(self) -> int:
        """How the run ended, or would end now; a connection that was replaced does not count."""
        left = self.connections.values()
        if code := max([self._ended_with, *(each.exit_code for each in left)]):
            return code
        if self._ever_connected or any(each.connector.last_server for each in left):
            return Exit.ENDED
        return Exit.INTERRUPTED if self.interrupted else Exit.GAVE_UP if self._reason == "duration" else Exit.ENDED

    async def _limits(self) -> None:
        """Close when every open connection has published its ``--count``, or the session reaches ``--duration``."""
        try:
            async with asyncio.timeout(self._duration):
                while unfinished := [each for each in self.connections.values() if not each.published.is_set()]:
                    await unfinished[0].published.wait()
            if self.connections:
                self.close("count")
        except TimeoutError:
            self.close("duration")

    def close(self, reason: str) -> None:
        """Drain and close every connection, and end the run; without effect when it is ending already."""
        if self._reason:
            return
        self._reason = reason
        for connection in self.connections.values():
            connection.close()

    def interrupt(self) -> None:
        """End the run because of a signal; last requests to the server are not waited for when it was ending."""
        self.interrupted = True
        self._reason = self._reason or "signal"
        for connection in self.connections.values():
            connection.close()

    def execute(self, command: commands.AnyCommand) -> None:
        """Execute a command, and answer it once for each connection it is for."""
        if command.conn is not None and command.conn not in self.connections:
            closed = 0 <= command.conn < self._opened
            self.refuse(f"connection {command.conn} {'is closed for good' if closed else 'does not exist'}", command)
        elif isinstance(command, commands.Open):
            self._execute_open(command)
        else:
            if isinstance(command, commands.Close) and command.conn is None:
                self._reason = self._reason or "asked"
            for conn in list(self.connections) if command.conn is None else (command.conn,):
                if isinstance(command, commands.Close):
                    self._replacements.pop(conn, None)
                self._answer(command, conn, self.connections[conn].execute(command))

    def _execute_open(self, command: commands.Open) -> None:
        conn = command.conn
        if self._reason:
            self.refuse("the monitor is ending", command)
        elif conn is None:
            self._answer(command, self._open(command.settings))
        else:
            if conn not in self._replacements:  # a second close would cut the drain short
                self.connections[conn].close(replaced=True)
            self._replacements[conn] = command.settings
            self._answer(command, conn)

    def _answer(self, command: commands.AnyCommand | None, conn: int, refusal: str = "") -> None:
        answer = ev.Answer(
            id=command.id if command is not None else "",
            command=kind_of(command) if command is not None else "",
            outcome="ignored" if refusal else "done",
            reason=refusal,
        )
        self.emitter.emit(answer, conn=conn)

    def refuse(self, reason: str, command: commands.AnyCommand | None = None) -> None:
        """Answer a command that is for no open connection, or a line that is not a command."""
        self._answer(command, next(iter(self.connections), 0), reason)

    def note(self, text: str) -> None:
        """Emit a note of something wrong in this process: that a recording stopped."""
        self.emitter.emit(ev.Note(text=text, kind="bad"))


def _versions(loop: asyncio.AbstractEventLoop) -> dict[str, str]:
    return {
        "natsmon": natsmon.__version__,
        "nats-py": importlib.metadata.version("nats-py"),
        "python": platform.python_version(),
        "loop": type(loop).__module__.partition(".")[0],
    }
