"""Verification by our own subscription: every message published comes back."""

import asyncio

from natsmon.config.settings import Settings
from natsmon.probe.messages.deliveries import Deliveries
from natsmon.probe.messages.message import Message
from natsmon.probe.messages.verifier import Verifier
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
