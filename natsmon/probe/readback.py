"""Reads back from a stream which of our messages it holds.

By a consumer that is made for it and forgotten by the server soon afterwards: it gives headers only, of the
messages on our subject, in the order of the stream, and many at a time.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec

from natsmon import units
from natsmon.probe.jetstream import API, ApiError, StreamInfo, ask
from natsmon.probe.link import Link, Unanswered
from natsmon.probe.message import Message
from natsmon.probe.proof import Audit
from natsmon.probe.runs import Runs

READ_WITHIN = 10.0
"""Seconds for all of it: a million messages or two, and as long as a person waits for a program to end."""
_BATCH = 8_192
_PATIENCE = 2.0
"""Seconds for one batch."""
_NOTHING_MORE = 0.5
"""Seconds that a consumer waits for a message of ours which it does not see, before its leader is asked for one."""
_FORGOTTEN_AFTER = 5_000_000_000
"""Nanoseconds without a request after which the server drops the consumer."""
_RUNS = 100_000
_OTHERS = 100_000
"""Stored messages without an acknowledgement that are recognised, should they be there twice."""


class _Consumer(msgspec.Struct, frozen=True):
    name: str = ""
    num_pending: int = 0
    error: ApiError | None = None


class _Message(msgspec.Struct, frozen=True):
    seq: int = 0
    hdrs: bytes = b""


class _Found(msgspec.Struct, frozen=True):
    message: _Message | None = None
    error: ApiError | None = None


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


async def read_back(link: Link, stream: str, info: StreamInfo, stored: Stored, message: Message) -> Audit:
    """Every message that was acknowledged is looked for in the stream.

    Those that lie before what the stream still has are not missing: its limits, or a purge, took them away.
    What is acknowledged and cannot be found behind that is, and what is found a second time is there twice.
    """
    if not info.keeps:
        text = f"its messages go when they are consumed (retention {info.config.retention}), so it is not read"
        return Audit(stream, stored.many, complete=False, text=text)
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
        async with asyncio.timeout(READ_WITHIN):
            await read(link, stream, info, message, stored.first, stored.last, note)
    except TimeoutError:
        text = f"{READ_WITHIN:g} s were not enough to read it"
        return Audit(stream, stored.many, found, 0, twice, complete=False, text=text)
    except Unanswered as error:
        return Audit(stream, stored.many, found, 0, twice, complete=False, text=str(error))
    removed = 0
    if info.state.first_seq > stored.first:
        until = first_found - 1 if first_found else stored.numbers.last
        removed = sum(last - first + 1 for first, last in unread.take(until))
    missing = sum(last - first + 1 for first, last in unread)
    text = f"{units.grouped(removed)} removed by its limits or a purge before they were read" if removed else ""
    return Audit(stream, stored.many, found, missing, twice, text=text)


async def read(
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
    left, reached = consumer.num_pending, 0
    stopped = ""
    arrived = asyncio.Event()

    def receive(_: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
        nonlocal left, reached, stopped
        if not reply.startswith(b"$JS.ACK."):
            stopped = headers.partition(b"\r\n")[0].decode(errors="replace").removeprefix("NATS/1.0 ")
            arrived.set()
            return
        left, reached = left - 1, _place(reply)
        number = message.number(headers) if headers else None
        if number is not None and reached <= until:
            note(number, reached)
        if left <= 0 or left % _BATCH == 0:
            arrived.set()

    async with link.hearing(receive) as inbox:
        while reached < until:
            arrived.clear()
            batch = min(left, left % _BATCH or _BATCH) if left > 0 else 1
            expires = _PATIENCE if left > 0 else _NOTHING_MORE
            question = msgspec.json.encode({"batch": batch, "expires": int(expires * 1e9)})
            await link.publish(f"{API}.CONSUMER.MSG.NEXT.{stream}.{consumer.name}", question, reply=inbox)
            await _either(arrived, link)
            if stopped and not stopped.startswith(("404", "408")):
                raise Unanswered(f"the server stopped reading: {stopped}")
            if stopped:
                break
    await _rest(link, stream, info, message, max(start, reached + 1), until, note)


async def _rest(
    link: Link,
    stream: str,
    info: StreamInfo,
    message: Message,
    start: int,
    until: int,
    note: Callable[[int, int], None],
) -> None:
    """What the consumer did not see, one by one from who leads the stream; mostly nothing.

    A consumer may be on a server that has not caught up, and sees the end of the stream too early.
    """
    while start <= until:
        question = {"seq": start, "next_by_subj": _filter(info, message.subject) or ">"}
        found = await ask(link, f"STREAM.MSG.GET.{stream}", question, _Found)
        if found.error is not None and found.error.err_code != _NO_MESSAGE:
            raise Unanswered(f"it cannot be read: {found.error.description}")
        if found.message is None or found.message.seq > until:
            return
        number = message.number(found.message.hdrs) if found.message.hdrs else None
        if number is not None:
            note(number, found.message.seq)
        start = found.message.seq + 1


def _filter(info: StreamInfo, subject: str) -> str:
    """What our messages are stored under; empty where the stream gives them another subject."""
    return subject if info.config.subject_transform is None else ""


def _place(reply: bytes) -> int:
    """Of a message in its stream, as its reply subject tells (ADR-15): in front of it an account may stand, or not."""
    parts = reply.split(b".")
    return int(parts[5] if len(parts) == _PARTS else parts[7])


_PARTS = 9


async def _either(arrived: asyncio.Event, link: Link) -> None:
    waiting = asyncio.ensure_future(arrived.wait())
    try:
        await asyncio.wait((waiting, link.lost), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if link.lost.done():
        raise Unanswered("the connection has ended")


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
    made = await ask(link, f"CONSUMER.CREATE.{stream}", question, _Consumer)
    if made.error is not None:
        raise Unanswered(f"it cannot be read: {made.error.description}")
    return made
