"""Verifier: how the outcome of a message becomes known. This one, of ``--no-echo``, learns only what is refused."""

import sys
from collections.abc import Callable

from natsmon.probe.messages.deliveries import Deliveries
from natsmon.probe.messages.message import Message
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev


class Verifier:
    """Learns the outcome of messages, and reports it to the deliveries.

    This base subscribes to nothing: every message is unverified, but for those that the server refuses.
    """

    verification: ev.Verification = "none"

    def __init__(self, message: Message, deliveries: Deliveries) -> None:
        self.message = message
        """What is written for a number, so that its delivery can be verified."""
        self._deliveries = deliveries
        self.on_window_open: Callable[[], None] = lambda: None
        """Called when ``room`` is above 0 again."""

    @property
    def room(self) -> int:
        """How many more messages may be in flight; those beyond are buffered."""
        return sys.maxsize

    def sent(self, seq: int) -> None:
        """A message is written for the first time."""

    def connection_up(self, connection: ServerConnection) -> None:
        """Subscribe, before anything is published on this connection."""
        connection.on_publish_refused(self.message.subject, self._deliveries.next_refused)
        if not self._deliveries.ledger.unverifiable:
            self._deliveries.on_unverifiable("--no-echo: natsmon does not subscribe to its messages")

    def connection_down(self) -> None:
        """The connection is not used any more."""

    async def conclude(self, connection: ServerConnection) -> ev.Audit | None:
        """Last requests before the connection is closed, when nothing is published any more; within bounds."""
        return None
