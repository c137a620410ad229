"""Words that every room of the narration needs."""

import time
from collections.abc import Callable
from typing import Any, Literal

from natsmon import events as ev
from natsmon import units
from natsmon.diagnosis import diagnose
from natsmon.state import State

Kind = Literal["good", "bad", "warn", "info", "dim"]
Said = tuple[Kind, str] | None
"""The kind of a line and its text; none for an event that needs no line."""
Words = dict[type, Callable[[Any, State], Said]]
"""How each kind of event is told."""

TEXT_LIMIT = 300
"""Characters of one text of a server; its longest errors are shorter."""
NAME_LIMIT = 64


def clip(text: str, limit: int = TEXT_LIMIT) -> str:
    return text if len(text) <= limit else text[:limit] + "…"


def plural(number: int, noun: str) -> str:
    return f"{units.grouped(number)} {noun}" if number == 1 else f"{units.grouped(number)} {noun}s"


def explained(stage: ev.Stage | None, cause: str, text: str) -> str:
    """The cause in its own word, and what is known of it."""
    text = clip(text) or diagnose(stage, cause).happened
    if cause.replace("_", " ") in text.casefold():
        return text
    return f"{cause}, {text}" if cause else text


def day(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):  # no calendar has such a day; a certificate may claim it
        return f"{seconds:g} s after 1970"


def moment(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s after 1970"
