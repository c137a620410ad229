"""A natsmon on another machine, by ssh: its stream is ours to see, and the keys reach it."""

import asyncio
import os
import shlex
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress

from natsmon.stream import events as ev
from natsmon.stream.pipe import Lines, Pipe, decoded
from natsmon.text.plain_text import printable

_CHUNK = 64 * 1024
_LAST_WORDS = 2.0
"""Seconds ssh may take to end, and its complaint to arrive, once the stream is over."""


class NoRemote(Exception):
    """Why no natsmon was heard from; ``status`` is ssh's, or that of what it ran."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class Complaints:
    """The last thing a process said on its standard error; what it said before is read and let go."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.last = ""
        self._process = process
        self._thread = threading.Thread(target=self._listen, name="complaints", daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        assert self._process.stderr is not None
        with suppress(OSError, ValueError):
            for line in self._process.stderr:
                self.last = line.decode(errors="replace").strip() or self.last

    def end(self) -> str:
        self._thread.join(_LAST_WORDS)  # a connection shared with others may hold it open
        return self.last


class Remote(Pipe):
    """``ssh HOST natsmon --json --control …``, whose first event has come."""

    def __init__(
        self, process: subprocess.Popen[bytes], complaints: Complaints, lines: Lines, first: list[bytes]
    ) -> None:
        assert process.stdout is not None
        super().__init__(process.stdout.fileno(), lines, first)
        self._process = process
        self._complaints = complaints

    def send(self, command: ev.AnyCommand) -> None:
        assert self._process.stdin is not None
        with suppress(OSError, ValueError):
            self._process.stdin.write(ev.encode(command))

    async def last_words(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            await asyncio.to_thread(self._process.wait, _LAST_WORDS)
        return _account(self._process.poll(), await asyncio.to_thread(self._complaints.end))

    def kill(self) -> None:
        """The probe behind it drains and ends when its standard input does."""
        super().kill()
        _end(self._process)


def start(host: str, arguments: Sequence[str]) -> Remote:
    """Waits for the first event, while ssh may ask at the terminal what it has to. Raises NoRemote."""
    command = ["ssh", host, shlex.join(["natsmon", "--json", "--control", *arguments])]
    pipe = subprocess.PIPE
    try:
        process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0)  # noqa: S603  as asked for
    except FileNotFoundError:
        raise NoRemote("ssh is not installed, or not on PATH", 127) from None
    except OSError as error:
        raise NoRemote(f"ssh cannot be run: {error.strerror}", 126) from None
    complaints, lines = Complaints(process), Lines()
    try:
        first, said = _first_event(process, lines)
        if not first:
            status = process.wait()
            raise NoRemote(f"{printable(host)}: {_account(status, complaints.end() or said)}", status)
    except BaseException:
        _end(process)
        raise
    return Remote(process, complaints, lines, first)


def _first_event(process: subprocess.Popen[bytes], lines: Lines) -> tuple[list[bytes], str]:
    """From the first event on, what has been read; and before it the last thing that was none: a shell greets."""
    assert process.stdout is not None
    said = ""
    while True:
        chunk = os.read(process.stdout.fileno(), _CHUNK)
        cut = lines.cut(chunk) if chunk else lines.last()
        for number, line in enumerate(cut):
            if decoded(line) is not None:
                return cut[number:], said
            said = line.decode(errors="replace").strip() or said
        if not chunk:
            return [], said


def _account(status: int | None, complaint: str) -> str:
    how = "ssh goes on without a stream" if status is None else f"ssh ended with exit status {status}"
    return how + (f": {printable(complaint)}" if complaint else "")


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(OSError):
        process.stdin.close()
    with suppress(subprocess.TimeoutExpired):
        process.wait(0.2)
        return
    process.kill()
    process.wait()
