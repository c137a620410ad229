"""Compression of recordings: gzip from the standard library, Zstandard from the extra ``zstd``."""

import zlib
from collections.abc import Callable
from functools import cache
from typing import Protocol

import msgspec


class Compressor(Protocol):
    """Makes one member of the lines that it is given."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self, mode: int, /) -> bytes: ...


class Decompressor(Protocol):
    """Takes the bytes of one member, piece by piece."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class Compression(msgspec.Struct, frozen=True):
    """One way to compress: a file is a row of members, each complete in itself."""

    suffix: str
    magic: bytes
    """What every member begins with."""
    read_size: int
    """Bytes to decompress at once: 16 MiB of text at most come out of them."""
    compressor: Callable[[], Compressor]
    sync: int
    """The mode of ``flush`` after which everything so far can be decompressed."""
    finish: int
    """The mode of ``flush`` that ends the member."""
    decompressor: Callable[[], Decompressor]
    errors: tuple[type[Exception], ...]
    """What a decompressor raises."""


class NoZstd(Exception):
    """The package for ``.zst`` is not installed."""


_GZIP_FORMAT = 16 + zlib.MAX_WBITS
_GZIP_LEVEL, _ZSTD_LEVEL = 6, 6
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

GZIP = Compression(
    suffix=".gz",
    magic=b"\x1f\x8b\x08",
    read_size=4 * 1024,  # deflate expands 1,032 times at most
    compressor=lambda: zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_FORMAT),
    sync=zlib.Z_SYNC_FLUSH,
    finish=zlib.Z_FINISH,
    decompressor=lambda: zlib.decompressobj(_GZIP_FORMAT),
    errors=(zlib.error,),
)


@cache
def zstd() -> Compression:
    """Zstandard. Raises NoZstd."""
    try:
        import zstandard
    except ImportError:
        raise NoZstd("needs a package: pip install zstandard") from None
    return Compression(
        suffix=".zst",
        magic=_ZSTD_MAGIC,
        read_size=512,  # a block of four bytes may stand for 128 KiB
        compressor=lambda: zstandard.ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compressobj(),
        sync=zstandard.COMPRESSOBJ_FLUSH_BLOCK,
        finish=zstandard.COMPRESSOBJ_FLUSH_FINISH,
        decompressor=lambda: zstandard.ZstdDecompressor().decompressobj(),
        errors=(zstandard.ZstdError,),
    )


def by_suffix(path: str) -> Compression | None:
    """The compression that a file's name asks for; None for plain lines. Raises NoZstd."""
    if path.endswith(GZIP.suffix):
        return GZIP
    return zstd() if path.endswith(".zst") else None


def by_content(path: str, head: bytes) -> Compression | None:
    """The compression of a file by its first bytes; by its name when they do not decide. Raises NoZstd."""
    if head.startswith(GZIP.magic):
        return GZIP
    if head.startswith(_ZSTD_MAGIC):
        return zstd()
    return None if head[:1] == b"{" else by_suffix(path)
