"""A compressed file, member by member: what is damaged is passed over, and the next whole member found again.

The file may be in the making. A writer puts one member in place of several small ones (see ``part``), so a
reader can meet bytes that are no longer what they were when it read those before them and, after a kill, small
members that say again what the one before them said.
"""

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress

import msgspec

from natsmon.recording.compression import HEAD, Compression

Skip = Callable[[str, str], None]
"""Takes where something was passed over, and why."""

_OURS = 8 * 1024 * 1024
"""Bytes of text from which on a member is handed on before its checksum was seen: another program made it."""
_RECENT = 256 * 1024
"""Bytes of the latest members that are remembered: more than a writer ever replaces."""
_SCAN = 256 * 1024
_AT_ONCE = 64 * 1024 * 1024
"""Bytes of text that a member may have which was put in the place of others, and those that are remembered."""
_BARREN = 160 * 1024
"""Bytes that give no text at all: not even a block of Zstandard is so large, and no name in a gzip's head."""


class _Member(msgspec.Struct):
    at: int
    text: bytes
    end: int = 0
    """Where the next one begins; 0 for one that is not whole."""
    failed: tuple[int, int] | None = None
    """From where to where in the file are the bytes that were refused; none where only the end is missing."""


class Members:
    """``texts`` gives what is in the members of a file, in order; None where something is missing between two."""

    def __init__(self, fd: int, compression: Compression, skip: Skip) -> None:
        self.at = 0
        """Bytes of the file that have been read."""
        self._fd = fd
        self._compression = compression
        self._skip = skip
        self._recent: list[_Member] = []
        self._text = 0
        """Bytes of text in them."""
        self._left_behind = False
        """Behind the damage found last are members that say nothing new: a kill did it, and nothing is missing."""

    def texts(self) -> Iterator[bytes | None]:
        while (member := (yield from self._read(self.at, _OURS))) is not None:
            if member.end:
                if not self._said_before(member):
                    self._remember(member)
                    yield member.text
                self.at = member.end
            elif (rest := self._replaced()) is not None:
                yield rest
            elif (further := (yield from self._after(self.at + 1))) is not None:
                yield None
                if further.end:
                    self._remember(further)
                    yield further.text
                else:
                    self.at = further.at
            else:
                yield from self._last(member)
                return

    def _last(self, member: _Member) -> Iterator[bytes | None]:
        """Nothing whole follows; of one that was cut off, what there is.

        Of a damaged one this is what comes before the damage, but only where it is alone, as in a file that gzip
        made: otherwise nothing at all would be told. Where there are others, none is told unchecked.
        """
        text, where, why = member.text, self.at, "the file ends in the middle of what was written last"
        if member.failed is not None:
            where, why = member.failed[1], "the file is damaged here or before, and nothing whole follows"
            text = b""
            if not self._recent:
                text, where = yield from self._salvaged(member, *member.failed)
            if text:
                why = "the file is damaged here or before; what was read before it could not be checked"
        if text:
            yield text
        if not self._left_behind:
            self._skip(f"byte {where:,}", why)
        yield None

    def _salvaged(self, member: _Member, first: int, end: int) -> Generator[bytes, None, tuple[bytes, int]]:
        """The whole lines of a member up to its damage, and where that was seen: refused bytes, one by one."""
        decompressor, text = self._compression.decompressor(), bytearray(member.text)
        with suppress(*self._compression.errors):
            for offset in range(member.at, first, self._compression.bite):
                decompressor.decompress(os.pread(self._fd, min(self._compression.bite, first - offset), offset))
                yield b""
            for offset in range(first, end):
                end = offset
                text += decompressor.decompress(os.pread(self._fd, 1, offset))
        return bytes(text[: text.rfind(b"\n") + 1]), end

    def _remember(self, member: _Member) -> None:
        self.at = member.end
        self._recent.append(member)
        self._text += len(member.text)
        while len(self._recent) > 1 and (self.at - self._recent[0].at > _RECENT or self._text > _AT_ONCE):
            self._text -= len(self._recent.pop(0).text)

    def _said_before(self, member: _Member) -> bool:
        """Whether it was left behind by a kill: all of it is in the member that was put in its place."""
        return bool(self._recent) and member.text in self._recent[-1].text

    def _replaced(self) -> bytes | None:
        """What is new in a member that has taken the place of those just read; none when there is no such member."""
        for number, early in enumerate(self._recent):
            said = b"".join(member.text for member in self._recent[number:])
            now = self._found(early.at, _AT_ONCE)
            if now is not None and now.end and now.text != early.text and now.text.startswith(said):
                self._text -= len(said)
                del self._recent[number:]
                self._remember(now)
                return now.text[len(said) :]
        return None

    def _after(self, at: int) -> Generator[bytes, None, _Member | None]:
        """The first member behind damage that is whole and says something new, or is longer than any of ours.

        Gives nothing, over and over, so that whoever reads can leave.
        """
        damaged, self._left_behind = self.at, False
        block, base = b"", at
        while True:
            if at - base > len(block) - HEAD:
                block, base = os.pread(self._fd, _SCAN, at), at
                if len(block) < HEAD:
                    return None
            yield b""
            match = self._compression.head.search(block, at - base)
            if match is None:
                at = base + len(block) - HEAD + 1
                continue
            at = base + match.start()
            member = self._found(at, _OURS)
            if member is None:
                at += 1
            elif member.end and self._said_before(member):
                self._left_behind, at = True, member.end
            else:
                if not self._left_behind:
                    self._skip(f"byte {damaged:,}", f"{at - damaged:,} bytes are damaged")
                return member

    def _found(self, at: int, at_once: int) -> _Member | None:
        """The whole member at an offset; without its text and its end if it is longer than ``at_once``."""
        reading = self._read(at, at_once)
        try:
            next(reading)
        except StopIteration as done:
            member: _Member | None = done.value
            return member if member is not None and member.end else None
        return _Member(at, b"")

    def _read(self, at: int, at_once: int) -> Generator[bytes, None, _Member | None]:
        """The member at an offset; none at the end of the file. What is longer than ``at_once`` is given before."""
        decompressor, offset = self._compression.decompressor(), at
        text, barren = bytearray(), True
        while bite := os.pread(self._fd, self._compression.bite, offset):
            try:
                text += decompressor.decompress(bite)
            except self._compression.errors:
                return _Member(at, bytes(text), failed=(offset, offset + len(bite)))
            offset += len(bite)
            if decompressor.eof:
                return _Member(at, bytes(text), offset - len(decompressor.unused_data))
            barren = barren and not text
            if barren and offset - at > _BARREN:
                return _Member(at, b"", failed=(offset, offset))
            if len(text) > at_once:
                yield bytes(text)
                text.clear()
        return _Member(at, bytes(text)) if offset > at else None
