"""Reads our messages from a stream.

An ephemeral consumer delivers headers only, of the messages on our subject, in batches. It may be on a replica that is
behind, or end with its server: the stream's leader is asked for what the consumer did not deliver. Without a leader,
the request is repeated.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from natsmon.probe.messages.message import Message
from natsmon.protocol.jetstream_api import A, Answer, StreamInfo, ask, look_up
from natsmon.protocol.request_reply import Forbidden, Inbox, NotNow
from natsmon.protocol.server_connection import ServerConnection, Unanswered, end

T = TypeVar("T")
Note = Callable[[int, int], None]
"""Called with the number of a message, and its position in the stream."""

_BATCH = 8_192
_BATCH_WITHIN = 2.0
"""Seconds for one batch."""
_NOTHING_MORE = 0.5
"""Seconds that a consumer waits for more messages of ours."""
_GRACE = 0.5
"""Seconds beyond that for the server's answer."""
_RANGES = 64
"""Ranges of the stream that its leader is asked for at the same time."""
_PAUSE = 0.1
"""Seconds until a request without an answer is repeated."""
_ELECTED_WITHIN = 8.0
"""Seconds; an election takes four to eight."""
_FORGOTTEN_AFTER = 5_000_000_000
"""Nanoseconds without a request after which the server drops the consumer."""


class _Consumer(Answer, frozen=True):
    name: str = ""
    num_pending: int = 0


class _Message(msgspec.Struct, frozen=True):
    subject: str = ""
    seq: int = 0
    hdrs: bytes = b""


class _Answered(Answer, frozen=True):
    message: _Message | None = None


_NO_MESSAGE = 10037


async def _from_leader(ask: Callable[[], Awaitable[T]]) -> T:
    """Repeat a request until a leader answers it. Raises Unanswered when there is none in time."""
    deadline = time.monotonic() + _ELECTED_WITHIN
    while True:
        try:
            return await ask()
        except NotNow as error:
            if time.monotonic() > deadline:
                raise Unanswered(str(error)) from None
            await asyncio.sleep(_PAUSE)


@dataclass(eq=False)
class Reader:
    """Calls ``note`` with each of our messages in a stream."""

    connection: ServerConnection
    stream: str
    message: Message
    note: Note
    subject: str = ""
    """Of our messages in the stream; empty where it is not known."""

    async def info(self) -> StreamInfo:
        """The properties of the stream, from its leader. Raises NoStream, or Unanswered when there is none in time."""
        return await _from_leader(lambda: look_up(self.connection, self.stream, self.message.subject))

    async def read(self, start: int, until: int) -> None:
        """Read a range of positions. Raises Unanswered when it cannot be read to its end."""
        if start <= until:
            self.subject = await self._subject_at(until)
            reached = await self._consume(start, until)
            await self._ask_for(reached + 1, until)

    async def _ask(self, what: str, question: dict[str, Any], kind: type[A]) -> A:
        return await _from_leader(lambda: ask(self.connection, f"{what}.{self.stream}", question, kind))

    async def _subject_at(self, position: int) -> str:
        """Our subject, or nothing where the account maps it or the stream transforms it."""
        try:
            answer = await self._ask("STREAM.MSG.GET", {"seq": position}, _Answered)
        except Forbidden:
            return self.message.subject
        found = answer.message
        return self.message.subject if found is not None and found.subject == self.message.subject else ""

    async def _consume(self, start: int, until: int) -> int:
        """Read with a consumer; the last position that it delivered."""
        consumer = await self._consumer(start)
        if consumer is None:
            return start - 1
        left, asked, reached = consumer.num_pending, 0, start - 1
        stopped = False
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[None] = loop.create_future()

        def receive(_: bytes, reply: bytes, headers: bytes, payload: bytes) -> None:
            nonlocal left, asked, reached, stopped
            if not reply.startswith(b"$JS.ACK."):
                stopped = True  # no more messages, or the consumer has ended
                end(arrived)
                return
            left, asked, reached = left - 1, asked - 1, _position(reply)
            if reached <= until:
                self._note_message(headers, reached)
            if asked == 0 or reached >= until:
                end(arrived)

        with Inbox(self.connection, receive) as asking:
            while reached < until and not stopped:
                arrived = loop.create_future()
                asked = min(left, _BATCH) if left > 0 else _BATCH
                expires = _BATCH_WITHIN if left > 0 else _NOTHING_MORE
                question = msgspec.json.encode({"batch": asked, "expires": int(expires * 1e9)})
                subject = f"{self.connection.js_api}.CONSUMER.MSG.NEXT.{self.stream}.{consumer.name}"
                asking.publish(subject, question)
                await asking.until(arrived, within=expires + _GRACE)
                self.connection.require_open()
                if not arrived.done():
                    break
        return reached

    async def _consumer(self, start: int) -> _Consumer | None:
        """Create a consumer; None where a limit or a permission prevents that."""
        config: dict[str, Any] = {
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": start,
            "ack_policy": "none",
            "headers_only": True,
            "mem_storage": True,
            "num_replicas": 1,
            "inactive_threshold": _FORGOTTEN_AFTER,
        }
        if self.subject:
            config["filter_subject"] = self.subject
        question = {"stream_name": self.stream, "config": config}
        try:
            made = await self._ask("CONSUMER.CREATE", question, _Consumer)
        except Forbidden:
            return None
        return made if made.error is None else None

    async def _ask_for(self, start: int, until: int) -> None:
        """Ask the leader for what the consumer did not deliver; mostly nothing."""
        if not (first := await self._next(start, until)):
            return
        length = (until - first) // _RANGES + 1
        starts = range(first + 1, until + 1, length)
        ranges = [asyncio.ensure_future(self._all(start, min(start + length - 1, until))) for start in starts]
        try:
            # No TaskGroup: before Python 3.13 it loses a cancel that comes together with a failure, and the end of a
            # connection is both.
            await asyncio.gather(*ranges)
        finally:
            for each in ranges:
                each.cancel()

    async def _all(self, start: int, until: int) -> None:
        while position := await self._next(start, until):
            start = position + 1

    async def _next(self, start: int, until: int) -> int:
        """Note the first message from a position on; its position, 0 without one."""
        if start > until:
            return 0
        question = {"seq": start, "next_by_subj": self.subject or ">"}
        answer = await self._ask("STREAM.MSG.GET", question, _Answered)
        if answer.error is not None and answer.error.err_code != _NO_MESSAGE:
            raise Unanswered(f"it cannot be read: {answer.error.description}")
        if (found := answer.message) is None or found.seq > until:
            return 0
        self._note_message(found.hdrs, found.seq)
        return found.seq

    def _note_message(self, headers: bytes, position: int) -> None:
        number = self.message.number(headers) if headers else None
        if number is not None:
            self.note(number, position)


def _position(reply: bytes) -> int:
    """Position of a message, from its reply subject (ADR-15), which has two forms."""
    parts = reply.split(b".")
    return int(parts[5] if len(parts) == 9 else parts[7])
