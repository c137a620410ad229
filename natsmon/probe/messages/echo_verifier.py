"""Verification by our own subscription: every message published comes back. And none, where that is asked for."""

import asyncio

from natsmon.config.settings import Settings
from natsmon.probe.messages.deliveries import Deliveries
from natsmon.probe.messages.message import Message
from natsmon.probe.messages.verifier import Audit, Verifier, nothing
from natsmon.protocol.link import Link
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

    Where the server refuses it, delivery on this connection cannot be verified. The next connection tries again: it may
    be to another server, or with other permissions.
    """

    verification: ev.Verification = "echo"

    def __init__(self, settings: Settings, session: str, deliveries: Deliveries) -> None:
        self.message = Message(settings, session)
        self.on_window_open = nothing
        self._subject = settings.subject
        self._own_inbox = settings.inquiries
        self._deliveries = deliveries
        self._settling: asyncio.Task[None] | None = None
        self._echoed = asyncio.Event()
        """A message of this connection has come back on it."""

    def link_up(self, link: Link) -> None:
        ledger = self._deliveries.ledger
        ledger.see()
        self._echoed.clear()
        link.on_publish_refused(self._subject, self._deliveries.next_refused)
        link.subscribe(self._subject, self._receive, refused=self._deliveries.on_unverifiable)
        if ledger.stranded:
            self._settling = asyncio.get_running_loop().create_task(self._settle(link))

    def link_down(self) -> None:
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None

    async def conclude(self, link: Link) -> Audit | None:
        if self._settling is not None:
            waiting = self._settling, link.lost
            await asyncio.wait(waiting, timeout=_SETTLES_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        return None

    async def _settle(self, link: Link) -> None:
        """Decide about stranded messages once a sentinel, or else a message of ours, has come back."""
        if not (self._own_inbox and await link.hears_itself(within=SENTINEL_WITHIN)):
            await self._echoed.wait()
        await asyncio.sleep(GRACE)
        if link.open:
            self._settling = None
            self._deliveries.on_settled()

    def _receive(self, subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
        seq = self.message.number(headers) if headers else None
        if seq is None:
            return  # a message of another publisher on our subject
        self._deliveries.arrived(seq)
        if self._settling is not None and seq > self._deliveries.ledger.cut_at:
            self._echoed.set()


class NoVerifier(Verifier):
    """Nothing is subscribed to: every message is unverified, and only those that the server refuses have an outcome."""

    verification: ev.Verification = "none"

    def __init__(self, settings: Settings, session: str, deliveries: Deliveries) -> None:
        self.message = Message(settings, session)
        self.on_window_open = nothing
        self._subject = settings.subject
        self._deliveries = deliveries

    def link_up(self, link: Link) -> None:
        link.on_publish_refused(self._subject, self._deliveries.next_refused)
        if not self._deliveries.ledger.blind:
            self._deliveries.on_unverifiable("--no-echo: natsmon does not subscribe to its messages")
