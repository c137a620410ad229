"""Writing a recording: lines appended to one file, and the next part begun when one is full."""

import fcntl
import os
import secrets
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from natsmon.recording import part_files
from natsmon.recording.compression import Compression, Compressor, by_suffix
from natsmon.stream import events as ev
from natsmon.stream.codec import decoded, encode

if TYPE_CHECKING:
    from natsmon.state import Tracks

MEMBER_SECONDS = 60.0
MEMBER_BYTES = 1024 * 1024
"""Seconds, and bytes of lines, after which a member ends and the next begins."""
_MODE = 0o600


class Target(msgspec.Struct, frozen=True):
    """A recording that is wanted."""

    path: str = ""
    """Empty when nothing is recorded, or not yet."""
    part_size: int | None = None
    """Bytes of a part, without its snapshot; None for one file that grows."""
    keep: int = 10
    """Parts kept, the one that is written among them."""


class NotOurs(Exception):
    """A file that a recording must not replace; the text has the reason."""


class PartFile:
    """One file, written from its beginning to its end; each ``write`` is flushed."""

    def __init__(self, path: Path, compression: Compression | None) -> None:
        """Make the file, or use an empty one. Raises OSError and NotOurs."""
        self.size = 0
        """Bytes written."""
        self._compression = compression
        self._member: Compressor | None = None
        self._member_began = 0.0
        self._member_bytes = 0
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK, _MODE)
        try:
            _lock(self._fd)
        except NotOurs:
            self.abandon()
            raise

    def write(self, lines: bytes) -> None:
        """Append whole lines; when this returns, a reader finds them. After an OSError, none of them is in the file."""
        now = os.fstat(self._fd)
        if now.st_nlink == 0:
            raise FileNotFoundError(2, "the file has been deleted")
        if now.st_size != self.size:
            raise OSError(0, f"another process has {'truncated' if now.st_size < self.size else 'written to'} the file")
        self._append(lines if self._compression is None else self._compressed(lines, self._compression))

    def _compressed(self, lines: bytes, compression: Compression) -> bytes:
        ended = b""
        if self._member is not None and (
            self._member_bytes >= MEMBER_BYTES or time.monotonic() >= self._member_began + MEMBER_SECONDS
        ):
            ended = self._member.flush(compression.finish)
            self._member = None
        if self._member is None:
            self._member = compression.compressor()
            self._member_began, self._member_bytes = time.monotonic(), 0
        self._member_bytes += len(lines)
        return ended + self._member.compress(lines) + self._member.flush(compression.sync)

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._fd, self.size)
            raise
        self.size += len(data)

    def close(self) -> None:
        """End the last member. Raises OSError; the file is closed all the same."""
        try:
            if self._member is not None and self._compression is not None:
                self._append(self._member.flush(self._compression.finish))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the file as it is."""
        fd, self._fd = self._fd, -1
        os.close(fd)


class RecordingWriter:
    """The parts of one recording, one after the other. It writes in the thread that calls it."""

    def __init__(self, target: Target) -> None:
        """Begin the first part. Raises OSError, NotOurs, and NoZstd where the package for ``.zst`` is not installed."""
        self.path = Path(os.path.realpath(target.path))
        self.lines = 0
        """Lines written so far, to all parts, without those that natsmon adds."""
        self._target = target
        self._compression = by_suffix(target.path)
        self._tracks = _new_tracks() if target.part_size is not None else None
        self._head = _make_room(self.path) or ev.Part(recording=secrets.token_hex(16))
        self._head_size = 0
        self._file = self._begin(b"")

    @property
    def size(self) -> int:
        """Bytes of the part that is written."""
        return self._file.size

    def write(self, lines: list[bytes]) -> None:
        """Append whole lines, as in a ``PartFile``."""
        if self._target.part_size is not None and self.size - self._head_size >= self._target.part_size:
            self._begin_next()
        self._file.write(b"".join(lines))
        self.lines += len(lines)
        if self._tracks is not None:
            for line in lines:
                if (event := decoded(line)) is not None:
                    self._tracks.apply(event)

    def close(self) -> None:
        """Raises OSError; the file is closed all the same."""
        self._file.close()

    def abandon(self) -> None:
        """Close the file as it is, after an error."""
        with suppress(OSError):
            self._file.abandon()

    def _begin(self, snapshot: bytes) -> PartFile:
        """Begin the part that ``_head`` describes, and delete the oldest ones.

        The first line is flushed alone, so that it can be read without the rest.
        """
        file = PartFile(self.path, self._compression)
        try:
            file.write(encode(self._head))
            if snapshot:
                file.write(snapshot)
        except OSError:
            file.abandon()
            if not file.size:  # an empty file would hide the parts before it from a reader
                self.path.unlink(missing_ok=True)
            raise
        self._head_size = file.size
        if self._target.part_size is not None:
            full = part_files.full_parts(self.path)
            for _, oldest in full[: max(0, len(full) + 1 - self._target.keep)]:
                oldest.unlink(missing_ok=True)
        return file

    def _begin_next(self) -> None:
        """Number the part that is full, and begin the next one."""
        assert self._tracks is not None
        snapshot = self._tracks.snapshot()
        self._file.close()
        self.path.rename(part_files.free(self.path, self._head.number))
        number = self._head.number + 1
        self._head = ev.Part(recording=self._head.recording, number=number, repeated=snapshot.count(b"\n"))
        self._file = self._begin(snapshot)


def _make_room(path: Path) -> ev.Part | None:
    """Give a recording in ``path`` its number; the head of the part that follows it, or None when there is no file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotOurs("is not a regular file")
        _lock(fd)
        if not status.st_size:
            return None
        before = part_files.head_of(path)
        if before is None:
            raise NotOurs("exists and was not written by --record; try another name")
        path.rename(part_files.free(path, before.number))
        return ev.Part(recording=before.recording, number=before.number + 1)
    finally:
        os.close(fd)


def _lock(fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NotOurs("is being written by another natsmon") from None


def _new_tracks() -> "Tracks":
    from natsmon.state import Tracks  # only a recording in parts folds what it writes: the import costs a start
    from natsmon.wording.narration import narrate

    return Tracks(narrate)
