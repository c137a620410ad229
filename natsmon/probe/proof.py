"""How the fate of a message becomes known: what a publisher needs of it, and what it tells the publisher."""

from typing import Protocol

from natsmon import events as ev
from natsmon.probe.ledger import Cut
from natsmon.probe.link import Link
from natsmon.probe.message import Message


class Proof(Protocol):
    """Hears what became of messages, and writes it into the ledger when they cannot be heard."""

    word: ev.Proof
    message: Message
    """What to write for a number, so that it can be proved."""

    async def link_up(self, link: Link) -> None:
        """Listen, before anything is published on this link; see to it that what is stranded is decided."""

    def link_down(self) -> Cut:
        """The link is gone: say what becomes of the messages it carried that are undecided."""


class Publisher(Protocol):
    """Who publishes, and wants to know."""

    def proved(self, seq: int) -> None:
        """A message has arrived, just now."""

    def settled(self) -> None:
        """What was stranded is decided."""

    def blinded(self, why: str) -> None:
        """There will be no proof on this connection."""
