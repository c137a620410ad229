"""What is read back from a stream: whether all that it acknowledged is there, and once.

And what became of messages whose acknowledgement was lost, before they are sent again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from natsmon.probe.jetstream.api import NoStream, StreamInfo, look_up
from natsmon.probe.jetstream.stream_reader import Note, Reader, led
from natsmon.probe.messages.message import Message
from natsmon.probe.messages.number_runs import Runs
from natsmon.probe.messages.verifier import Audit
from natsmon.protocol.server_connection import ServerConnection, Unanswered
from natsmon.text import units

READ_WITHIN = 10.0
"""Seconds for all of it: a million messages or two, and as long as a person waits for a program to end."""
_RUNS = 100_000
_RECENT = 8_192
"""Twice as many as may be on their way."""


class Stored:
    """What a stream has acknowledged: the numbers, and the stretch of the stream they lie in."""

    def __init__(self) -> None:
        self.numbers = Runs(_RUNS)
        self.many = 0
        self.first = 0
        """Its place in the stream, from 1; 0 while there is none."""
        self.last = 0
        self.recent: dict[int, int] = {}
        """The places of the numbers that came last."""

    def has(self, number: int, place: int) -> bool:
        """Whether this very copy was noted a moment ago."""
        return self.recent.get(number) == place

    def note(self, number: int, place: int) -> None:
        self.many += 1
        self.numbers.add(number)
        self.recent[number] = place
        if len(self.recent) > _RECENT:
            del self.recent[next(iter(self.recent))]
        self.first = min(self.first or place, place)
        self.reach(place)

    def begin_anew(self) -> None:
        """In another stream: what the one before it had acknowledged is known by its numbers alone."""
        self.first = self.last = 0
        self.recent.clear()

    def reach(self, place: int) -> None:
        """There is a message of ours, be it a copy."""
        self.last = max(self.last, place)


class _Found:
    """The numbers that were read."""

    def __init__(self) -> None:
        self.numbers = Runs(_RUNS)
        self.twice = 0
        self.first = self.first_place = 0

    def note(self, number: int, place: int) -> None:
        if not self.first:
            self.first, self.first_place = number, place
        if number in self.numbers:
            self.twice += 1
        else:
            self.numbers.add(number)


async def read_back(connection: ServerConnection, stream: str, stored: Stored, message: Message) -> Audit:
    """Every message that was acknowledged is looked for in the stream.

    Those that lie before what the stream still has are not missing: its limits, or a purge of all of it, took them
    away. What is acknowledged and cannot be found behind that is, and what is found a second time is there twice.
    """
    found = _Found()
    why = ""
    place = max(1, stored.first)
    try:
        async with _in_time():
            info = await led(lambda: look_up(connection, stream, message.subject))
            if not info.keeps:
                raise Unanswered(f"{_GONE} (retention {info.config.retention}), so it is not read")
            reader = Reader(connection, stream, message, found.note)
            while (until := stored.last) >= place:  # some may be acknowledged meanwhile
                await reader.read(place, until)
                place = until + 1
            info = await led(lambda: look_up(connection, stream, message.subject))  # its limits may have been at work
    except (NoStream, Unanswered) as error:
        why = str(error)
    missing = stored.numbers.without(found.numbers)
    there = stored.numbers.many - missing.many
    if why and not found.first:
        return Audit(stream, stored.many, complete=False, text=why)
    if why:
        return Audit(stream, stored.many, there, 0, found.twice, complete=False, text=why)
    removed = _take_removed(missing, info, stored, found)
    if forgotten := stored.many - stored.numbers.many:
        text = f"{units.grouped(forgotten)} of the first were not looked for: their numbers have too many gaps"
        return Audit(stream, stored.many, there, missing.many, found.twice, complete=False, text=text)
    text = f"{units.grouped(removed)} removed by its limits or a purge before they were read" if removed else ""
    return Audit(stream, stored.many, there, missing.many, found.twice, text=text)


def _take_removed(missing: Runs, info: StreamInfo, stored: Stored, found: _Found) -> int:
    """Take out, and count, those before the first that the stream has kept."""
    kept_from = info.state.first_seq
    if info.config.max_msgs_per_subject > 0:  # what it removes of one subject may lie behind others that it keeps
        kept_from = max(kept_from, found.first_place or stored.last + 1)
    if kept_from <= stored.first:
        return 0
    removed = sum(missing.discard(number) for number, place in stored.recent.items() if place < kept_from)
    oldest = min(
        stored.recent, default=stored.numbers.last + 1
    )  # those before it were stored in their order, or nearly so
    until = min(oldest, found.first or oldest) - 1
    return removed + sum(last - first + 1 for first, last in missing.take(until))


_GONE = "its messages go when they are consumed"


async def find(
    connection: ServerConnection, stream: str, message: Message, start: int, created: str, note: Note
) -> None:
    """Note the number and the place of each of our messages, from a place of the stream created then.

    Raises:
        NoStream: It does not exist any more.
        Unanswered: Messages that were not noted until then may be in it or not.
    """
    async with _in_time():
        info = await led(lambda: look_up(connection, stream, message.subject))
        if not info.keeps:
            raise Unanswered(_GONE)
        first = info.state.first_seq if info.created != created else max(start, info.state.first_seq)
        await Reader(connection, stream, message, note).read(first, info.state.last_seq)


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(READ_WITHIN):
            yield
    except TimeoutError:
        raise Unanswered(f"{READ_WITHIN:g} s were not enough to read it") from None
