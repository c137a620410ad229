"""The names of a recording's parts: ``run.0001.jsonl.zst``, ``run.0002.jsonl.zst`` and on, then ``run.jsonl.zst``.

They sort by age, the one that is written last of all, and ``run*.jsonl.zst`` means all of them.
"""

import re
import time
from pathlib import Path

_COMPRESSED = (".zst", ".gz")
_DIGITS = 4


def default(now: float) -> str:
    """The name of a recording that was given none: ``natsmon-20261122-161800.jsonl``, in local time."""
    return time.strftime("natsmon-%Y%m%d-%H%M%S.jsonl", time.localtime(now))


def _split(name: str) -> tuple[str, str]:
    """``run`` and ``.jsonl.zst``."""
    path = Path(name)
    end = path.suffix if path.suffix in _COMPRESSED else ""
    kind = Path(path.name.removesuffix(end)).suffix
    if kind[1:].isdigit():  # the number of a part, or of whatever it is
        kind = ""
    return name.removesuffix(kind + end), kind + end


def numbered(path: Path) -> list[tuple[int, Path]]:
    """The full parts of a recording with their numbers, oldest first. Raises OSError."""
    stem, end = _split(path.name)
    pattern = re.compile(rf"{re.escape(stem)}\.([0-9]{{{_DIGITS},}}){re.escape(end)}")
    if not path.parent.is_dir():
        return []
    found = ((pattern.fullmatch(entry.name), entry) for entry in path.parent.iterdir())
    return sorted((int(match[1]), entry) for match, entry in found if match)


def part(path: Path, number: int) -> Path:
    stem, end = _split(path.name)
    return path.with_name(f"{stem}.{number:0{_DIGITS}}{end}")


def whose(part_of: Path) -> tuple[Path, int] | None:
    """The recording that a full part belongs to and its number; none for a name without one."""
    stem, end = _split(part_of.name)
    match = re.fullmatch(rf"(.+)\.([0-9]{{{_DIGITS},}})", stem)
    return (part_of.with_name(match[1] + end), int(match[2])) if match else None


def follows(one: Path, other: Path) -> bool:
    """Whether a part was begun when another was full."""
    if (earlier := whose(one)) is None:
        return False
    recording, number = earlier
    if other == recording:
        return numbered(recording)[-1:] == [(number, one)]
    return whose(other) == (recording, number + 1)
