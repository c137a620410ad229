"""How the lines of a recording become smaller: gzip from the standard library, Zstandard from the extra ``zstd``.

Either is used as a row of independent members (RFC 1952 calls them members, RFC 8878 frames), each complete in
itself: a file that only ever ends with a whole one can be read at every moment.
"""

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
        return "needs the package zstandard; try pip install 'natsmon[zstd]', or a name that ends in .gz"


_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def _gzip(level: int, memory: int) -> Callable[[bytes], bytes]:
    def compress(data: bytes) -> bytes:
        member = zlib.compressobj(level, zlib.DEFLATED, _GZIP_FORMAT, memory)
        return member.compress(data) + member.flush()

    return compress


GZIP = Compression(
    ".gz", b"\x1f\x8b\x08", _gzip(1, 8), _gzip(9, 9), lambda: zlib.decompressobj(_GZIP_FORMAT), (zlib.error,)
)


@cache
def zstd() -> Compression:
    """Raises NoZstd."""
    try:
        import zstandard
    except ImportError:
        raise NoZstd from None
    small, whole = (zstandard.ZstdCompressor(level=level, write_checksum=True) for level in (3, 9))
    decompressor = zstandard.ZstdDecompressor()
    return Compression(
        ".zst", _ZSTD_MAGIC, small.compress, whole.compress, decompressor.decompressobj, (zstandard.ZstdError,)
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
