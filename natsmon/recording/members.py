"""The text of a file, decompressed member by member: one that is damaged is skipped, and the next one found.

A member is returned when its checksum has been verified, unless it is longer than natsmon writes them. The last one
may have no end: its writer still writes it, or was killed.
"""

import os
from collections.abc import Callable, Generator, Iterator

import msgspec

from natsmon.recording.compression import Compression

Skip = Callable[[str, str], None]
"""Called with where something was skipped, and why."""

_HELD = 4 * 1024 * 1024
"""Bytes of text above which a member is returned before its checksum is verified: another program compressed it."""
_EXPANSION, _EXPANSION_FROM = 100, 1024 * 1024
"""Times that a member expands at most, beyond so many bytes: lines of a recording expand some 10 times."""
_BLOCK = 128 * 1024
_SCAN = 256 * 1024
_READ_AGAIN = 32 * 1024 * 1024
"""Bytes of a file that are read again in search of the member after damage, at most."""


class _Member(msgspec.Struct):
    end: int
    """Where the next one begins, or where reading it stopped."""
    text: bytes = b""
    """What was not returned before."""
    complete: bool = False
    """It has an end, and its checksum is right."""
    problem: str = ""
    """Why it could not be read; empty when it could."""


class Members:
    """The text in the members of an open file; without compression, the file itself."""

    def __init__(self, fd: int, compression: Compression | None, skip: Skip) -> None:
        self.at = 0
        """Bytes of the file that have been read."""
        self.incomplete = False
        """Whether the file ends within a member."""
        self._fd = fd
        self._compression = compression
        self._skip = skip
        self._bytes_read = 0

    def texts(self) -> Iterator[bytes | None]:
        """Text in pieces; None where something is missing between two of them."""
        if self._compression is None:
            while block := os.pread(self._fd, _BLOCK, self.at):
                self.at += len(block)
                yield block
            return
        while (member := (yield from self._member(self._compression, began := self.at))) is not None:
            self.at = member.end
            if member.complete:
                yield member.text
                continue
            found = self._next(self._compression, began + 1)
            if found is None and not member.problem:
                self.incomplete = True
                yield member.text
                return
            yield None
            self.at = found if found is not None else os.fstat(self._fd).st_size
            rest = "" if found is not None else ", and no member that follows can be read"
            self._skip(f"byte {began:,}", f"{self.at - began:,} bytes {member.problem or 'are damaged'}{rest}")

    def _member(self, compression: Compression, began: int) -> Generator[bytes, None, _Member | None]:
        """Read the member at an offset; None at the end of the file. Yields text beyond what is held."""
        decompressor, offset, expanded = compression.decompressor(), began, 0
        held = bytearray()
        while piece := os.pread(self._fd, compression.read_size, offset):
            self._bytes_read += len(piece)
            try:
                text = decompressor.decompress(piece)
            except compression.errors:
                return _Member(offset, problem="are damaged")
            offset += len(piece)
            held += text
            expanded += len(text)
            if expanded > _EXPANSION_FROM + _EXPANSION * (offset - began):
                return _Member(offset, problem=f"expand more than {_EXPANSION} times")
            if decompressor.eof:
                return _Member(offset - len(decompressor.unused_data), bytes(held), complete=True)
            if len(held) > _HELD:
                self.at = offset
                yield bytes(held)
                held.clear()
        return _Member(offset, bytes(held)) if offset > began else None

    def _next(self, compression: Compression, at: int) -> int | None:
        """Where the next readable member begins; None when there is none."""
        magic = compression.magic
        while len(block := os.pread(self._fd, _SCAN, at)) >= len(magic):
            place = block.find(magic)
            while place >= 0:
                if self._bytes_read > at + place + _READ_AGAIN:
                    return None
                if self._begins_with_lines(compression, at + place):
                    return at + place
                place = block.find(magic, place + 1)
            at += len(block) - len(magic) + 1
        return None

    def _begins_with_lines(self, compression: Compression, at: int) -> bool:
        """Whether lines can be read from a member at an offset, up to its end or as far as it is held."""
        reading = self._member(compression, at)
        try:
            text = next(reading)
        except StopIteration as ended:
            member: _Member | None = ended.value
            text = member.text if member is not None and not member.problem else b""
        return text.startswith(b"{")
