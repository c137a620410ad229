"""The names of a recording's parts: ``run.0001.jsonl.zst``, ``run.0002.jsonl.zst`` and on, then ``run.jsonl.zst``.

They sort by age, the one that is written last of all, and ``run*.jsonl.zst`` means all of them.

A number in a name makes no part: ``run.2023.jsonl`` may be the notes of a year, and ``run.4222.jsonl`` another
recording. A part has its number as it is written here, and does not begin as something else than a recording
does. Of the parts whose numbers follow each other one at least has a 0 before its number, as no year and no port
has, or says at its beginning what was known by then, and has no parts of its own. Where many are missing before
them, they are none of this recording unless those are the first, and it does not begin afresh.
"""

import os
import re
import time
from itertools import groupby
from pathlib import Path

from natsmon.recording import beginning

_COMPRESSED = (".zst", ".gz")
_DIGITS = 4
_NUMBER = rf"[0-9]{{{_DIGITS}}}|[1-9][0-9]{{{_DIGITS},6}}"
"""With eight digits it is a date: so many parts of the smallest size there is are forty terabytes."""
_ZERO_BEFORE = 10 ** (_DIGITS - 1)
"""Numbers below it have one."""
_FAR = 1_000
"""So many parts in a row nobody takes away."""


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
    pattern = re.compile(rf"{re.escape(stem)}\.({_NUMBER})(\.(?:{_NUMBER}))?{re.escape(end)}")
    if not path.parent.is_dir():
        return []
    found: list[tuple[int, Path]] = []
    with_parts = set()
    for entry in path.parent.iterdir():
        match = pattern.fullmatch(entry.name)
        if match and match[2]:
            with_parts.add(int(match[1]))
        elif match and int(match[1]):
            found.append((int(match[1]), entry))
    if not found:
        return []
    last = beginning.of_path(path)
    return _in_a_row(sorted(found), with_parts, afresh=last.ours and not last.goes_on)


def _in_a_row(found: list[tuple[int, Path]], with_parts: set[int], *, afresh: bool) -> list[tuple[int, Path]]:
    begins = {number: beginning.of_path(path) for number, path in found}
    ours = [(number, path) for number, path in found if not begins[number].foreign]
    sure = {number for number in begins if number < _ZERO_BEFORE or begins[number].goes_on} - with_parts
    row: list[tuple[int, Path]] = []
    for _, neighbours in groupby(enumerate(ours), lambda placed: placed[1][0] - placed[0]):
        parts = [part for _, part in neighbours]
        missing = parts[0][0] - (row[-1][0] if row else 0)
        near = missing < _FAR or not (row or afresh)
        if near and any(number in sure for number, _ in parts):
            row += parts
    return row


def free(path: Path, after: int) -> tuple[int, Path]:
    """The next part of a recording: nobody's file has its name yet."""
    while os.path.lexists(part(path, after + 1)):
        after += 1
    return after + 1, part(path, after + 1)


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
