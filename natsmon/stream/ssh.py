"""A source on another machine: runs natsmon there over ssh, reads its stream and sends it commands."""

import asyncio
import os
import shlex
import subprocess
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from natsmon.stream import events as ev
from natsmon.stream.codec import decoded, encode_command
from natsmon.stream.commands import AnyCommand
from natsmon.stream.pipe import Pipe
from natsmon.text import exit_status
from natsmon.text.plain_text import printable

_CHUNK = 64 * 1024
_END_TIMEOUT = 2.0
"""Seconds for ssh to end and for its error to arrive, after the end of the stream."""


class NoRemote(Exception):
    """Why no event arrived; ``status`` is the exit status of ssh, or of the command it ran."""

    def __init__(self, why: str, status: int) -> None:
        super().__init__(why)
        self.status = status


class Remote(Pipe):
    """``ssh HOST natsmon --json --control …``, made when its first event has arrived.

    ssh may ask questions at the terminal meanwhile. Raises NoRemote where no event arrives.
    """

    def __init__(self, host: str, arguments: Sequence[str]) -> None:
        command = ["ssh", host, shlex.join(["natsmon", "--json", "--control", *arguments])]
        pipe = subprocess.PIPE
        try:
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)  # noqa: S603  as asked for
        except FileNotFoundError:
            raise NoRemote("ssh is not installed, or not on PATH", 127) from None
        except OSError as error:
            raise NoRemote(f"ssh cannot be run: {error.strerror}", 126) from None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdin.fileno(), False)  # a command that a full pipe does not take is dropped
        self._stdout = self._process.stdout.fileno()
        super().__init__(self._stdout)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._last_error = ""
        self._errors = threading.Thread(target=self._read_errors, name="last_error", daemon=True)
        self._errors.start()
        try:
            greeting = self._read_first_event()
            if not self._before:
                status = self._process.wait()
                raise NoRemote(f"{printable(host)}: {self._how_it_ended(status, greeting)}", status)
        except BaseException:
            self.kill()
            raise

    def _read_errors(self) -> None:
        """Keep the last line of standard error and pass each on; in a thread, as ssh writes before the loop runs."""
        assert self._process.stderr is not None
        with suppress(OSError, ValueError, RuntimeError):  # the loop is closed
            for line in self._process.stderr:
                if text := line.decode(errors="replace").strip():
                    self._last_error = text
                    if self._loop is not None:
                        self._loop.call_soon_threadsafe(self._pass_on, text)

    def _pass_on(self, line: str) -> None:
        if self.on_stray is not None:
            self.on_stray(line)

    def _read_first_event(self) -> str:
        """Read until the first event; the last line before it, such as a shell's greeting."""
        greeting = ""
        while True:
            chunk = os.read(self._stdout, _CHUNK)
            lines = list(self._splitter.feed(chunk)) if chunk else [self._splitter.rest()]
            for number, line in enumerate(lines):
                if decoded(line) is not None:
                    self._before = lines[number:]
                    return greeting
                greeting = line.decode(errors="replace").strip() or greeting
            if not chunk:
                return greeting

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        self._loop = asyncio.get_running_loop()
        async for event in super().events():
            yield event

    def send(self, command: AnyCommand) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(encode_command(command))

    async def ending(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, _END_TIMEOUT)
        return await asyncio.to_thread(self._how_it_ended, self._process.poll())

    def _how_it_ended(self, status: int | None, greeting: str = "") -> str:
        self._errors.join(_END_TIMEOUT)  # a shared ssh connection may hold it open
        how = "the stream ended, and ssh did not" if status is None else exit_status.sentence("ssh", status)
        error = self._last_error or greeting
        return how + (f": {printable(error)}" if error else "")

    def kill(self) -> None:
        """End ssh; the remote probe drains and ends with its standard input."""
        super().kill()
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.2)
            return
        self._process.kill()
        self._process.wait()
