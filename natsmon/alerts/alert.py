"""An alert, the health of a connection and what changed, and the commands that read it. It holds no secret."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, Literal

import msgspec

from natsmon.state import OutageRecord, State
from natsmon.state.server_names import named
from natsmon.stream import events as ev
from natsmon.stream.process_start import child_environment
from natsmon.text import dates, units
from natsmon.text.exit_status import ended
from natsmon.text.plain_text import printable
from natsmon.wording.health import Health

Kind = Literal["change", "outage_began", "outage_ended"]
_RUN_SECONDS = 30.0
_WAITING_LIMIT = 16
_ERROR_LIMIT = 200
"""Characters of a failed command's last line."""
_ERRORS_READ = 64 * 1024
"""Bytes of its standard error in which that line is looked for."""
_ERRORS_KEPT = 16 * 1024 * 1024
"""Bytes of its standard error with which it is killed: a loop in a script would fill the disk."""
_LOOK_EVERY = 0.1


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """What an alert command reads. Times are seconds since 1970, durations seconds."""

    kind: Kind
    time: float
    date: str
    """The time as text, UTC."""
    level: str
    """``ok``, ``degraded`` or ``down``."""
    word: str
    phrase: str
    previous: str = ""
    """The word before a change."""
    name: str = ""
    """Of the connection."""
    context: str = ""
    server: str = ""
    """The server it is connected to, or was connected to last."""
    session: str = ""
    conn: int = 0
    outage: int = 0
    """Its number; 0 for a change."""
    downtime: float = 0.0
    cause: str = ""
    """Why the connection was lost."""
    lost: int = 0
    """Messages lost in the outage, as far as they are known."""

    def variables(self) -> dict[str, str]:
        return {f"NATSMON_{name.upper()}": str(value) for name, value in msgspec.structs.asdict(self).items()}


def make_alert(
    kind: Kind, state: State, health: Health, now: float, *, previous: str = "", outage: OutageRecord | None = None
) -> Alert:
    """An alert at a time of the stream's clock: the word of the health before, or the outage that began or ended."""
    connection, connected = state.connection or ev.Connection(), state.connected
    at = state.session.wall(now)
    return Alert(
        kind=kind,
        time=round(at, 3),
        date=dates.stamp(at),
        level=health.level,
        word=health.word,
        phrase=health.phrase,
        previous=previous,
        name=connection.name,
        context=connection.context,
        server=named(connected) if connected is not None else "",
        session=state.session.id,
        conn=state.conn,
        outage=outage.id if outage is not None else 0,
        downtime=round(outage.downtime(now), 6) if outage is not None else 0.0,
        cause=outage.known_cause if outage is not None else "",
        lost=outage.lost if outage is not None else 0,
    )


class AlertCommands:
    """A queue of commands; each runs in a process group of its own and is ended after its time.

    ``on_failure`` is called with one line when a command fails, and when alerts are dropped from now on.
    """

    def __init__(self, on_failure: Callable[[str], None], *, run_seconds: float = _RUN_SECONDS) -> None:
        self._on_failure = on_failure
        self._run_seconds = run_seconds
        self._waiting: deque[tuple[str, Sequence[str], Alert]] = deque()
        self._dropping = False
        self._task: asyncio.Task[None] | None = None
        self._limit: asyncio.Timeout | None = None
        """Of the command that runs."""

    def submit(self, flag: str, command: Sequence[str], alert: Alert) -> None:
        """Run a command, where there is one, after those that wait; returns at once. An error names its flag."""
        if not command:
            return
        dropped, self._dropping = self._dropping, len(self._waiting) >= _WAITING_LIMIT
        if self._dropping:
            if not dropped:
                self._on_failure(f"{flag}: alerts are dropped while {_WAITING_LIMIT} commands are waiting")
            return
        self._waiting.append((flag, command, alert))
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def finish(self, seconds: float) -> None:
        """Wait for the commands, at most so long; then end the one that runs and drop the others."""
        if self._task is None:
            return
        await asyncio.wait((self._task,), timeout=seconds)
        if self._waiting:
            self._on_failure(
                f"{units.plural(len(self._waiting), 'alert')} dropped: natsmon ended before the command ran"
            )
        self._waiting.clear()
        # The task is not cancelled: while it starts a process, the process group would be lost.
        self._run_seconds = 0.0
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time())
        await asyncio.wait((self._task,))

    async def _work(self) -> None:
        while self._waiting:
            flag, command, alert = self._waiting.popleft()
            if failure := await self._run(command, alert):
                self._on_failure(f"{flag}: {failure}")

    async def _run(self, command: Sequence[str], alert: Alert) -> str:
        """Why the command failed; empty where it did not."""
        try:
            with _errors_file() as errors:
                return await self._run_with(errors, command, alert)
        except OSError as error:
            return f"{printable(command[0])}: {error.strerror}"

    async def _run_with(self, errors: IO[bytes], command: Sequence[str], alert: Alert) -> str:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=errors,
            env=child_environment() | alert.variables(),
            start_new_session=True,
        )
        talking = asyncio.ensure_future(process.communicate(msgspec.json.encode(alert) + b"\n"))
        try:
            async with asyncio.timeout(self._run_seconds) as self._limit:
                while not (await asyncio.wait((talking,), timeout=_LOOK_EVERY))[0]:
                    if os.fstat(errors.fileno()).st_size > _ERRORS_KEPT:
                        return f"{printable(command[0])} wrote {units.size(_ERRORS_KEPT)} of errors and was killed"
                await talking
        except TimeoutError:
            within = f"within {self._run_seconds:g} s" if self._run_seconds else "before natsmon"
            return f"{printable(command[0])} did not end {within} and was killed"
        finally:
            self._limit = None
            talking.cancel()
            # Also what the command has started and left behind.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if process.returncode is None:
                await process.wait()
        if process.returncode == 0:
            return ""
        begin = max(0, os.fstat(errors.fileno()).st_size - _ERRORS_READ)
        text = os.pread(errors.fileno(), _ERRORS_READ, begin).decode(errors="replace")
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        reason = f": {printable(lines[-1][:_ERROR_LIMIT])}" if lines else ""
        return f"{printable(command[0])}: {ended(process.returncode or 0)}{reason}"


def _errors_file() -> IO[bytes]:
    """A file for standard error; a pipe may be kept open by what the command leaves running.

    The null device where there is no room for a file: the command is to run, on a full disk above all.
    """
    import tempfile  # as long as 5 % of a start

    try:
        return tempfile.TemporaryFile()
    except OSError:
        return open(os.devnull, "r+b")
