"""One file of a recording, added to at its end so that it is whole after every write.

Compressing each second's lines by themselves wastes most of what compression gives; holding them back until
there are enough loses them in a kill. So they are written twice: at once, as a small member of their own, and
when a chunk of them is together, all of it as one member in place of the small ones. That one is shorter than
what it replaces. It is written over their beginning first, and the rest is cut off after that, so there is no
moment at which the lines are not in the file; a kill between the two leaves bytes behind that a reader knows
for what they are.
"""

import fcntl
import os
import stat
from pathlib import Path

from natsmon.recording import beginning
from natsmon.recording.compression import Compression

CHUNK = 64 * 1024
"""Bytes of lines that are compressed together. More would save little: 64 KiB are eight minutes of a quiet run."""
_MODE = 0o600


class NotOurs(Exception):
    """A file that must not be added to; says why."""


class Part:
    def __init__(self, path: Path, compression: Compression | None) -> None:
        """Opens a file, makes it, or goes on at its end. Raises OSError and NotOurs."""
        self._compression = compression
        self._chunk = bytearray()
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, _MODE)
        try:
            self.size = self._chunk_start = self._end_of_ours()
            if self.size and compression is None and os.pread(self._fd, 1, self.size - 1) != b"\n":
                self._append(b"\n")  # a line that was cut off takes none of ours with it
        except BaseException:
            os.close(self._fd)
            raise

    def _end_of_ours(self) -> int:
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise NotOurs("is not a regular file")
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotOurs("is being written by another natsmon") from None
        size = os.fstat(self._fd).st_size
        if size and not beginning.of(self._fd, self._compression).ours:
            raise NotOurs("is there already, and is no such recording; try another name")
        return size

    def write(self, lines: bytes) -> None:
        """Whole lines. They are in the file, all or none, when this returns or raises OSError."""
        if os.fstat(self._fd).st_nlink == 0:
            raise FileNotFoundError(2, "the file has been deleted")
        if self._compression is None:
            self._append(lines)
            return
        if len(lines) >= CHUNK and not self._chunk:
            self._append(self._compression.whole(lines))
            self._chunk_start = self.size
            return
        self._append(self._compression.small(lines))
        self._chunk += lines
        if len(self._chunk) >= CHUNK:
            self.settle()

    def settle(self) -> None:
        """Put one member in place of the small ones since the last chunk. Raises OSError."""
        if self._compression is None or not self._chunk:
            return
        member = self._compression.whole(bytes(self._chunk))
        if len(member) < self.size - self._chunk_start:
            self._write_at(self._chunk_start, member)
            self.size = self._chunk_start + len(member)
            os.ftruncate(self._fd, self.size)
        self._chunk.clear()
        self._chunk_start = self.size

    def close(self) -> None:
        """Raises OSError; the file is closed all the same."""
        try:
            self.settle()
        finally:
            os.close(self._fd)

    def abandon(self) -> None:
        """Close it as it is."""
        os.close(self._fd)

    def _append(self, data: bytes) -> None:
        try:
            self._write_at(self.size, data)
        except OSError:
            os.ftruncate(self._fd, self.size)  # half a line or member would be damage to whoever reads it
            raise
        self.size += len(data)

    def _write_at(self, offset: int, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._fd, view, offset)
            offset += written
            view = view[written:]
