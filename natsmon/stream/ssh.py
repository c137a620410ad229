"""A source on another machine: runs natsmon there over ssh, reads its stream and sends it commands."""

import asyncio
import os
import shlex
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

from natsmon.stream import events as ev
from natsmon.stream.codec import LineSplitter, decoded, encode_command
from natsmon.stream.commands import AnyCommand
from natsmon.stream.pipe import Pipe
from natsmon.text.plain_text import printable

_CHUNK = 64 * 1024
_END_TIMEOUT = 2.0
"""Seconds for ssh to end and for its error to arrive, after the end of the stream."""


class NoRemote(Exception):
    """Why no event arrived; ``status`` is the exit status of ssh, or of the command it ran."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class LastErrorLine:
    """The last line of a process's standard error; each is passed on, in a thread."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.last = ""
        self.pass_on: Callable[[str], object] = str
        self._process = process
        self._thread = threading.Thread(target=self._listen, name="last_error", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with suppress(OSError, ValueError, RuntimeError):  # the loop is closed
            for line in self._process.stderr:
                if text := line.decode(errors="replace").strip():
                    self.last = text
                    self.pass_on(text)

    def end(self) -> str:
        self._thread.join(_END_TIMEOUT)  # a shared ssh connection may hold it open
        return self.last


class Remote(Pipe):
    """``ssh HOST natsmon --json --control …``, whose first event has arrived."""

    def __init__(
        self, process: subprocess.Popen[bytes], last_error: LastErrorLine, splitter: LineSplitter, first: list[bytes]
    ) -> None:
        assert process.stdout is not None
        super().__init__(process.stdout.fileno(), splitter, first)
        self._process = process
        self._last_error = last_error

    def send(self, command: AnyCommand) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(encode_command(command))

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        loop = asyncio.get_running_loop()
        self._last_error.pass_on = lambda line: loop.call_soon_threadsafe(self._pass_on, line)
        async for event in super().events():
            yield event

    def _pass_on(self, line: str) -> None:
        if self.on_stray is not None:
            self.on_stray(line)

    async def ending(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, _END_TIMEOUT)
        return _exit_reason(self._process.poll(), await asyncio.to_thread(self._last_error.end))

    def kill(self) -> None:
        """End ssh; the remote probe drains and ends with its standard input."""
        super().kill()
        _end(self._process)


def start(host: str, arguments: Sequence[str]) -> Remote:
    """Start natsmon on a host and wait for its first event; ssh may ask questions at the terminal meanwhile.

    Raises:
        NoRemote: No event arrived.
    """
    command = ["ssh", host, shlex.join(["natsmon", "--json", "--control", *arguments])]
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)  # noqa: S603  as asked for
    except FileNotFoundError:
        raise NoRemote("ssh is not installed, or not on PATH", 127) from None
    except OSError as error:
        raise NoRemote(f"ssh cannot be run: {error.strerror}", 126) from None
    last_error, splitter = LastErrorLine(process), LineSplitter()
    try:
        first, greeting = _first_event(process, splitter)
        if not first:
            status = process.wait()
            raise NoRemote(f"{printable(host)}: {_exit_reason(status, last_error.end() or greeting)}", status)
    except BaseException:
        _end(process)
        raise
    return Remote(process, last_error, splitter, first)


def _first_event(process: subprocess.Popen[bytes], splitter: LineSplitter) -> tuple[list[bytes], str]:
    """The lines from the first event on, and the last line before it, such as a shell's greeting."""
    assert process.stdout is not None
    greeting = ""
    while True:
        chunk = os.read(process.stdout.fileno(), _CHUNK)
        lines = list(splitter.feed(chunk)) if chunk else [splitter.rest()]
        for number, line in enumerate(lines):
            if decoded(line) is not None:
                return lines[number:], greeting
            greeting = line.decode(errors="replace").strip() or greeting
        if not chunk:
            return [], greeting


def _exit_reason(status: int | None, error: str) -> str:
    how = "the stream ended, and ssh did not" if status is None else f"ssh ended with exit status {status}"
    return how + (f": {printable(error)}" if error else "")


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.2)
        return
    process.kill()
    process.wait()
