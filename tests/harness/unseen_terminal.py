"""A pseudo-terminal whose output is read and discarded: an emulator would compete with what is measured."""

import os
import pty
import select
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import pyte

from tests.harness import processes
from tests.harness.pseudo_terminal import UNKNOWN, environment, set_size, with_terminal

_KEPT = 64 * 1024


class UnseenTerminal:
    def __init__(
        self,
        command: Sequence[str],
        *,
        size: tuple[int, int] = (120, 36),
        fds: Sequence[int] = (),
        cwd: Path | None = None,
    ) -> None:
        """``size`` is columns and lines; ``fds`` are descriptors the program inherits."""
        self.size = size
        self._command = command
        self._fds = fds
        self._cwd = cwd

    def __enter__(self) -> Self:
        self._outer, inner = pty.openpty()
        self._ended, self._end = os.pipe()
        try:
            set_size(inner, *self.size)
            self._process = subprocess.Popen(
                with_terminal(self._command),
                stdin=inner,
                stdout=inner,
                stderr=inner,
                env=environment(),
                pass_fds=self._fds,
                cwd=self._cwd,
            )
        finally:
            os.close(inner)
        self.bytes_drawn = 0
        self.tail = b""
        """The end of its output."""
        self._reader = threading.Thread(target=self._read, name="unseen terminal", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        processes.end(self._process)
        self.close_terminal()

    def send(self, keys: bytes) -> None:
        os.write(self._outer, keys)

    def resize(self, columns: int, lines: int) -> None:
        self.size = columns, lines
        set_size(self._outer, columns, lines)

    def close_terminal(self) -> None:
        """Close it, as a terminal emulator that ends does. May be called again."""
        if self._outer >= 0:
            os.write(self._end, b".")
            self._reader.join()
            for descriptor in (self._outer, self._ended, self._end):
                os.close(descriptor)
            self._outer = -1

    def since(self, drawn: int) -> bytes:
        """Its output from ``drawn`` bytes on, as far as it is kept."""
        return self.tail[max(0, len(self.tail) - self.bytes_drawn + drawn) :]

    def text(self) -> str:
        """What the end of its output leaves on the screen."""
        screen = pyte.Screen(*self.size)
        pyte.ByteStream(screen).feed(UNKNOWN.sub(b"", self.tail))
        return "\n".join(line.rstrip() for line in screen.display).strip()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        while self._ended not in (ready := select.select([self._outer, self._ended], [], [])[0]):
            try:
                data = os.read(self._outer, 1 << 16) if ready else b""
            except OSError:  # on Linux, the program closed its side
                return
            self.bytes_drawn += len(data)
            self.tail = (self.tail + data)[-_KEPT:]
