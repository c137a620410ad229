"""A pseudo-terminal that nobody looks at: a program draws into it, and what it drew is thrown away.

A terminal emulator in the benchmark's own process would compete with what is measured.
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
from collections.abc import Sequence
from typing import Self

from benchmarks import processes

_TAKE_TERMINAL = "import fcntl,os,sys,termios;fcntl.ioctl(0,termios.TIOCSCTTY,0);os.execvp(sys.argv[1],sys.argv[1:])"


class UnseenTerminal:
    def __init__(self, command: Sequence[str], *, size: tuple[int, int] = (120, 36), fds: Sequence[int] = ()) -> None:
        """``size`` is columns and lines; ``fds`` are descriptors the program inherits."""
        self._command = command
        self._size = size
        self._fds = fds

    def __enter__(self) -> Self:
        self._outer, inner = pty.openpty()
        self._ended, self._end = os.pipe()
        try:
            columns, lines = self._size
            fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
            self._process = subprocess.Popen(
                [self._command[0], "-c", _TAKE_TERMINAL, *self._command],
                stdin=inner,
                stdout=inner,
                stderr=inner,
                env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
                start_new_session=True,
                pass_fds=self._fds,
            )
        finally:
            os.close(inner)
        self.bytes_drawn = 0
        self._reader = threading.Thread(target=self._read, name="unseen terminal", daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_: object) -> None:
        processes.end(self._process)
        os.write(self._end, b".")
        self._reader.join()
        for descriptor in (self._outer, self._ended, self._end):
            os.close(descriptor)

    @property
    def pid(self) -> int:
        return self._process.pid

    def _read(self) -> None:
        while self._ended not in (ready := select.select([self._outer, self._ended], [], [])[0]):
            try:
                self.bytes_drawn += len(os.read(self._outer, 1 << 16)) if ready else 0
            except OSError:  # Linux's way to say that the program closed its side
                return
