"""Positions in a recording as a user types them: a time of day, a date and a time, an offset, an event."""

import re
from datetime import datetime, timedelta

from natsmon.replay.player import Player
from natsmon.replay.recording_index import RecordingIndex
from natsmon.text import dates
from natsmon.text.units import parse_duration

EXAMPLES = "15:04, 15:04:05.250, 2026-01-31 15:04, +30s, -5m or #1200"

_CLOCK = r"(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}(?:\.\d{1,6})?))?"
_WHEN = re.compile(rf"(?:(?P<date>\d{{4}}-\d{{2}}-\d{{2}})[T ])?{_CLOCK}")
_HALF_A_DAY = timedelta(hours=12)
_DAYS = 1_000
"""Days in which a time of day is looked up, at most."""
_TOLERANCE = 1.0
"""Seconds: a time is typed as it is shown, without its last digits."""


class PositionError(Exception):
    """The text is not a position, or not one of the recording; the text has the reason."""


def seek_to(player: Player, text: str) -> None:
    """Seek to a typed position. Raises PositionError."""
    text = text.strip()
    if text.startswith("#"):
        player.to_event(_event(player.index, text[1:]))
    elif text[:1] in ("+", "-"):
        player.seek(player.at + _offset(text))
    else:
        player.seek(_when(player, text))


def _event(index: RecordingIndex, text: str) -> int:
    digits = text.replace(",", "")
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 15:
        raise PositionError(f"“#{text}” is not an event; try #1 to #{len(index):,}")
    number = int(digits)
    if not 1 <= number <= len(index):
        raise PositionError(f"event {number:,} does not exist; the last is {len(index):,}")
    return number


def _offset(text: str) -> float:
    try:
        seconds = parse_duration(text[1:])
    except ValueError as error:
        raise PositionError(f"“{text}” {error}") from None
    return seconds if text[0] == "+" else -seconds


def _when(player: Player, text: str) -> float:
    match = _WHEN.fullmatch(text)
    if match is None:
        raise PositionError(f"“{text}” is not a time; try {EXAMPLES}")
    try:
        if match["date"]:
            days = [datetime.fromisoformat(match["date"])]
        else:
            here = datetime.fromtimestamp(player.wall)
            days = sorted(_days(player.index), key=lambda day: abs(day + _HALF_A_DAY - here))
        return _found(player.index, [_epoch(day, match) for day in days], text)
    except (OverflowError, OSError, ValueError):
        raise PositionError(f"“{text}” is not a time") from None


def _epoch(day: datetime, match: re.Match[str]) -> float:  # local time, like every time on the screen
    second = float(match["second"] or 0)
    at = day.replace(hour=int(match["hour"]), minute=int(match["minute"]), second=int(second), microsecond=0)
    return at.timestamp() + second % 1


def _days(index: RecordingIndex) -> list[datetime]:
    """Midnight of every day in the recording."""
    days: dict[datetime, None] = {}
    for session, end in index.sessions_with_ends():
        day = datetime.fromtimestamp(session.wall(session.base)).replace(hour=0, minute=0, second=0, microsecond=0)
        while day.timestamp() <= session.wall(end) and len(days) < _DAYS:
            days[day] = None
            day += timedelta(days=1)
    return list(days)


def _found(index: RecordingIndex, wanted: list[float], text: str) -> float:
    """The first of these wall clock times that was recorded, as a time of the recording."""
    sessions = index.sessions_with_ends()
    for epoch in wanted:
        for session, end in sessions:
            if (at := session.at_wall(epoch, end, _TOLERANCE)) is not None:
                return at
    began = min(session.wall(session.base) for session, _ in sessions)
    ended = max(session.wall(end) for session, end in sessions)
    first, last = (dates.local("%Y-%m-%d %H:%M:%S", epoch) for epoch in (began, ended))
    raise PositionError(f"{text} was not recorded; the recording is from {first} to {last}")
