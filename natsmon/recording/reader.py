"""Reading a recording: its parts as one stream, compressed or not, whatever has happened to the files.

What a file contains is data: nothing in it raises. ``Recording.skipped`` lists what could not be read.
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from natsmon.recording import part_files
from natsmon.recording.compression import NoZstd, by_content
from natsmon.recording.members import Members
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.text.files import open_now
from natsmon.text.plain_text import printable

_FOREIGN = 1_000
"""Lines after which a file without an event is not read further."""
_INVALID = 100_000
"""Lines that are not events, after which a file is not read further."""
_SETTLED = 3.0
"""Seconds after which a file is not being written any more: a recorder flushes every second."""
_INCOMPLETE = "the file ends within a member: its writer was killed, or the file was cut off"

Recorded = tuple[ev.AnyEvent, bytes]
"""An event, and its line as it is in the recording, without its end."""


class Unreadable(Exception):
    """A recording cannot be opened; the text names the file and the reason."""


class Skipped(msgspec.Struct, frozen=True):
    """Something that could not be read."""

    path: str
    where: str
    """``line 17`` of the text, or ``byte 1,234`` of the file; of several, the first."""
    why: str
    count: int = 1

    @property
    def what(self) -> str:
        """Where, how often and why."""
        more = f" and {self.count - 1:,} more" if self.count > 1 else ""
        return f"{self.where}{more}: {self.why}"

    def __str__(self) -> str:
        return printable(f"{self.path}: {self.what}")


class Recording:
    """One or more files, read once from the first line to the last.

    A session begins with ``Session``; one with another ``id`` is another session. What a part repeats of the parts
    before it is left out when they were read completely.
    """

    def __init__(self, paths: Sequence[str | Path]) -> None:
        """Find the files, and the full parts of each. Raises Unreadable when one is missing or cannot be opened."""
        self.parts = _parts(paths)
        """Every file, in the order of reading."""
        self.total = sum(map(_size, self.parts))
        """Bytes on the disk when it was opened."""
        self.read = 0
        """Bytes of them read so far."""
        self._files: list[_File] = []
        self._missing: list[Skipped] = []
        self._session = ""
        self._head: ev.Part | None = None
        """The first line of the newest part; several parts may be joined in one file."""
        self._headed: _File | None = None
        """The file it is in."""
        self._repeated = 0
        """Lines that follow and repeat what was read before."""

    @property
    def skipped(self) -> list[Skipped]:
        """What could not be read so far, each reason once for a file."""
        return [*(note for file in self._files for note in file.notes.values()), *self._missing]

    def events(self) -> Iterator[ev.AnyEvent]:
        """Every event, in order."""
        for batch in self.batches():
            yield from (event for event, _ in batch)

    def batches(self) -> Iterator[list[Recorded]]:
        """A few hundred events at a time."""
        before = 0
        for path in self._in_turn():
            file = _File(path)
            self._files.append(file)
            self._repeated = 0
            for lines in file.pieces():
                self.read = min(self.total, before + file.at)
                yield list(self._new(file, lines))
            before += file.at
        self.read = self.total

    def _in_turn(self) -> Iterator[Path]:
        """The parts, and those that became full while the parts before them were read."""
        done = set(self.parts)
        for path in self.parts:
            for _, full in part_files.full_parts(path):
                if full not in done:
                    done.add(full)
                    yield full
            yield path

    def _new(self, file: "_File", lines: list[bytes]) -> Iterator[Recorded]:
        """Of these lines, the events that no part before had."""
        for event, line in file.decoded(lines):
            if isinstance(event, ev.Part):
                self._begin_part(event, file)
                continue
            if self._repeated:
                self._repeated -= 1
                continue
            if isinstance(event, ev.Session):
                if event.schema > ev.SCHEMA:
                    file.note(f"written by a newer natsmon (schema {event.schema}); what is unknown is left out")
                if event.id == self._session:
                    continue
                self._session = event.id
            yield event, line

    def _begin_part(self, head: ev.Part, file: "_File") -> None:
        before, self._head = self._head, head
        of_before, self._headed = self._headed, file
        if before is None or of_before is None or before.recording != head.recording:
            return
        missing = head.number - before.number - 1
        if missing > 0:
            parts = "the part before is" if missing == 1 else f"{missing:,} parts before are"
            self._missing.append(Skipped(str(file.path), "line 1", f"{parts} missing"))
        elif not of_before.notes:
            self._repeated = head.repeated


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # deleted meanwhile; noted when it is read
        return 0


def _parts(paths: Sequence[str | Path]) -> list[Path]:
    found: dict[Path, None] = {}
    for given in map(Path, paths):
        path = given
        try:
            if given.is_symlink():
                path = Path(os.path.realpath(given))  # its parts are beside the file itself
            if given.exists() and not (given.is_file() or given.is_dir()):
                raise Unreadable(f'"{printable(str(given))}" is a pipe or a device; put what comes from it into a file')
            full = [part for _, part in part_files.full_parts(path)]
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
    """One file, as lines and as events."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.at = 0
        """Bytes of it that have been read."""
        self.notes: dict[str, Skipped] = {}
        self._number = 0
        """Lines read so far."""
        self._events = 0
        self._splitter = codec.LineSplitter()
        self._cut = False
        """The line read last has no end."""

    def note(self, why: str, where: str = "") -> None:
        """Add to what could not be read, or count it again."""
        known = self.notes.get(why)
        where, count = (known.where, known.count + 1) if known else (where or f"line {self._number:,}", 1)
        self.notes[why] = Skipped(str(self.path), where, why, count)

    def pieces(self) -> Iterator[list[bytes]]:
        """Lines without their ends."""
        try:
            with open(self.path, "rb", buffering=0, opener=open_now) as file:
                yield from self._pieces(file.fileno())
        except OSError as error:  # it existed a moment ago
            further, where = (" further", "") if self.at else ("", "all of it")
            self.note(f"cannot be read{further}: {error.strerror}", where)
        except NoZstd as error:
            self.note(str(error), "all of it")

    def _pieces(self, fd: int) -> Iterator[list[bytes]]:
        compression = by_content(self.path.name, os.pread(fd, 4, 0))
        members = Members(fd, compression, lambda where, why: self.note(why, where))
        for text in members.texts():
            self.at = members.at
            yield self._lines(text) if text is not None else self._last_line()
            if self._is_foreign(_FOREIGN):
                return
            if self._number - self._events > _INVALID:
                self.note("the last one read; too many lines are not events")
                return
        self.at = members.at
        if members.incomplete and os.fstat(fd).st_mtime < time.time() - _SETTLED:
            self.note(_INCOMPLETE, f"byte {self.at:,}")
        yield self._last_line()
        self._is_foreign(1)

    def _lines(self, text: bytes) -> list[bytes]:
        before = self._splitter.dropped
        lines = list(self._splitter.feed(text))
        for _ in range(self._splitter.dropped - before):
            self.note("longer than any line of a recording")
        return lines

    def _last_line(self) -> list[bytes]:
        """The line that has no end, where nothing more of it follows."""
        rest = self._splitter.rest()
        self._cut = bool(rest)
        return [rest] if rest else []

    def _is_foreign(self, lines: int) -> bool:
        """Whether there was no event in so many lines, or a line longer than any. One note replaces all others."""
        if self._events or not (self._splitter.dropped or self._number >= lines):
            return False
        self.notes.clear()
        self.note("not a natsmon recording", "all of it")
        return True

    def decoded(self, lines: list[bytes]) -> Iterator[Recorded]:
        """Events with their lines; other lines are noted."""
        decode = codec.decode_event
        for line in lines:
            self._number += 1
            try:
                event = decode(line)
            except msgspec.DecodeError:
                if line.strip():
                    self.note("cut off" if self._cut else "not an event")
                continue
            self._events += 1
            if event is None:
                self.note("an event of an unknown kind")
            else:
                yield event, line
        self._cut = False
