"""Recordings that tests write and read."""

import gzip
from pathlib import Path

import zstandard

from natsmon.recording.reader import Recording
from natsmon.recording.writer import RecordingWriter, Target
from natsmon.stream import codec
from natsmon.stream import events as ev

SUFFIXES = ["jsonl", "jsonl.gz", "jsonl.zst"]


def session(name: str = "s1") -> bytes:
    return codec.encode(ev.Session(t=0.0, id=name, started=1.5, versions={"natsmon": "0"}))


def echo(number: int) -> bytes:
    return codec.encode(ev.Echoed(t=number / 8, seq=number, latency=0.001))


def lines_of(*paths: Path) -> list[bytes]:
    """Every line that is read, without ``part`` lines."""
    return [line + b"\n" for batch in Recording(paths).batches() for _, line in batch]


def written(path: Path, batches: list[list[bytes]], **target: int) -> list[bytes]:
    """Write each batch and close the recording; every line of them."""
    writer = RecordingWriter(Target(str(path), **target))
    for batch in batches:
        writer.write(batch)
    writer.close()
    return [line for batch in batches for line in batch]


def batches(count: int, each: int = 3) -> list[list[bytes]]:
    numbers = iter(range(count * each))
    return [[session()], *([echo(next(numbers)) for _ in range(each)] for _ in range(count))]


def compressed(text: bytes, suffix: str) -> bytes:
    """As one member of another program's."""
    if suffix.endswith("gz"):
        return gzip.compress(text, 9, mtime=0)
    return zstandard.ZstdCompressor(level=9, write_checksum=True).compress(text)
