"""What all lines share: their types, and how a server is named."""

from typing import Literal

from natsmon.state import State
from natsmon.state.server_names import address
from natsmon.text.plain_text import clip_middle

Kind = Literal["good", "bad", "warn", "info", "dim"]
Line = tuple[Kind, str] | None
"""The kind of a line and its text; none for an event that needs no line."""


def server(url: str, state: State) -> str:
    """The name of a server where it is known, else its address; "the server" without a URL."""
    return clip_middle(state.server_names.get(address(url), "")) or address(url) or "the server"


def server_at(url: str, state: State) -> str:
    """The name of a server with its address: where a line is the first about it."""
    name, where = server(url, state), address(url)
    return where if name in (where, where.rpartition(":")[0]) else f"{name} ({where})"
