"""A recording, read: its parts as one stream, compressed or not, and whatever has happened to the files.

``Recording(paths).events()`` gives what can be read, ``skipped`` says what could not, where and why. What is in
a file is data: nothing in it raises.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from natsmon.recording import names
from natsmon.recording.compression import Compression, NoZstd, by_content
from natsmon.recording.members import Members
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.text.plain_text import printable
from natsmon.text.units import LONGEST

_BLOCK = 128 * 1024
_LONGEST_LINE = 8 * 1024 * 1024
"""Bytes; a snapshot is the longest of ours, and shorter by far."""
_FOREIGN = 1_000
"""Lines after which a file without one event in it is not read on."""


class Unreadable(Exception):
    """A recording that cannot be opened; says which file and why, for a person."""


class Skipped(msgspec.Struct, frozen=True):
    """What could not be read."""

    path: str
    where: str
    """``line 17`` of the text, or ``byte 1,234`` of the file; the first one, where there are several."""
    why: str
    count: int = 1

    def __str__(self) -> str:
        more = f" and {self.count - 1:,} more" if self.count > 1 else ""
        return printable(f"{self.path}: {self.where}{more}: {self.why}")


class Batch(msgspec.Struct, frozen=True):
    """What was read at once, and how far that is."""

    events: list[ev.AnyEvent]
    lines: list[bytes]
    """The line of each event as it stands in the recording, without its end."""
    read: int
    """Bytes of all files, as they lie on the disk."""
    total: int


class Recording:
    """One or more files, read once from the first line to the last.

    A session begins with its ``Session``; another one with another ``id`` is another session, and where a file
    was added to there are several. The beginnings of later parts are left out where nothing is missing before
    them, so that what comes out is what one file would have held.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        """The full parts of each path come before it. Raises Unreadable when one is missing or cannot be opened."""
        self.parts = _parts(paths)
        """Every file, in the order of reading."""
        self.total = sum(map(_size, self.parts))
        """Bytes on the disk when it was opened."""
        self.read = 0
        """Bytes of them read so far."""
        self.sessions = 0
        """Begun so far."""
        self._files: list[_File] = []
        self._session = ""
        self._seamless = False
        """So far a part only repeats what was read before it."""

    @property
    def skipped(self) -> list[Skipped]:
        """What could not be read so far: each reason once for a file."""
        return [note for file in self._files for note in file.notes.values()]

    def events(self) -> Iterator[ev.AnyEvent]:
        for batch in self.batches():
            yield from batch.events

    def batches(self) -> Iterator[Batch]:
        """A few hundred events at a time, so that whoever reads can show how far it is, or leave."""
        before, last = 0, None
        for path in self._in_turn():
            file = _File(path)
            self._files.append(file)
            self._seamless = last is not None and not last.notes and names.follows(last.path, path)
            for lines in file.pieces():
                self.read = min(self.total, before + file.at)
                yield self._batch(file, lines)
            before, last = before + file.at, file
        self.read = self.total
        yield Batch([], [], self.read, self.total)

    def _in_turn(self) -> Iterator[Path]:
        """The parts, and what has become one while those before it were read."""
        done = set()
        for path in self.parts:
            for _, full in names.numbered(path):
                if full not in done and full not in self.parts:
                    done.add(full)
                    yield full
            yield path

    def _batch(self, file: "_File", lines: list[bytes]) -> Batch:
        events: list[ev.AnyEvent] = []
        kept: list[bytes] = []
        for event, line in file.decoded(lines):
            if isinstance(event, ev.Session):
                if event.schema > ev.SCHEMA:
                    file.note(f"is a newer natsmon's (schema {event.schema}): what is not known here is left out")
                if event.id == self._session:
                    continue
                self._session, self._seamless = event.id, False
                self.sessions += 1
            elif self._seamless:
                if isinstance(event, ev.Connection | ev.Snapshot | ev.SnapshotEnd):
                    continue
                self._seamless = False
            events.append(event)
            kept.append(line)
        return Batch(events, kept, self.read, self.total)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a link to nowhere, or let go of in this moment: it is said when its turn comes
        return 0


def _parts(paths: Sequence[str | Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for given in map(Path, paths):
        path = Path(os.path.realpath(given)) if given.is_symlink() else given  # its parts are beside the file itself
        try:
            if given.exists() and not (given.is_file() or given.is_dir()):
                raise Unreadable(f'"{printable(str(given))}" is a pipe or a device; put what comes from it into a file')
            full = [part for _, part in names.numbered(path)]
            if not full or path.exists():
                with open(path, "rb") as file:
                    by_content(path.name, file.read(4))
                full.append(path)
        except OSError as error:
            raise Unreadable(f'"{printable(str(path))}" cannot be read: {error.strerror}') from None
        except NoZstd as error:
            raise Unreadable(f'"{printable(str(path))}" {error}') from None
        found |= dict.fromkeys(full)
    return list(found)


class _File:
    """One file as pieces of text, cut into lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0
        """Bytes of it that have been read."""
        self.notes: dict[str, Skipped] = {}
        self._number = 0
        """Of the line read last."""
        self._good = 0
        self._rest = b""
        self._cut = False
        """The line read last has no end."""
        self._endless = False
        """A line was longer than any of ours."""

    def note(self, why: str, where: str = "") -> None:
        known = self.notes.get(why)
        where, count = (known.where, known.count + 1) if known else (where or f"line {self._number:,}", 1)
        self.notes[why] = Skipped(str(self.path), where, why, count)

    def pieces(self) -> Iterator[list[bytes]]:
        """Lines without their ends."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:  # it was there a moment ago
            self.note(f"cannot be read: {error.strerror}", "all of it")
            return
        try:
            yield from self._pieces(fd)
        except OSError as error:
            self.note(f"cannot be read on: {error.strerror}")
        finally:
            os.close(fd)

    def _pieces(self, fd: int) -> Iterator[list[bytes]]:
        try:
            compression = by_content(self.path.name, os.pread(fd, 4, 0))
        except NoZstd as error:
            self.note(str(error), "all of it")
            return
        for text in self._texts(fd, compression):
            yield self._lines(text) if text is not None else self._torn()
            if self._foreign():
                return
        yield self._torn()
        self._foreign(ended=True)

    def _texts(self, fd: int, compression: Compression | None) -> Iterator[bytes | None]:
        if compression is None:
            while block := os.pread(fd, _BLOCK, self.at):
                self.at += len(block)
                yield block
            return
        members = Members(fd, compression, lambda where, why: self.note(why, where))
        for text in members.texts():
            self.at = members.at
            yield text

    def _lines(self, text: bytes) -> list[bytes]:
        if not text:
            return []
        *lines, self._rest = (self._rest + text).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            self._rest, self._endless = b"", True
            self.note("has no end")
        return lines

    def _torn(self) -> list[bytes]:
        """The line that was begun, where nothing more of it follows; it may lack no more than its end."""
        torn, self._rest = self._rest, b""
        self._cut = bool(torn)
        return [torn] if torn else []

    def _foreign(self, *, ended: bool = False) -> bool:
        """Whether this is no recording, which is said instead of every line that was no event."""
        if self._good or not (self._endless or self._number >= (1 if ended else _FOREIGN)):
            return False
        self.notes.clear()
        self.note("is no recording of natsmon", "all of it")
        return True

    def decoded(self, lines: list[bytes]) -> Iterator[tuple[ev.AnyEvent, bytes]]:
        """Events with their lines; what is none is noted."""
        decode = codec.decode_event
        for line in lines:
            self._number += 1
            try:
                event = decode(line)
            except msgspec.DecodeError:
                if line.strip():
                    self.note("is cut off" if self._cut else "is no event")
                continue
            self._good += 1
            if event is None:
                self.note("is of a kind that is not known here")
            elif not -LONGEST < event.t < LONGEST:
                self.note("happened at no time there is")
            else:
                yield event, line
        self._cut = False
