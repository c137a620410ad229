"""Recordings as tests write them and read them again."""

from pathlib import Path

from natsmon.recording.reader import Recording
from natsmon.recording.recorder import Parts
from natsmon.recording.target import Target
from natsmon.stream import codec
from natsmon.stream import events as ev

SUFFIXES = ["jsonl", "jsonl.gz", "jsonl.zst"]


def session(name: str = "s1") -> bytes:
    return codec.encode(ev.Session(t=0.0, id=name, started=1.5, versions={"natsmon": "0"}))


def echo(number: int) -> bytes:
    return codec.encode(ev.Echoed(t=number / 8, seq=number, latency=0.001))


def lines_of(*paths: Path) -> list[bytes]:
    return [line + b"\n" for batch in Recording(paths).batches() for line in batch.lines]


def written(path: Path, batches: list[list[bytes]], **target: int) -> list[bytes]:
    """Everything in the batches, one write each; closed as it should be."""
    parts = Parts(Target(str(path), **target))
    for batch in batches:
        parts.write(batch)
    parts.close()
    return [line for batch in batches for line in batch]


def batches(count: int, each: int = 3) -> list[list[bytes]]:
    numbers = iter(range(count * each))
    return [[session()], *([echo(next(numbers)) for _ in range(each)] for _ in range(count))]
