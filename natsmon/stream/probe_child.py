"""A probe in a child process: events from its standard output, commands to its standard input."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import suppress

from natsmon.config.settings import Settings, to_line
from natsmon.stream import events as ev
from natsmon.stream.codec import LINE_LIMIT, LineSplitter, decoded, encode_command
from natsmon.stream.commands import AnyCommand, Open
from natsmon.stream.process_start import child_argv, child_environment
from natsmon.stream.source import Source

_CHUNK = 256 * 1024


class ProbeChild(Source):
    """A probe in a process of its own. It drains and ends when this process ends, in whatever way."""

    can_restart = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        """For the next start of a probe: those of the last ``Open``, or those of the first start."""
        self._process: asyncio.subprocess.Process | None = None
        self._early: list[bytes] = []
        """Commands for a probe that is being started."""

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        """Start a probe and return its events until it ends."""
        self.exit_reason = ""
        self._process = None
        process = self._process = await asyncio.create_subprocess_exec(
            *child_argv("natsmon.probe.child"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=child_environment(),
            limit=LINE_LIMIT,
            start_new_session=True,  # the terminal's ctrl+c is for the view
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        last_error = asyncio.ensure_future(self._last_line(process.stderr))
        process.stdin.write(to_line(self.settings) + b"".join(self._early))
        self._early.clear()
        splitter = LineSplitter()
        try:
            while chunk := await process.stdout.read(_CHUNK):
                for line in splitter.feed(chunk):
                    if self.tap is not None:
                        self.tap(line + b"\n")
                    if (event := decoded(line)) is not None:
                        yield event
            self.exit_reason = _exit_reason(await process.wait(), await last_error)
        finally:
            last_error.cancel()
            self.kill()

    async def _last_line(self, stream: asyncio.StreamReader) -> str:
        """Pass the lines of standard error on; returns the last one."""
        splitter, last = LineSplitter(), ""
        while chunk := await stream.read(_CHUNK):
            for line in splitter.feed(chunk):
                if (text := line.decode(errors="replace").rstrip()) and self.on_stray is not None:
                    self.on_stray(text)
                last = text.strip() or last
        return splitter.rest().decode(errors="replace").strip() or last

    def send(self, command: AnyCommand) -> None:
        line = encode_command(command)
        starting = self._process is None or self._process.returncode is not None
        if isinstance(command, Open):
            self.settings = command.settings
            if starting:
                return  # the probe starts with them
        if self._process is None or starting:
            self._early.append(line)
        elif self._process.stdin is not None:
            with suppress(OSError, RuntimeError):
                self._process.stdin.write(line)

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()


def _exit_reason(returncode: int, error: str) -> str:
    if returncode < 0:
        try:
            return f"killed by {signal.Signals(-returncode).name}"
        except ValueError:
            return f"killed by signal {-returncode}"
    return f"exit status {returncode}" + (f": {error}" if error else "")
