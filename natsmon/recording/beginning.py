"""What a file begins with, and so whose it is.

A recording begins with a session or, where a stream was joined in its middle, with whatever came first: an
event of natsmon's in any case. Nobody else's file does.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import msgspec

from natsmon.recording.compression import Compression, NoZstd, by_content
from natsmon.stream import codec
from natsmon.stream import events as ev

_FEW = 8
"""Lines, of which damage may cost some, but not all."""
_BLOCK = 64 * 1024
_ENOUGH = 8 * 1024 * 1024
"""Bytes of text in which the first lines of ours have ended."""


class Beginning(msgspec.Struct, frozen=True):
    """What can be told of a file; of one that cannot be read, nothing."""

    ours: bool = False
    """It begins with an event."""
    foreign: bool = False
    """It has no event in its first lines, and damage is no reason for that."""
    goes_on: bool = False
    """It begins with a session and, behind it, what was known of it by then."""


def of_path(path: Path) -> Beginning:
    """Never raises, and never waits: what is no regular file is foreign."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return Beginning()
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return Beginning(foreign=True)
        return of(fd, by_content(path.name, os.pread(fd, 4, 0)))
    except (OSError, NoZstd):
        return Beginning()
    finally:
        os.close(fd)


def of(fd: int, compression: Compression | None) -> Beginning:
    """Raises OSError."""
    if compression is not None and not os.pread(fd, len(compression.magic), 0).startswith(compression.magic):
        return Beginning(foreign=True)
    events = [_event(line) for line in _lines(fd, compression)]
    return Beginning(
        ours=bool(events) and events[0] is not None,
        foreign=bool(events) and not any(events),
        goes_on=any(isinstance(event, ev.Snapshot) for event in events[:3]),
    )


def _lines(fd: int, compression: Compression | None) -> list[bytes]:
    """The first few, and as much as there is of one without an end."""
    text = bytearray()
    for piece in _plain(fd) if compression is None else _unpacked(fd, compression):
        text += piece
        if len(text) > _ENOUGH or text.count(b"\n") >= _FEW:
            break
    return [line for line in bytes(text).split(b"\n")[:_FEW] if line]


def _plain(fd: int) -> Iterator[bytes]:
    offset = 0
    while block := os.pread(fd, _BLOCK, offset):
        offset += len(block)
        yield block


def _unpacked(fd: int, compression: Compression) -> Iterator[bytes]:
    """Up to the end, or to damage."""
    decompressor, offset = compression.decompressor(), 0
    while bite := os.pread(fd, compression.bite, offset):
        try:
            yield decompressor.decompress(bite)
        except compression.errors:
            return
        offset += len(bite)
        if decompressor.eof:
            offset -= len(decompressor.unused_data)
            decompressor = compression.decompressor()


def _event(line: bytes) -> ev.AnyEvent | None:
    try:
        return codec.decode_event(line)
    except msgspec.DecodeError:
        return None
