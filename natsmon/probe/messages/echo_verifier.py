"""Proof by our own subscription: what was published is heard again. And no proof at all, where that is asked for."""

import asyncio

from natsmon.config.settings import Settings
from natsmon.probe.jetstream.ack_verifier import Acknowledgements
from natsmon.probe.messages.ledger import Cut, Ledger
from natsmon.probe.messages.message import Message
from natsmon.probe.messages.observer import Observer
from natsmon.probe.messages.verifier import Audit, Proof, Publisher
from natsmon.protocol.link import Link
from natsmon.stream import events as ev

GRACE = 0.5
"""Seconds from the sentinel's return until what is stranded is lost.

The sentinel shows that the new connection hears; an echo of the old one may be behind it all the same. In a
cluster it takes another way, server to server, and a server that has just gone on reads what lies in its
socket. Half a second is many times what either takes where nothing is wrong, and nobody waits for it; what is
later still is taken back.
"""


SENTINEL_WITHIN = 5.0
"""Seconds for the sentinel's return; then the first message that comes back takes its place."""

_SETTLES_WITHIN = 1.0
"""Seconds that the end of a run waits for it; where we may not hear ourselves, it would wait for ever."""


def proof_for(settings: Settings, session: str, ledger: Ledger, publisher: Publisher) -> Proof:
    if settings.jetstream:
        return Acknowledgements(settings, session, ledger, publisher)
    message = Message(settings, session)
    if settings.observe:
        return Observer(settings.observe, message, ledger, publisher)
    return (
        Echoes(settings.subject, message, ledger, publisher) if settings.echo else Unproved(message, ledger, publisher)
    )


class Echoes(Proof):
    """Our own subscription to our subject.

    Where the server forbids it, this connection is blind, and the next one tries again: it may be another
    server, or the same with other permissions.
    """

    verification: ev.Verification = "echo"

    def __init__(self, subject: str, message: Message, ledger: Ledger, publisher: Publisher) -> None:
        self.message = message
        self._subject = subject
        self._ledger = ledger
        self._publisher = publisher
        self._settling: asyncio.Task[None] | None = None
        self._echoed = asyncio.Event()
        """A message of this connection has come back on it."""

    def link_up(self, link: Link) -> None:
        self._ledger.see()
        self._echoed.clear()
        link.on_publish_refused(self._subject, self._turned_away)
        link.subscribe(self._subject, self._receive, refused=self._refused)
        if self._ledger.stranded:
            self._settling = asyncio.get_running_loop().create_task(self._settle(link))

    def link_down(self) -> Cut:
        """What is undecided is stranded until a sentinel has come back on a later link."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        return self._ledger.cut()

    async def conclude(self, link: Link) -> Audit | None:
        """What an outage cost that is hardly over is known in a moment."""
        if self._settling is not None:
            waiting = self._settling, link.lost
            await asyncio.wait(waiting, timeout=_SETTLES_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        return None

    async def _settle(self, link: Link) -> None:
        """The sentinel: a message to ourselves; where that is forbidden, the first on our subject that comes back."""
        if not await link.hears_itself(within=SENTINEL_WITHIN):
            await self._echoed.wait()
        await asyncio.sleep(GRACE)
        if link.open:
            self._settling = None
            self._ledger.give_up()
            self._publisher.settled()

    def _receive(self, subject: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
        seq = self.message.number(headers) if headers else None
        if seq is None:
            return  # somebody else's message on our subject
        self._publisher.proved(seq)
        if self._settling is not None and seq > self._ledger.cut_at:
            self._echoed.set()

    def _turned_away(self) -> None:
        """A server answers in the order in which it was asked, an echo or an error: this is about the oldest."""
        self._ledger.refuse_oldest()
        self._publisher.recounted()

    def _refused(self, text: str) -> None:
        self._ledger.go_blind()
        self._publisher.blinded(text)


class Unproved(Proof):
    """Nobody listens: what was sent stays in flight, and nothing is called lost."""

    verification: ev.Verification = "none"

    def __init__(self, message: Message, ledger: Ledger, publisher: Publisher) -> None:
        self.message = message
        self._ledger = ledger
        self._publisher = publisher

    def link_up(self, link: Link) -> None:
        if not self._ledger.blind:
            self._ledger.go_blind()
            self._publisher.blinded("--no-echo: nobody listens for them")

    def link_down(self) -> Cut:
        return self._ledger.cut()
