"""What is read back from a stream: whether all that it acknowledged is there, and once.

And what became of messages whose acknowledgement was lost, before they are sent again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from natsmon import units
from natsmon.probe.jetstream import NoStream, look_up
from natsmon.probe.link import Link, Unanswered
from natsmon.probe.message import Message
from natsmon.probe.proof import Audit
from natsmon.probe.reader import Note, Reader, led
from natsmon.probe.runs import Runs

READ_WITHIN = 10.0
"""Seconds for all of it: a million messages or two, and as long as a person waits for a program to end."""
_RUNS = 100_000
_RECENT = 8_192
"""Twice as many as may be on their way."""
_OTHERS = 100_000
"""Stored messages without an acknowledgement that are recognised, should they be there twice."""


class Stored:
    """What a stream has acknowledged: the numbers, and the stretch of the stream they lie in."""

    def __init__(self) -> None:
        self.numbers = Runs(_RUNS)
        self.many = 0
        self.first = 0
        """Its place in the stream, from 1; 0 while there is none."""
        self.last = 0
        self._recent: dict[int, int] = {}
        """The places of the numbers that came last."""

    def has(self, number: int, place: int) -> bool:
        """Whether this very copy was noted a moment ago."""
        return self._recent.get(number) == place

    def note(self, number: int, place: int) -> None:
        self.many += 1
        self.numbers.add(number)
        self._recent[number] = place
        if len(self._recent) > _RECENT:
            del self._recent[next(iter(self._recent))]
        self.first = min(self.first or place, place)
        self.last = max(self.last, place)


async def read_back(link: Link, stream: str, stored: Stored, message: Message) -> Audit:
    """Every message that was acknowledged is looked for in the stream.

    Those that lie before what the stream still has are not missing: its limits, or a purge, took them away.
    What is acknowledged and cannot be found behind that is, and what is found a second time is there twice.
    """
    unread = stored.numbers.copy()
    others: set[int] = set()
    found = twice = first_found = 0

    def note(number: int, place: int) -> None:
        nonlocal found, twice, first_found
        first_found = first_found or number
        if unread.discard(number):
            found += 1
        elif number in stored.numbers or number in others:
            twice += 1
        elif len(others) < _OTHERS:
            others.add(number)

    try:
        async with _in_time():
            info = await led(lambda: look_up(link, stream, message.subject))
            if not info.keeps:
                raise Unanswered(f"{_GONE} (retention {info.config.retention}), so it is not read")
            await Reader(link, stream, info, message, note).read(stored.first, stored.last)
    except (NoStream, Unanswered) as error:
        return Audit(stream, stored.many, found, 0, twice, complete=False, text=str(error))
    removed = 0
    if info.state.first_seq > stored.first:
        until = first_found - 1 if first_found else stored.numbers.last
        removed = sum(last - first + 1 for first, last in unread.take(until))
    missing = sum(last - first + 1 for first, last in unread)
    text = f"{units.grouped(removed)} removed by its limits or a purge before they were read" if removed else ""
    return Audit(stream, stored.many, found, missing, twice, text=text)


_GONE = "its messages go when they are consumed"


async def find(link: Link, stream: str, message: Message, start: int, note: Note) -> None:
    """Tell the number and the place of each of our messages from a place on.

    Raises NoStream and Unanswered; what was not told until then may be there or not.
    """
    async with _in_time():
        info = await led(lambda: look_up(link, stream, message.subject))
        if not info.keeps:
            raise Unanswered(_GONE)
        reader = Reader(link, stream, info, message, note)
        await reader.read(max(start, info.state.first_seq), info.state.last_seq)


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(READ_WITHIN):
            yield
    except TimeoutError:
        raise Unanswered(f"{READ_WITHIN:g} s were not enough to read it") from None
