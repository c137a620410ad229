"""Stray output: what a library or a child process writes to the terminal, kept off the screen."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

_CHUNK = 64 * 1024


class StrayOutput:
    """Takes the place of the terminal on standard output and standard error, line by line."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._terminals: dict[int, int] = {}
        """Copies of the descriptors that were replaced."""
        self._part = b""
        self._read_end, self._write_end = os.pipe()
        for end in (self._read_end, self._write_end):  # a write to a pipe that is not read must not block
            os.set_blocking(end, False)
        asyncio.get_running_loop().add_reader(self._read_end, self._read)

    def begin(self) -> None:
        """Replace standard output and standard error, where they are terminals."""
        for descriptor in (1, 2):
            if os.isatty(descriptor):
                self._terminals[descriptor] = os.dup(descriptor)
                os.dup2(self._write_end, descriptor)

    def end(self, *, write: bool) -> None:
        """Restore them, and ``write`` to standard error what has not been read."""
        for descriptor, copy in self._terminals.items():
            os.dup2(copy, descriptor)
            os.close(copy)
        self._terminals.clear()
        rest = self._part + self._received()
        self._part = b""
        if write and rest:
            with suppress(OSError):
                os.write(2, rest)

    def _received(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self._read_end, _CHUNK)
        return b""

    def _read(self) -> None:
        *lines, part = (self._part + self._received()).split(b"\n")
        self._part = part[-_CHUNK:]
        for line in lines:
            if line.strip():
                self._on_line(line.decode(errors="replace").rstrip())
