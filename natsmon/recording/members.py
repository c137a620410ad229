"""A compressed file, member by member: what is damaged is passed over, and the next whole member found again.

The file may be in the making. A writer puts one member in place of several small ones (see ``part``), so a
reader can meet bytes that are no longer what they were when it read those before them and, after a kill, small
members that say again what the one before them said.
"""

import os
from collections.abc import Callable, Generator, Iterator

import msgspec

from natsmon.recording.compression import Compression

Skip = Callable[[str, str], None]
"""Takes where something was passed over, and why."""

_BITE = 16 * 1024
"""Bytes given to a decompressor at once."""
_OURS = 8 * 1024 * 1024
"""Bytes of text from which on a member is handed on before its checksum was seen: another program made it."""
_RECENT = 256 * 1024
"""Bytes of the latest members that are remembered: more than a writer ever replaces."""
_SCAN = 256 * 1024


class _Member(msgspec.Struct):
    at: int
    text: bytes
    end: int = 0
    """Where the next one begins; 0 for one that is not whole."""


class Members:
    """``texts`` gives what is in the members of a file, in order; None where something is missing between two."""

    def __init__(self, fd: int, compression: Compression, skip: Skip) -> None:
        self.at = 0
        """Bytes of the file that have been read."""
        self._fd = fd
        self._compression = compression
        self._skip = skip
        self._recent: list[_Member] = []
        self._left_behind = False
        """Behind the damage found last are members that say nothing new: a kill did it, and nothing is missing."""

    def texts(self) -> Iterator[bytes | None]:
        while (member := (yield from self._long(self.at))) is not None:
            if member.end:
                if not self._said_before(member):
                    self._remember(member)
                    yield member.text
                self.at = member.end
            elif (rest := self._replaced()) is not None:
                yield rest
            elif (further := self._whole_after(self.at + 1)) is not None:
                yield None
                self._remember(further)
                yield further.text
            else:
                yield from self._last(member)
                return

    def _last(self, member: _Member) -> Iterator[bytes | None]:
        """Nothing whole follows; of one that was cut off, what there is."""
        if member.text:
            yield member.text
        if not self._left_behind:
            self._skip(f"byte {self.at:,}", "the file ends in the middle of what was written last")
        yield None

    def _remember(self, member: _Member) -> None:
        self.at = member.end
        self._recent.append(member)
        while len(self._recent) > 1 and self.at - self._recent[0].at > _RECENT:
            del self._recent[0]

    def _said_before(self, member: _Member) -> bool:
        """Whether it was left behind by a kill: all of it is in the member that was put in its place."""
        return bool(self._recent) and member.text in self._recent[-1].text

    def _replaced(self) -> bytes | None:
        """What is new in a member that has taken the place of those just read; none when there is no such member."""
        for number, early in enumerate(self._recent):
            said = b"".join(member.text for member in self._recent[number:])
            now = self._whole(early.at)
            if now is not None and now.text != early.text and now.text.startswith(said):
                del self._recent[number:]
                self._remember(now)
                return now.text[len(said) :]
        return None

    def _whole_after(self, at: int) -> _Member | None:
        """The first whole member behind damage that says something new."""
        damaged, self._left_behind = self.at, False
        while (at := self._magic_from(at)) >= 0:
            member = self._whole(at)
            if member is None:
                at += 1
            elif self._said_before(member):
                self._left_behind, at = True, member.end
            else:
                if not self._left_behind:
                    self._skip(f"byte {damaged:,}", f"{at - damaged:,} bytes are damaged")
                return member
        return None

    def _magic_from(self, at: int) -> int:
        """Where a member may begin, from an offset on; -1 when nowhere."""
        magic = self._compression.magic
        while block := os.pread(self._fd, _SCAN, at):
            found = block.find(magic)
            if found >= 0:
                return at + found
            if len(block) < len(magic):
                return -1
            at += len(block) - len(magic) + 1
        return -1

    def _whole(self, at: int) -> _Member | None:
        member = _exhaust(self._read(at, at_once=_SCAN * 256))
        return member if member is not None and member.end else None

    def _long(self, at: int) -> Generator[bytes, None, _Member | None]:
        return self._read(at, at_once=_OURS)

    def _read(self, at: int, *, at_once: int) -> Generator[bytes, None, _Member | None]:
        """The member at an offset; none at the end of the file. What is longer than ``at_once`` is given before."""
        decompressor, offset = self._compression.decompressor(), at
        text = bytearray()
        while bite := os.pread(self._fd, _BITE, offset):
            offset += len(bite)
            try:
                text += decompressor.decompress(bite)
            except self._compression.errors:
                return _Member(at, b"")
            if decompressor.eof:
                return _Member(at, bytes(text), offset - len(decompressor.unused_data))
            if len(text) > at_once:
                yield bytes(text)
                text.clear()
        return _Member(at, bytes(text)) if offset > at else None


def _exhaust(reading: Generator[bytes, None, _Member | None]) -> _Member | None:
    while True:
        try:
            next(reading)
        except StopIteration as done:
            member: _Member | None = done.value
            return member
