"""Verifiers: how the outcome of a message becomes known, by what is refused only or by our own subscription."""

import asyncio
import sys
from collections.abc import Callable

from natsmon.config.settings import Settings
from natsmon.probe.messages.deliveries import Deliveries
from natsmon.probe.messages.message import Message
from natsmon.protocol.request_reply import returns_messages
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev

GRACE = 0.5
"""Seconds from the sentinel's return until stranded messages are lost.

The sentinel shows that the new connection receives. An echo of the old one may still be behind it: in a cluster it
takes another route, and a server that was frozen first reads what its socket holds. A later echo corrects the loss.
"""
SENTINEL_WITHIN = 5.0
"""Seconds for the sentinel's return; then the first message that comes back takes its place."""
_SETTLES_WITHIN = 1.0
"""Seconds that the end of a run waits for stranded messages; without a sentinel it would wait for ever."""


class Verifier:
    """Learns the outcome of messages, and reports it to the deliveries.

    This base, of ``--no-echo``, subscribes to nothing: every message is unverified, unless the server refuses it.
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


class EchoVerifier(Verifier):
    """Our own subscription to our subject.

    Where the server refuses it, delivery cannot be verified until it accepts it, or the next server does.
    """

    verification: ev.Verification = "echo"

    def __init__(self, settings: Settings, session: str, deliveries: Deliveries) -> None:
        super().__init__(Message(settings, session), deliveries)
        self._own_inbox = settings.inquiries
        self._settling: asyncio.Task[None] | None = None
        self._echoed = asyncio.Event()
        """A message of this connection has come back on it."""

    def connection_up(self, connection: ServerConnection) -> None:
        ledger = self._deliveries.ledger
        ledger.verify()
        self._echoed.clear()
        subject = self.message.subject
        connection.on_publish_refused(subject, self._deliveries.next_refused)
        deliveries = self._deliveries
        connection.subscribe(
            subject, self._receive, refused=deliveries.on_unverifiable, accepted=deliveries.on_verifiable
        )
        if ledger.stranded:
            self._settling = asyncio.get_running_loop().create_task(self._settle(connection))

    def connection_down(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    async def conclude(self, connection: ServerConnection) -> None:
        if self._settling is not None:
            await connection.until(self._settling, within=_SETTLES_WITHIN)

    async def _settle(self, connection: ServerConnection) -> None:
        """Settle stranded messages after the return of a sentinel, or else of a message."""
        if not (self._own_inbox and await returns_messages(connection, within=SENTINEL_WITHIN)):
            await self._echoed.wait()
        await asyncio.sleep(GRACE)
        if connection.open:
            self._settling = None
            self._deliveries.on_settled()

    def _receive(self, subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
        seq = self.message.number(headers) if headers else None
        if seq is None:
            return  # a message of another publisher on our subject
        self._deliveries.arrived(seq)
        if self._settling is not None and seq > self._deliveries.ledger.cut_at:
            self._echoed.set()
