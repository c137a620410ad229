"""Reads back from a stream which of our messages it holds.

By a consumer that is made for it and forgotten by the server soon afterwards: it gives headers only, of the
messages on our subject, in the order of the stream, and many at a time. It may be on a replica that has not caught
up, or go with its server: the stream's leader, who has everything, is asked for what the consumer does not see.
While there is no leader, the question is put again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from natsmon import units
from natsmon.probe.jetstream import API, Answer, NoStream, StreamInfo, ask, look_up
from natsmon.probe.link import Link, NotNow, Unanswered
from natsmon.probe.message import Message
from natsmon.probe.proof import Audit
from natsmon.probe.runs import Runs

T = TypeVar("T")

READ_WITHIN = 10.0
"""Seconds for all of it: a million messages or two, and as long as a person waits for a program to end."""
_BATCH = 8_192
_PATIENCE = 2.0
"""Seconds for one batch."""
_NOTHING_MORE = 0.5
"""Seconds that a consumer waits for a message of ours which it does not see."""
_GRACE = 0.5
"""Seconds beyond that in which the server should have said so."""
_STRETCHES = 64
"""Of the stream, that its leader is asked for at the same time."""
_PAUSE = 0.1
"""Seconds before a question that nobody could answer is put again."""
_FORGOTTEN_AFTER = 5_000_000_000
"""Nanoseconds without a request after which the server drops the consumer."""
_RUNS = 100_000
_OTHERS = 100_000
"""Stored messages without an acknowledgement that are recognised, should they be there twice."""


class _Consumer(Answer, frozen=True):
    name: str = ""
    num_pending: int = 0


class _Message(msgspec.Struct, frozen=True):
    seq: int = 0
    hdrs: bytes = b""


class _Found(Answer, frozen=True):
    message: _Message | None = None


_NO_MESSAGE = 10037


class Stored:
    """What a stream has acknowledged: the numbers, and the stretch of the stream they lie in."""

    def __init__(self) -> None:
        self.numbers = Runs(_RUNS)
        self.many = 0
        self.first = 0
        """Its place in the stream, from 1; 0 while there is none."""
        self.last = 0

    def note(self, number: int, place: int) -> None:
        self.many += 1
        self.numbers.add(number)
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
            info = await _led(lambda: look_up(link, stream, message.subject))
            if not info.keeps:
                raise Unanswered(f"{_GONE} (retention {info.config.retention}), so it is not read")
            await _read(link, stream, info, message, stored.first, stored.last, note)
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


async def find(link: Link, stream: str, message: Message, start: int, note: Callable[[int, int], None]) -> None:
    """Tell the number and the place of each of our messages from a place on.

    Raises NoStream and Unanswered; what was not told until then may be there or not.
    """
    async with _in_time():
        info = await _led(lambda: look_up(link, stream, message.subject))
        if not info.keeps:
            raise Unanswered(_GONE)
        await _read(link, stream, info, message, max(start, info.state.first_seq), info.state.last_seq, note)


@asynccontextmanager
async def _in_time() -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(READ_WITHIN):
            yield
    except TimeoutError:
        raise Unanswered(f"{READ_WITHIN:g} s were not enough to read it") from None


async def _led(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer of who leads, however long it takes to elect them."""
    while True:
        try:
            return await ask()
        except NotNow:
            await asyncio.sleep(_PAUSE)


async def _read(
    link: Link,
    stream: str,
    info: StreamInfo,
    message: Message,
    start: int,
    until: int,
    note: Callable[[int, int], None],
) -> None:
    """Tell the number and the place of each of our messages between two places. Raises Unanswered when it cannot."""
    if start > until:
        return
    consumer = await _consumer(link, stream, info, message.subject, start)
    left, asked, reached = consumer.num_pending, 0, start - 1
    stopped = False
    arrived = asyncio.Event()

    def receive(_: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
        nonlocal left, asked, reached, stopped
        if not reply.startswith(b"$JS.ACK."):
            stopped = True  # it has no more, or is no more
            arrived.set()
            return
        left, asked, reached = left - 1, asked - 1, _place(reply)
        number = message.number(headers) if headers else None
        if number is not None and reached <= until:
            note(number, reached)
        if asked == 0 or reached >= until:
            arrived.set()

    async with link.hearing(receive) as inbox:
        while reached < until and not stopped:
            arrived.clear()
            asked = min(left, _BATCH) if left > 0 else _BATCH
            expires = _PATIENCE if left > 0 else _NOTHING_MORE
            question = msgspec.json.encode({"batch": asked, "expires": int(expires * 1e9)})
            await link.publish(f"{API}.CONSUMER.MSG.NEXT.{stream}.{consumer.name}", question, reply=inbox)
            if not await _either(arrived, link, within=expires + _GRACE):
                break
    await _rest(link, stream, info, message, reached + 1, until, note)


async def _rest(
    link: Link,
    stream: str,
    info: StreamInfo,
    message: Message,
    start: int,
    until: int,
    note: Callable[[int, int], None],
) -> None:
    """What the consumer did not see, from who leads the stream; mostly nothing."""

    async def next_of_ours(place: int, until: int) -> int:
        """Tell of the first one from a place on, and give its place; 0 where there is none."""
        if place > until:
            return 0
        question = {"seq": place, "next_by_subj": _filter(info, message.subject) or ">"}
        answer = await _led(lambda: ask(link, f"STREAM.MSG.GET.{stream}", question, _Found))
        if answer.error is not None and answer.error.err_code != _NO_MESSAGE:
            raise Unanswered(f"it cannot be read: {answer.error.description}")
        if (found := answer.message) is None or found.seq > until:
            return 0
        number = message.number(found.hdrs) if found.hdrs else None
        if number is not None:
            note(number, found.seq)
        return found.seq

    async def stretch(start: int, until: int) -> None:
        while place := await next_of_ours(start, until):
            start = place + 1

    if not (first := await next_of_ours(start, until)):
        return
    length = (until - first) // _STRETCHES + 1
    try:
        async with asyncio.TaskGroup() as stretches:
            for place in range(first + 1, until + 1, length):
                stretches.create_task(stretch(place, min(place + length - 1, until)))
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


def _filter(info: StreamInfo, subject: str) -> str:
    """What our messages are stored under; empty where the stream gives them another subject."""
    return subject if info.config.subject_transform is None else ""


def _place(reply: bytes) -> int:
    """Of a message in its stream, as its reply subject tells (ADR-15): in front of it an account may stand, or not."""
    parts = reply.split(b".")
    return int(parts[5] if len(parts) == _PARTS else parts[7])


_PARTS = 9


async def _either(arrived: asyncio.Event, link: Link, within: float) -> bool:
    """True once it has arrived, False when nothing does. Raises Unanswered when the connection ends."""
    waiting = asyncio.ensure_future(arrived.wait())
    try:
        await asyncio.wait((waiting, link.lost), timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if link.lost.done():
        raise Unanswered("the connection has ended")
    return arrived.is_set()


async def _consumer(link: Link, stream: str, info: StreamInfo, subject: str, start: int) -> _Consumer:
    config: dict[str, Any] = {
        "deliver_policy": "by_start_sequence",
        "opt_start_seq": start,
        "ack_policy": "none",
        "headers_only": True,
        "mem_storage": True,
        "num_replicas": 1,
        "inactive_threshold": _FORGOTTEN_AFTER,
    }
    if stored_under := _filter(info, subject):
        config["filter_subject"] = stored_under
    question = {"stream_name": stream, "config": config}
    made = await _led(lambda: ask(link, f"CONSUMER.CREATE.{stream}", question, _Consumer))
    if made.error is not None:
        raise Unanswered(f"it cannot be read: {made.error.description}")
    return made
