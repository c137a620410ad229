"""Reads what a stream holds of our messages.

By a consumer that is made for it and forgotten by the server soon afterwards: it gives headers only, of the
messages on our subject, in the order of the stream, and many at a time. It may be on a replica that has not caught
up, or go with its server: the stream's leader, who has everything, is asked for what the consumer does not see.
While there is no leader, the question is put again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from natsmon.probe.jetstream.api import Answer, ask
from natsmon.probe.messages.message import Message
from natsmon.protocol.request_reply import Forbidden, NotNow, inbox
from natsmon.protocol.server_connection import ServerConnection, Unanswered

T = TypeVar("T")
Note = Callable[[int, int], None]
"""Takes the number of a message and its place in the stream."""

_BATCH = 8_192
_PATIENCE = 2.0
"""Seconds for one batch."""
_NOTHING_MORE = 0.5
"""Seconds that a consumer waits for a message of ours which it does not see."""
_GRACE = 0.5
"""Seconds beyond that in which the server should have answered."""
_STRETCHES = 64
"""Of the stream, that its leader is asked for at the same time."""
_PAUSE = 0.1
"""Seconds before a question without an answer is asked again."""
_ELECTED_WITHIN = 8.0
"""Seconds; mostly it takes four to eight."""
_FORGOTTEN_AFTER = 5_000_000_000
"""Nanoseconds without a request after which the server drops the consumer."""


class _Consumer(Answer, frozen=True):
    name: str = ""
    num_pending: int = 0


class _NoConsumer(Exception):
    """There are as many as there may be, or we may make none."""


class _Message(msgspec.Struct, frozen=True):
    subject: str = ""
    seq: int = 0
    hdrs: bytes = b""


class _Answered(Answer, frozen=True):
    message: _Message | None = None


_NO_MESSAGE = 10037


async def led(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer of the leader, as soon as one is elected. Raises Unanswered."""
    deadline = time.monotonic() + _ELECTED_WITHIN
    while True:
        try:
            return await ask()
        except NotNow as error:
            if time.monotonic() > deadline:
                raise Unanswered(str(error)) from None
            await asyncio.sleep(_PAUSE)


class Reader:
    """Finds the number and the place of each of our messages in a stream. Raises Unanswered when it cannot."""

    def __init__(self, connection: ServerConnection, stream: str, message: Message, note: Note) -> None:
        self._connection = connection
        self._stream = stream
        self._message = message
        self._note = note
        self._subject = ""
        """What our messages are stored under; empty where that is not known."""

    async def read(self, start: int, until: int) -> None:
        """What lies between two places, in the last of which is mostly one of ours."""
        if start <= until:
            self._subject = await self._stored_under(until)
            reached = await self._consume(start, until)
            await self._ask_for(reached + 1, until)

    async def _stored_under(self, place: int) -> str:
        """Nothing where it is not what we publish on: an account may map that to others, a stream transform it."""
        try:
            answer = await led(
                lambda: ask(self._connection, f"STREAM.MSG.GET.{self._stream}", {"seq": place}, _Answered)
            )
        except Forbidden:
            return self._message.subject
        found = answer.message
        return self._message.subject if found is not None and found.subject == self._message.subject else ""

    async def _consume(self, start: int, until: int) -> int:
        """Read with a consumer as far as it gets; the last place that it returned."""
        try:
            consumer = await self._consumer(start)
        except _NoConsumer:
            return start - 1
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
            if reached <= until:
                self._note_message(headers, reached)
            if asked == 0 or reached >= until:
                arrived.set()

        with inbox(self._connection, receive) as asking:
            while reached < until and not stopped:
                arrived.clear()
                asked = min(left, _BATCH) if left > 0 else _BATCH
                expires = _PATIENCE if left > 0 else _NOTHING_MORE
                question = msgspec.json.encode({"batch": asked, "expires": int(expires * 1e9)})
                subject = f"{self._connection.js_api}.CONSUMER.MSG.NEXT.{self._stream}.{consumer.name}"
                asking.publish(subject, question)
                if not await _either(arrived, self._connection, within=expires + _GRACE):
                    break
        return reached

    async def _consumer(self, start: int) -> _Consumer:
        config: dict[str, Any] = {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": start,
            "ack_policy": "none",
            "headers_only": True,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": _FORGOTTEN_AFTER,
        }
        if self._subject:
            config["filter_subject"] = self._subject
        question = {"stream_name": self._stream, "config": config}
        try:
            made = await led(lambda: ask(self._connection, f"CONSUMER.CREATE.{self._stream}", question, _Consumer))
        except Forbidden:
            raise _NoConsumer from None
        if made.error is not None:
            raise _NoConsumer
        return made

    async def _ask_for(self, start: int, until: int) -> None:
        """What the consumer did not see, from who leads the stream; mostly nothing."""
        if not (first := await self._next(start, until)):
            return
        length = (until - first) // _STRETCHES + 1
        places = range(first + 1, until + 1, length)
        stretches = [asyncio.ensure_future(self._all(place, min(place + length - 1, until))) for place in places]
        try:
            # No TaskGroup: before Python 3.13 it loses a cancel that comes together with the failure of a stretch, and
            # the end of a connection is both.
            await asyncio.gather(*stretches)
        finally:
            for stretch in stretches:
                stretch.cancel()

    async def _all(self, start: int, until: int) -> None:
        while place := await self._next(start, until):
            start = place + 1

    async def _next(self, start: int, until: int) -> int:
        """Note the first message from a place on; its place, 0 without one."""
        if start > until:
            return 0
        question = {"seq": start, "next_by_subj": self._subject or ">"}
        answer = await led(lambda: ask(self._connection, f"STREAM.MSG.GET.{self._stream}", question, _Answered))
        if answer.error is not None and answer.error.err_code != _NO_MESSAGE:
            raise Unanswered(f"it cannot be read: {answer.error.description}")
        if (found := answer.message) is None or found.seq > until:
            return 0
        self._note_message(found.hdrs, found.seq)
        return found.seq

    def _note_message(self, headers: bytes, place: int) -> None:
        number = self._message.number(headers) if headers else None
        if number is not None:
            self._note(number, place)


def _place(reply: bytes) -> int:
    """The place of a message in its stream, from its reply subject (ADR-15), which may begin with an account."""
    parts = reply.split(b".")
    return int(parts[5] if len(parts) == _PARTS else parts[7])


_PARTS = 9


async def _either(arrived: asyncio.Event, connection: ServerConnection, within: float) -> bool:
    """True once it has arrived, False when nothing does. Raises Unanswered when the connection ends."""
    waiting = asyncio.ensure_future(arrived.wait())
    try:
        await asyncio.wait((waiting, connection.lost), timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if connection.lost.done():
        raise Unanswered("the connection has ended")
    return arrived.is_set()
