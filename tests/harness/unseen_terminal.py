"""A pseudo-terminal whose output is read and discarded: an emulator would compete with what is measured."""

import os
import pty
import select
import subprocess
import threading
from collections.abc import Sequence
from typing import Self

from tests.harness import processes
from tests.harness.pseudo_terminal import environment, set_size, with_terminal


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
            set_size(inner, *self._size)
            self._process = subprocess.Popen(
                with_terminal(self._command),
                stdin=inner,
                stdout=inner,
                stderr=inner,
                env=environment(),
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
            except OSError:  # on Linux, the program closed its side
                return
