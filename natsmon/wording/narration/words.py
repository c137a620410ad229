"""Words that every room of the narration needs."""

from collections.abc import Callable
from typing import Any, Literal

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.text.plain_text import clip
from natsmon.wording.cause_table import diagnose

Kind = Literal["good", "bad", "warn", "info", "dim"]
Said = tuple[Kind, str] | None
"""The kind of a line and its text; none for an event that needs no line."""
Words = dict[type, Callable[[Any, State], Said]]
"""How each kind of event is told."""


def explained(stage: ev.Stage | None, cause: str, text: str) -> str:
    """The cause in its own word, and what is known of it."""
    text = clip(text) or diagnose(stage, cause).happened
    if cause.replace("_", " ") in text.casefold():
        return text
    return f"{cause}, {text}" if cause else text
