"""Request and reply on an open connection, with inboxes of natsmon's own. Each wait has a limit."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec

from natsmon.protocol.refusals import Subscription
from natsmon.protocol.server_connection import ServerConnection, Unanswered, end
from natsmon.protocol.stream_client import Receive
from natsmon.text.units import go_duration

T = TypeVar("T")

_AGAIN_AFTER = 1.0
"""Seconds until a request that has no answer is sent again."""
_PONG_WITHIN = 0.5
"""Seconds within which a server that is there answers a PING."""
MOST_ANSWERS = 1_000
"""Answers to one request that are kept; a cluster has fewer servers."""
ANSWER_BYTES = 8 * 1024 * 1024
"""Bytes of all answers to one request that are kept."""


class NotNow(Unanswered):
    """A request may have an answer a moment later."""


class NoResponder(Unanswered):
    """A request has no responder."""


class Forbidden(Unanswered):
    """The server does not allow the request."""


class Inbox:
    """A subscription to an inbox of natsmon's own, whose messages go to ``receive`` within a ``with`` block.

    What the server refuses of it is forgotten with the PONG behind its UNSUB, and is never the user's error.

    Raises:
        Unanswered: The connection has ended.
    """

    def __init__(self, connection: ServerConnection, receive: Receive) -> None:
        connection.require_open()
        self.forbidden: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the server has refused the inbox, or a request that names it."""
        self.subscription = Subscription(connection.new_inbox(), lambda _: end(self.forbidden))
        self._connection = connection
        self._receive = receive

    def __enter__(self) -> "Inbox":
        self._connection.subscribe_for(self.subscription, self._receive)
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection.open:
            self._connection.unsubscribe_for(self.subscription)

    def publish(self, subject: str, payload: bytes) -> None:
        """Publish a request whose answers come to this inbox. Raises Unanswered when the connection has ended."""
        self._connection.require_open()
        self.subscription.requests |= {subject, self._connection.checked_subject(subject)}
        subjects = subject.encode(), self.subscription.subject.encode()
        self._connection.write(b"PUB %b %b %d\r\n%b\r\n" % (*subjects, len(payload), payload))

    async def until(self, *done: "asyncio.Future[None]", within: float) -> bool:
        """Wait for one of these, a refusal, or the end of the connection; False when none came in so many seconds."""
        return await self._connection.until(*done, self.forbidden, within=within)


async def ask(
    connection: ServerConnection,
    subject: str,
    payload: bytes,
    *,
    within: float,
    enough: Callable[[bytes], bool] = lambda _: True,
) -> list[bytes]:
    """Return the answers to a request within so many seconds, up to the first that is ``enough``.

    There are none without a responder.
    """
    answers: list[bytes] = []
    left = ANSWER_BYTES
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def receive(_: bytes, reply: bytes, headers: bytes, answer: bytes) -> None:
        nonlocal left
        if answer and len(answer) <= left and len(answers) < MOST_ANSWERS and not done.done():
            left -= len(answer)
            answers.append(answer)
        if not answer or enough(answer):  # an empty one: there is no responder
            end(done)

    with suppress(Unanswered), Inbox(connection, receive) as asking:
        asking.publish(subject, payload)
        await asking.until(done, within=within)
    return answers


async def request(connection: ServerConnection, subject: str, payload: bytes, *, within: float) -> bytes:
    """Return the first answer to a request, which is sent again each second: it must be safe to repeat.

    nats-server drops a request to JetStream that arrives while its routes or its leaders change.

    Raises:
        NotNow: None came within so many seconds.
        NoResponder: There is no responder.
        Forbidden: The server refuses the request.
        Unanswered: The connection has ended, or the server answers no PING either.
    """
    answers: list[bytes] = []
    answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def receive(_: bytes, reply: bytes, headers: bytes, answer: bytes) -> None:
        if not answers:
            answers.append(answer)
            end(answered)

    with Inbox(connection, receive) as asking:
        began = time.monotonic()
        while (left := began + within - time.monotonic()) > 0:
            asking.publish(subject, payload)
            if await asking.until(answered, within=min(left, _AGAIN_AFTER)):
                break
    if answers:
        if not answers[0]:
            raise NoResponder("there is no responder")
        return answers[0]
    if asking.forbidden.done():
        raise Forbidden(f"the server does not allow requests on {connection.checked_subject(subject)}")
    connection.require_open()
    if connection.last_read < began and not await _answers(connection):
        raise Unanswered("the server does not answer")
    raise NotNow(f"no answer in {go_duration(within)}")


async def _answers(connection: ServerConnection) -> bool:
    """Whether the server answers a PING within a moment."""
    with suppress(TimeoutError, Unanswered):
        async with asyncio.timeout(_PONG_WITHIN):
            await connection.round_trip()
            return True
    return False


def decoded(answer: bytes, kind: type[T]) -> T | None:
    """Decode an answer in JSON; None when it is of another kind."""
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


async def returns_messages(connection: ServerConnection, *, within: float) -> bool:
    """Return whether a message to an inbox of our own comes back; False when the server refuses it."""
    came_back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    with suppress(Unanswered), Inbox(connection, lambda *_: end(came_back)) as own:
        own.publish(own.subscription.subject, b"")
        await own.until(came_back, within=within)
    return came_back.done()
