"""A probe in a child process: events from its standard output, commands to its standard input."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import aclosing

from natsmon.config.settings import Settings, to_line
from natsmon.stream import events as ev
from natsmon.stream.codec import LineSplitter, decoded, encode_command
from natsmon.stream.commands import AnyCommand, Open
from natsmon.stream.incoming import Incoming
from natsmon.stream.process_start import child_argv, child_environment
from natsmon.stream.source import Source
from natsmon.text.exit_status import ended


class ProbeChild(Source):
    """A probe in a process of its own. It drains and ends when this process ends, in whatever way."""

    can_restart = True

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        """For the next start of a probe: those of the last ``Open``, or those of the first start."""
        self._process: subprocess.Popen[bytes] | None = None
        self._commands: asyncio.WriteTransport | None = None
        """To the probe; None before the first."""
        self._early: list[bytes] = []
        """Commands for a probe that is being started."""

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        """Start a probe and return its events until it ends."""
        self.exit_reason = ""
        process = self._process = subprocess.Popen(  # noqa: ASYNC220, S603  takes 1 ms; our own command line
            child_argv("natsmon.probe.child"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
            start_new_session=True,  # the terminal's ctrl+c is for the view
        )
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        last_error = asyncio.ensure_future(self._last_line(process.stderr.fileno()))
        try:
            self._commands, _ = await asyncio.get_running_loop().connect_write_pipe(asyncio.BaseProtocol, process.stdin)
            self._commands.write(to_line(self.settings) + b"".join(self._early))
            self._early.clear()
            splitter = LineSplitter()
            async with aclosing(Incoming(process.stdout.fileno()).chunks()) as chunks:
                async for chunk in chunks:
                    for line in splitter.feed(chunk):
                        if self.tap is not None:
                            self.tap(line + b"\n")
                        if (event := decoded(line)) is not None:
                            yield event
            how, error = ended(await asyncio.to_thread(process.wait)), await last_error
            self.exit_reason = f"{how}: {error}" if error else how
        finally:
            last_error.cancel()
            await asyncio.wait([last_error])  # its pipe may be closed then
            if self._commands is not None and not self._commands.is_closing():
                self._commands.abort()
                await asyncio.sleep(0)  # it is closed in the next turn of the loop
            with process:  # closes its pipes
                process.kill()

    async def _last_line(self, fd: int) -> str:
        """Pass the lines of standard error on; returns the last one."""
        splitter, last = LineSplitter(), ""
        async for chunk in Incoming(fd).chunks():
            for line in splitter.feed(chunk):
                if (text := line.decode(errors="replace").rstrip()) and self.on_stray is not None:
                    self.on_stray(text)
                last = text.strip() or last
        return splitter.rest().decode(errors="replace").strip() or last

    def send(self, command: AnyCommand) -> None:
        line = encode_command(command)
        starting = self._commands is None or self._commands.is_closing()
        if isinstance(command, Open):
            self.settings = command.settings
            if starting:
                return  # the probe starts with them
        if starting:
            self._early.append(line)
        elif self._commands is not None:
            self._commands.write(line)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
