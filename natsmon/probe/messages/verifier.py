"""How the fate of a message becomes known: what a publisher needs of it, and what it tells the publisher."""

import sys
from typing import NamedTuple, Protocol

from natsmon.probe.messages.ledger import Cut
from natsmon.probe.messages.message import Message
from natsmon.protocol.link import Link
from natsmon.stream import events as ev


class Audit(NamedTuple):
    """What a stream holds of the messages it acknowledged; see ``events.ReadBack``."""

    stream: str
    acknowledged: int
    stored: int = 0
    missing: int = 0
    twice: int = 0
    complete: bool = True
    text: str = ""


class Counts(NamedTuple):
    """Somebody else's messages; see ``events.Observed``."""

    messages: int = 0
    bytes: int = 0
    publishers: int = 0
    missing: int = 0
    duplicate: int = 0
    out_of_order: int = 0


class Proof(Protocol):
    """Hears what became of messages, and writes it into the ledger when they cannot be heard."""

    verification: ev.Verification
    message: Message
    """What to write for a number, so that it can be proved."""

    @property
    def room(self) -> int:
        """How many more messages may be on their way without proof; those beyond are buffered."""
        return sys.maxsize

    def sent(self, seq: int) -> None:
        """A message is on its way for the first time."""
        return

    def link_up(self, link: Link) -> None:
        """Listen, before anything is published on this link; see to it that what is stranded is decided."""

    def link_down(self) -> Cut:
        """The link is gone: say what becomes of the messages it carried that are undecided."""
        ...

    async def conclude(self, link: Link) -> Audit | None:
        """Nothing is published any more, and the link is about to be closed: whatever can be proved only now."""
        return None


class Publisher(Protocol):
    """Who publishes, and wants to know."""

    def proved(self, seq: int) -> None:
        """A message has arrived, just now."""

    def settled(self) -> None:
        """What was stranded is decided."""

    def recounted(self) -> None:
        """The totals have changed without a message having arrived."""

    def observed(self, counts: Counts) -> None:
        """Others publish."""

    def blinded(self, why: str) -> None:
        """There will be no proof on this connection."""

    def roomy(self) -> None:
        """There is room for messages again."""

    def complained(self, text: str) -> None:
        """What a person should know of it."""
