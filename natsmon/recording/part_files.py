"""Part files: their names, and the ``part`` line by which the files of one recording recognise each other.

A full part has its number before the kind of file: ``run.0001.jsonl.zst``. Names sort by age, FILE last, and
``run*.jsonl.zst`` means all of them. A name only gives the place to look: a file belongs to a recording when
its first line has the recording's id.
"""

import os
import re
import stat
import time
from pathlib import Path

from natsmon.recording.compression import NoZstd, by_content
from natsmon.stream import events as ev
from natsmon.stream.codec import decoded
from natsmon.text.files import open_now

_COMPRESSED = (".zst", ".gz")
_DIGITS = 4
_HEAD = 4_096
"""Bytes of a file that hold its first line: the ``part`` line is flushed before any other."""


def default(now: float) -> str:
    """The name of a recording that was given none: ``natsmon-20261122-161800.jsonl``, in local time."""
    return time.strftime("natsmon-%Y%m%d-%H%M%S.jsonl", time.localtime(now))


def numbered(path: Path, number: int) -> Path:
    """The name of a full part of ``path``."""
    stem, end = _split(path.name)
    return path.with_name(f"{stem}.{number:0{_DIGITS}}{end}")


def free(path: Path, number: int) -> Path:
    """The name of the full part ``number``, or of the next number without a file."""
    while os.path.lexists(numbered(path, number)):
        number += 1
    return numbered(path, number)


def _split(name: str) -> tuple[str, str]:
    """``run`` and ``.jsonl.zst``."""
    path = Path(name)
    end = path.suffix if path.suffix in _COMPRESSED else ""
    kind = Path(path.name.removesuffix(end)).suffix
    if kind[1:].isdigit():
        kind = ""
    return name.removesuffix(kind + end), kind + end


def full_parts(path: Path) -> list[tuple[ev.Part, Path]]:
    """The full parts of the recording in ``path``, oldest first; without it, of the one whose full part is the newest.

    Raises OSError when the folder cannot be read.
    """
    stem, end = _split(path.name)
    pattern = re.compile(rf"{re.escape(stem)}\.[0-9]{{{_DIGITS},}}{re.escape(end)}")
    if not path.parent.is_dir():
        return []
    named = sorted(
        (entry for entry in path.parent.iterdir() if pattern.fullmatch(entry.name)),
        key=lambda entry: (len(entry.name), entry.name),
    )
    found = [(head, entry) for entry in named if (head := head_of(entry)) is not None]
    newest = head_of(path) if path.exists() else found[-1][0] if found else None
    if newest is None:
        return []
    return sorted(
        ((head, entry) for head, entry in found if head.recording == newest.recording), key=lambda each: each[0].number
    )


def head_of(path: Path) -> ev.Part | None:
    """The ``part`` line that a file begins with; None without one. Never blocks."""
    try:
        with open(path, "rb", buffering=0, opener=open_now) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return None
            event = decoded(_first_line(path, file.read(_HEAD)))
    except (OSError, NoZstd):
        return None
    return event if isinstance(event, ev.Part) else None


def _first_line(path: Path, head: bytes) -> bytes:
    """Empty when it cannot be decompressed."""
    compression = by_content(path.name, head)
    if compression is not None:
        decompressor = compression.decompressor()
        try:
            head = decompressor.decompress(head[: compression.read_size])
        except compression.errors:
            return b""
    return head.partition(b"\n")[0]
