"""A place in a recording as a person writes it: a time of day, a date with it, so long on or back, an event."""

import re
import time
from datetime import datetime, timedelta

from natsmon.replay.player import Player
from natsmon.replay.tape import Tape
from natsmon.text.units import parse_duration

EXAMPLES = "15:04, 15:04:05.250, 2026-01-31 15:04, +30s, -5m or #1200"

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d{1,6})?))?"
_WHEN = re.compile(rf"(?:(?P<date>\d{{4}}-\d{{2}}-\d{{2}})[T ])?{_CLOCK}")
_HALF_A_DAY = timedelta(hours=12)
_DAYS = 1_000
"""A time of day is looked for on so many days at most."""


class NoPlace(Exception):
    """Why it is not there, or not understood, in a sentence."""


def go(player: Player, text: str) -> None:
    """Raises NoPlace."""
    text = text.strip()
    if text.startswith("#"):
        player.to_event(_event(player.tape, text[1:]))
    elif text[:1] in ("+", "-"):
        player.seek(player.at + _offset(text))
    else:
        player.seek(_when(player, text))


def _event(tape: Tape, text: str) -> int:
    digits = text.replace(",", "")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 15:
        raise NoPlace(f"“#{text}” is no event; try #1 to #{len(tape):,}")
    number = int(digits)
    if not 1 <= number <= len(tape):
        raise NoPlace(f"there is no event {number:,}; the last is {len(tape):,}")
    return number


def _offset(text: str) -> float:
    try:
        seconds = parse_duration(text[1:])
    except ValueError as error:
        raise NoPlace(f"“{text}” {error}") from None
    return seconds if text[0] == "+" else -seconds


def _when(player: Player, text: str) -> float:
    match = _WHEN.fullmatch(text)
    if match is None:
        raise NoPlace(f"“{text}” is no time; try {EXAMPLES}")
    try:
        if match["date"]:
            days = [datetime.fromisoformat(match["date"])]
        else:
            here = datetime.fromtimestamp(player.wall)
            days = sorted(_days(player.tape), key=lambda day: abs(day + _HALF_A_DAY - here))
        return _found(player.tape, [_epoch(day, match) for day in days], text)
    except (OverflowError, OSError, ValueError):
        raise NoPlace(f"“{text}” is in no calendar") from None


def _epoch(day: datetime, match: re.Match[str]) -> float:
    """Local time, as every time on the screen is."""
    second = float(match["second"] or 0)
    at = day.replace(hour=int(match["hour"]), minute=int(match["minute"]), second=int(second), microsecond=0)
    return at.timestamp() + second % 1


def _days(tape: Tape) -> list[datetime]:
    """Every day some of the recording is of, at its midnight."""
    days: dict[datetime, None] = {}
    for began, ended in tape.wall_spans():
        day = datetime.fromtimestamp(began).replace(hour=0, minute=0, second=0, microsecond=0)
        while day.timestamp() <= ended and len(days) < _DAYS:
            days[day] = None
            day += timedelta(days=1)
    return list(days)


def _found(tape: Tape, wanted: list[float], text: str) -> float:
    """The first of these wall clock times that was recorded, as a time of the tape."""
    spans = tape.wall_spans()
    for epoch in wanted:
        for chapter, (began, ended) in zip(tape.chapters, spans, strict=True):
            if began - 1 <= epoch <= ended + 1:  # a time is typed as it is read, without its last digits
                return chapter.base + max(began, min(epoch, ended)) - began
    first, last = min(began for began, _ in spans), max(ended for _, ended in spans)
    raise NoPlace(f"the recording has no {text}; it goes from {_said(first)} to {_said(last)}")


def _said(epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(epoch))
