"""Verifier: how the outcome of a message becomes known. Interface between publisher, verifiers and deliveries."""

import sys
from collections.abc import Callable
from typing import NamedTuple, Protocol

from natsmon.probe.messages.message import Message
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev


class Audit(NamedTuple):
    """What a stream holds of the messages it acknowledged; see ``events.Audit``."""

    stream: str
    acknowledged: int
    stored: int | None = None
    missing: int = 0
    twice: int = 0
    complete: bool = True
    text: str = ""


class Verifier(Protocol):
    """Learns the outcome of messages, and reports it to the deliveries."""

    verification: ev.Verification
    message: Message
    """What is written for a number, so that its delivery can be verified."""
    on_window_open: Callable[[], None]
    """Called when ``room`` is above 0 again."""

    @property
    def room(self) -> int:
        """How many more messages may be in flight; those beyond are buffered."""
        return sys.maxsize

    def sent(self, seq: int) -> None:
        """A message is written for the first time."""
        return

    def connection_up(self, connection: ServerConnection) -> None:
        """Subscribe, before anything is published on this connection."""
        return

    def connection_down(self) -> None:
        """The connection is not used any more."""
        return

    async def conclude(self, connection: ServerConnection) -> Audit | None:
        """Last requests before the connection is closed, when nothing is published any more; within bounds."""
        return None


def nothing() -> None:
    """Default of ``Verifier.on_window_open``."""
