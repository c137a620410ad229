"""What all lines share: their types, how a server is named, and the words for totals of messages."""

from typing import Literal

from natsmon.state import State
from natsmon.state.server_names import address
from natsmon.text import units
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


_TOTALS = {
    "buffered": "never sent",
    "in_flight": "in flight",
    "out_of_order": "out of order",
    "resent": "sent again",
    "suppressed": "recognised by the stream",
    "unverified": "not verified",
}
"""Words for a total at the end of a run, where they are not the field's own."""


def amounts(totals: object, *fields: str) -> list[str]:
    """``3 rejected``, ``1 never sent``: these totals in words; one of 0 is left out."""
    return units.counts(*((getattr(totals, field), _TOTALS.get(field, field)) for field in fields))
