"""Where a view's events come from, and where its commands go.

A source is an async iterator of events with a ``send`` for commands. The view does not know which kind it
has: a probe process of its own, a recording, or standard input.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Protocol

import msgspec

from natsmon.config.settings import Settings, to_line
from natsmon.stream import events as ev
from natsmon.stream.child_process import child_argv, child_environment

_LONGEST_LINE = 4 * 1024 * 1024


class Source(Protocol):
    can_restart: bool
    """True when ``events`` may be called again after it has ended, for a new session."""
    obituary: str
    """How what is behind the source died, when it did not end as it should."""
    tap: Callable[[bytes], None] | None
    """Is given every line as it came, before its event is; for a recording."""

    def events(self) -> AsyncIterator[ev.AnyEvent]:
        """The events, in order, until the stream ends."""
        ...

    def send(self, command: ev.AnyCommand) -> None:
        """Pass a command on; never waits. Dropped when there is nobody left to take it."""
        ...

    def kill(self) -> None:
        """End what is behind the source at once."""
        ...


class ProbeProcess:
    """A probe in a process of its own. It ends, draining, when this process does, however that happens."""

    can_restart = True

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: asyncio.subprocess.Process | None = None
        self._early: list[bytes] = []
        """Commands for a probe that is being started."""
        self.obituary = ""
        self.tap: Callable[[bytes], None] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        """Starts a probe, and gives its events until it has ended."""
        self.obituary = ""
        self._process = None
        process = self._process = await asyncio.create_subprocess_exec(
            *child_argv("natsmon.probe.child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=child_environment(),
            limit=_LONGEST_LINE,
            start_new_session=True,  # the terminal's ctrl+c is the view's to understand
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        complaints = asyncio.ensure_future(_last_line(process.stderr))
        process.stdin.write(to_line(self._settings) + b"".join(self._early))
        self._early.clear()
        try:
            async for line in process.stdout:
                if self.tap is not None and line.endswith(b"\n"):
                    self.tap(line)
                with suppress(msgspec.DecodeError):  # the last line of a probe that was killed may be cut off
                    event = ev.decode_event(line)
                    if event is not None:
                        yield event
            self.obituary = _obituary(await process.wait(), await complaints)
        finally:
            complaints.cancel()
            self.kill()

    def send(self, command: ev.AnyCommand) -> None:
        if self._process is None or self._process.returncode is not None:
            self._early.append(ev.encode(command))
        elif self._process.stdin is not None:
            with suppress(OSError, RuntimeError):
                self._process.stdin.write(ev.encode(command))

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()


async def _last_line(stream: asyncio.StreamReader) -> str:
    """The last thing a process complained of; what it wrote before is read and let go."""
    last = b""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return last.decode(errors="replace").strip()
        last = line if line.strip() else last


def _obituary(returncode: int, complaint: str) -> str:
    if returncode < 0:
        try:
            return f"killed by {signal.Signals(-returncode).name}"
        except ValueError:
            return f"killed by signal {-returncode}"
    return f"exit status {returncode}" + (f": {complaint}" if complaint else "")
