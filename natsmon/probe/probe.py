"""The probe: owns the connections, takes commands, emits events.

A probe is given a list of sinks; where they lead is not its concern.
"""

import asyncio
import importlib.metadata
import platform
import secrets
from collections.abc import Sequence

import natsmon
from natsmon.config.settings import Settings, with_subject
from natsmon.probe.monitored_connection import MonitoredConnection
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.codec import kind_of
from natsmon.stream.emitter import Emitter
from natsmon.stream.exit_codes import Exit
from natsmon.stream.sink import Sink

ALIVE_EVERY = 1.0
"""Seconds without an event after which ``Alive`` is emitted."""


class Probe:
    """One session with its connections.

    Args:
        settings: Of each connection, in order of opening.
        sinks: Take every event.
    """

    def __init__(self, settings: Sequence[Settings], sinks: Sequence[Sink]) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._session = secrets.token_hex(16)
        self.emitter = Emitter(sinks)
        self.connections = [
            MonitoredConnection(
                with_subject(each, self._session, conn), self._session, self.emitter.for_connection(conn)
            )
            for conn, each in enumerate(settings)
        ]
        self.interrupted = False
        self._reason = ""
        self._alive_timer: asyncio.TimerHandle | None = None

    async def run(self, *, stay: bool) -> int:
        """Run until every connection is closed by a command, a signal or a limit; the exit code.

        Args:
            stay: A connection that is CLOSED waits for a command that starts it again.
        """
        self.emitter.begin(self._session, _versions(self._loop))
        for connection in self.connections:
            connection.introduce()
        self._check_alive()
        limits = asyncio.ensure_future(self._limits())
        try:
            await asyncio.gather(*(connection.run(stay=stay) for connection in self.connections))
        finally:
            limits.cancel()
            if self._alive_timer is not None:
                self._alive_timer.cancel()
        code = self.exit_code()
        self.emitter.emit(ev.End(exit_code=code, reason=self._reason))
        return code

    def _check_alive(self) -> None:
        """Emit ``Alive`` when nothing else was emitted for a second."""
        quiet = self.emitter.now() - self.emitter.last
        if quiet >= ALIVE_EVERY:
            self.emitter.emit(ev.Alive())
            quiet = 0.0
        self._alive_timer = self._loop.call_later(max(0.01, ALIVE_EVERY - quiet), self._check_alive)

    def exit_code(self) -> int:
        """How the run ended, or would end now."""
        connectors = [connection.connector for connection in self.connections]
        if any(connector.cause == "gave_up" for connector in connectors):
            return Exit.GAVE_UP
        if any(connection.forbidden or connection.nothing_delivered for connection in self.connections):
            return Exit.GAVE_UP
        if self.interrupted and not any(connector.ever_connected for connector in connectors):
            return Exit.INTERRUPTED
        return Exit.ENDED

    async def _limits(self) -> None:
        """Close when ``--count`` messages are published, or ``--duration`` is reached."""
        durations = [each.duration for each in self._settings if each.duration is not None]
        try:
            async with asyncio.timeout(min(durations, default=None)):
                for connection in self.connections:
                    await connection.published.wait()
            self.close("count")
        except TimeoutError:
            self.close("duration")

    def close(self, reason: str) -> None:
        """Drain and close every connection, and end the run; without effect when it is ending already."""
        if self._reason:
            return
        self._reason = reason
        for connection in self.connections:
            connection.close()

    def interrupt(self) -> None:
        """End the run because of a signal; last requests to the server are not waited for when it was ending."""
        self.interrupted = True
        self._reason = self._reason or "signal"
        for connection in self.connections:
            connection.close()

    def execute(self, command: commands.AnyCommand) -> None:
        """Execute a command, and answer it once for each connection it is for."""
        if command.conn is not None and not 0 <= command.conn < len(self.connections):
            self._answer(command, 0, f"there is no connection {command.conn}")
            return
        if isinstance(command, commands.Close) and command.conn is None:
            self._reason = self._reason or "asked"
        chosen = range(len(self.connections)) if command.conn is None else (command.conn,)
        for conn in chosen:
            self._answer(command, conn, self.connections[conn].execute(command))

    def _answer(self, command: commands.AnyCommand, conn: int, refusal: str) -> None:
        answer = ev.Answer(
            id=command.id, command=kind_of(command), outcome="ignored" if refusal else "done", reason=refusal
        )
        self.emitter.emit(answer, conn=conn)

    def refuse_line(self, reason: str) -> None:
        """Answer a line that is not a command."""
        self.emitter.emit(ev.Answer(outcome="ignored", reason=reason))

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
