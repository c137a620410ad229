"""Audit: read a stream back, and compare what it holds with what it acknowledged.

Messages whose acknowledgement was lost are searched the same way before they are sent again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from natsmon.probe.audit.stream_reader import Note, Reader
from natsmon.probe.messages.message import Message
from natsmon.probe.messages.number_runs import Runs
from natsmon.protocol.jetstream_api import NoStream, StreamInfo
from natsmon.protocol.server_connection import ServerConnection, Unanswered
from natsmon.stream.events import Audit

READ_WITHIN = 15.0
"""Seconds for an audit: an election of nats-server takes up to 9, and a million messages are read in the rest."""
_RUNS = 100_000
_RECENT = 8_192
"""Twice the messages that may be outstanding."""


class Stored:
    """What a stream has acknowledged: the numbers, and the range of their positions in the stream."""

    def __init__(self) -> None:
        self.numbers = Runs(_RUNS)
        self.many = 0
        self.first = 0
        """Position of the first in the stream, from 1; 0 without one."""
        self.last = 0
        self.recent: dict[int, int] = {}
        """Positions of the newest numbers."""

    def has(self, number: int, position: int) -> bool:
        return self.recent.get(number) == position

    def note(self, number: int, position: int) -> None:
        self.many += 1
        self.numbers.add(number)
        self.recent[number] = position
        if len(self.recent) > _RECENT:
            del self.recent[next(iter(self.recent))]
        self.first = min(self.first or position, position)
        self.reach(position)

    def begin_anew(self) -> None:
        """Another stream begins: of the one before, only the numbers are kept."""
        self.first = self.last = 0
        self.recent.clear()

    def reach(self, position: int) -> None:
        """A message of ours, or a copy, is at this position."""
        self.last = max(self.last, position)


class _Found:
    def __init__(self) -> None:
        self.numbers = Runs(_RUNS)
        self.twice = 0
        self.first = self.first_position = 0

    def note(self, number: int, position: int) -> None:
        if not self.first:
            self.first, self.first_position = number, position
        if number in self.numbers:
            self.twice += 1
        else:
            self.numbers.add(number)


async def read_back(connection: ServerConnection, stream: str, stored: Stored, message: Message) -> Audit:
    """Search the stream for every message that it acknowledged.

    Messages before the first that the stream still holds were removed by its limits or a purge. An acknowledged
    message that is not found after that is missing; one that is found again is stored twice.
    """
    found = _Found()
    reader = Reader(connection, stream, message, found.note)
    why = ""
    position = max(1, stored.first)
    try:
        async with _within_limit():
            info = await reader.info()
            if not info.keeps:
                raise Unanswered(f"{_GONE} (retention {info.config.retention}), so it is not read")
            while (until := stored.last) >= position:  # more may be acknowledged meanwhile
                await reader.read(position, until)
                position = until + 1
            info = await reader.info()
    except (NoStream, Unanswered) as error:
        why = str(error)
    if why and not found.first:
        return Audit(stream=stream, acknowledged=stored.many, complete=False, text=why)
    missing = stored.numbers.without(found.numbers)
    there = stored.numbers.many - missing.many
    forgotten = stored.many - stored.numbers.many
    text = why
    if not why:
        removed = _take_removed(missing, info, stored, found)
        if forgotten:
            text = f"the first {forgotten:,} were not searched: their numbers have too many gaps"
        elif removed:
            text = f"{removed:,} removed by its limits or a purge before they were read"
    return Audit(
        stream=stream,
        acknowledged=stored.many,
        stored=there,
        missing=0 if why else missing.many,
        twice=found.twice,
        complete=not (why or forgotten),
        text=text,
    )


def _take_removed(missing: Runs, info: StreamInfo, stored: Stored, found: _Found) -> int:
    """Remove from the missing, and count, those before the first that the stream has kept."""
    kept_from = info.state.first_seq
    if info.config.max_msgs_per_subject > 0:  # removed ones may be behind others that are kept
        kept_from = max(kept_from, found.first_position or stored.last + 1)
    if kept_from <= stored.first:
        return 0
    removed = sum(missing.discard(number) for number, position in stored.recent.items() if position < kept_from)
    # Numbers before the recent ones were stored nearly in order.
    oldest = min(stored.recent, default=stored.numbers.last + 1)
    until = min(oldest, found.first or oldest) - 1
    return removed + sum(last - first + 1 for first, last in missing.take(until))


_GONE = "its messages are removed when they are consumed"


async def find(
    connection: ServerConnection, stream: str, message: Message, start: int, created: str, note: Note
) -> None:
    """Call ``note`` with number and position of each of our messages in the stream, from the position ``start`` on.

    ``start`` is of the stream that was ``created`` at this time; another one is read from its start. NoStream or
    Unanswered where it could not be read to its end.
    """
    reader = Reader(connection, stream, message, note)
    async with _within_limit():
        info = await reader.info()
        if not info.keeps:
            raise Unanswered(_GONE)
        first = info.state.first_seq if info.created != created else max(start, info.state.first_seq)
        await reader.read(first, info.state.last_seq)


@asynccontextmanager
async def _within_limit() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(READ_WITHIN):
            yield
    except TimeoutError:
        raise Unanswered(f"it could not be read within {READ_WITHIN:g} s") from None
