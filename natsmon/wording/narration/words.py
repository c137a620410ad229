"""Types of the narration."""

from collections.abc import Callable
from typing import Any, Literal

from natsmon.state import State

Kind = Literal["good", "bad", "warn", "info", "dim"]
Line = tuple[Kind, str] | None
"""The kind of a line and its text; none for an event that needs no line."""
Lines = dict[type, Callable[[Any, State], Line]]
"""The line of each kind of event."""
