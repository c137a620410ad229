"""How the lines of a recording become smaller: gzip from the standard library, Zstandard from the extra ``zstd``.

Either is used as a row of independent members (RFC 1952 calls them members, RFC 8878 frames), each complete in
itself: a file that only ever ends with a whole one can be read at every moment.
"""

import re
import zlib
from collections.abc import Callable
from functools import cache
from typing import Protocol

import msgspec


class Decompressor(Protocol):
    """Takes the bytes of one member, piece by piece."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class Compression(msgspec.Struct, frozen=True):
    suffix: str
    magic: bytes
    """What every member begins with."""
    head: re.Pattern[bytes]
    """The first ``HEAD`` bytes of a member, as far as they can be told from others."""
    bite: int
    """Bytes to give a decompressor at once: whatever they are, what comes out is 16 MiB at most."""
    small: Callable[[bytes], bytes]
    """A member made quickly, for the lines of a moment."""
    whole: Callable[[bytes], bytes]
    """A member made well, for many lines."""
    decompressor: Callable[[], Decompressor]
    errors: tuple[type[Exception], ...]
    """What a decompressor raises."""


class NoZstd(Exception):
    """The package for ``.zst`` is not installed."""

    def __str__(self) -> str:
        return "needs a package: pip install zstandard; or use a name that ends in .gz"


HEAD = 10
"""Bytes; no member with a line in it is shorter."""
_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_GZIP_MAGIC = b"\x1f\x8b\x08"
_GZIP_HEAD = re.compile(rb"\x1f\x8b\x08[\x00\x04\x08\x0c\x10\x14\x18\x1c].{4}[\x00\x02\x04][\x00-\x0d\xff]", re.DOTALL)
"""RFC 1952, 2.3: flags that are in use, a time, a level, and a system that there is."""
_GZIP_BITE = 4 * 1024
"""Deflate makes 1,032 bytes of one at most."""
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_FLAGS = bytes(flags for flags in range(256) if not flags & 0b1011)
"""RFC 8878, 3.1.1.1.1: the reserved bit is not set, and no dictionary is asked for."""
_ZSTD_BITE = 512
"""A block of four bytes may stand for 128 KiB."""


def _gzip(level: int, memory: int) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        member = zlib.compressobj(level, zlib.DEFLATED, _GZIP_FORMAT, memory)
        return member.compress(data) + member.flush()

    return compress


GZIP = Compression(
    ".gz",
    _GZIP_MAGIC,
    _GZIP_HEAD,
    _GZIP_BITE,
    _gzip(1, 8),
    _gzip(9, 9),
    lambda: zlib.decompressobj(_GZIP_FORMAT),
    (zlib.error,),
)


@cache
def zstd() -> Compression:
    """Raises NoZstd."""
    try:
        import zstandard
    except ImportError:
        raise NoZstd from None
    small, whole = (zstandard.ZstdCompressor(level=level, write_checksum=True) for level in (3, 9))
    return Compression(
        ".zst",
        _ZSTD_MAGIC,
        re.compile(re.escape(_ZSTD_MAGIC) + b"[" + re.escape(_ZSTD_FLAGS) + b"].{5}", re.DOTALL),
        _ZSTD_BITE,
        small.compress,
        whole.compress,
        lambda: zstandard.ZstdDecompressor().decompressobj(),  # one alone is not for two members at a time
        (zstandard.ZstdError,),
    )


def by_suffix(path: str) -> Compression | None:
    """What the end of a name asks for; none for plain lines. Raises NoZstd."""
    if path.endswith(".gz"):
        return GZIP
    return zstd() if path.endswith(".zst") else None


def by_content(path: str, head: bytes) -> Compression | None:
    """What a file's first bytes say it is; its name is asked where they say nothing. Raises NoZstd."""
    if head.startswith(GZIP.magic):
        return GZIP
    if head.startswith(_ZSTD_MAGIC):
        return zstd()
    return None if head[:1] == b"{" else by_suffix(path)
