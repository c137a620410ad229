"""An open connection: a nats-py client over a dialed stream, one object each, with no retry of its own."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import cast

import nats.errors
from nats.aio.subscription import Subscription

from natsmon.config.settings import Server
from natsmon.dial.stream import Stream
from natsmon.protocol import tls
from natsmon.protocol.nats_client import LinkClient
from natsmon.protocol.server_info import Info
from natsmon.protocol.stream_transport import send

_PONG_WITHIN = 0.5
"""Seconds in which a server that is there answers a PING."""
_MOST_ANSWERS = 1_000
"""Answers to one request that are kept; a cluster has fewer servers."""
_INBOXES = 16
"""Of our own, the last ones, by which our questions are told from others' messages."""


class Unanswered(Exception):
    """A question has no answer; the text says why."""


class NotNow(Unanswered):
    """It may have one a moment later."""


class NobodyThere(Unanswered):
    """Nobody listens where it was asked."""


class Forbidden(Unanswered):
    """The server does not let us ask it."""


class Link:
    """One open connection to one server.

    ``lost`` is done with a Loss when the connection has ended on its own; it never is after ``abort``.
    """

    def __init__(self, client: LinkClient, stream: Stream, server: Server, info: Info) -> None:
        self._client = client
        self._writer = cast(asyncio.StreamWriter, stream.writer)
        self._transport = self._writer.transport
        self.server = server
        self.info = info
        self.address = stream.address
        self.tls = tls.version(stream)
        """TLS version, empty without TLS."""
        self.lost = client.lost
        self._asked: dict[str, asyncio.Future[None]] = {}
        """Subjects of questions that a server may forbid us, which is no error, and the ends of waiting for them."""
        self._refused: dict[str, Callable[[str], None]] = {}
        """Who wants to know that the server forbids a subscription, by what its error says of it."""
        self._turned_away: dict[str, Callable[[], None]] = {}
        """Who wants to know that the server did not take a message, by its subject in the words of its error."""
        self._unsure: set[str] = set()
        """Subjects subscribed to, as long as the server may still refuse them."""
        self._on_subscribed: Callable[[str], None] | None = None
        self._first_write = 0.0
        self._inboxes: deque[bytes] = deque(maxlen=_INBOXES)

    @property
    def last_read(self) -> float:
        """``time.monotonic()`` of the last bytes from the server: the last proof of life."""
        return self._client.last_read

    def asked_since(self, *, messages: bool) -> float | None:
        """``time.monotonic()`` of the first question after the last bytes from the server; None without one.

        A PING is a question; what is written is one where ``messages`` are in flight.
        """
        asked = (self._client.first_ping, self._first_write if messages else 0.0)
        return min((at for at in asked if at > self.last_read), default=None)

    def on_read(self, callback: Callable[[], None] | None) -> None:
        """Call back whenever bytes have come, before they are looked at."""
        self._client.on_read = callback

    def on_pong(self, callback: Callable[[], None] | None) -> None:
        """Call back with every PONG."""
        self._client.on_pong = callback

    def on_subscribed(self, callback: Callable[[str], None]) -> None:
        """Call back with every subject of ``subscribe`` that the server has taken, before anything is heard on it."""
        self._on_subscribed = callback

    def lose(self, cause: str, text: str) -> None:
        """It has ended, as far as we are concerned."""
        self._client.lose(cause, text)

    @property
    def open(self) -> bool:
        return not self._client.is_closed and not self.lost.done()

    @property
    def backlog(self) -> int:
        """Bytes handed over that the operating system has not taken yet."""
        return self._transport.get_write_buffer_size()

    def on_info(self, callback: Callable[[Info], None]) -> None:
        """Call back with every later INFO; those that came already are told at once."""
        self._client.on_info = callback
        for info in self._client.later_infos:
            callback(info)
        self._client.later_infos.clear()

    def on_error(self, callback: Callable[[str], None]) -> None:
        """Call back with every ``-ERR`` that leaves the connection open; those that came already are told at once."""

        def tell(text: str) -> None:
            waiting = [done for subject, done in self._asked.items() if f'"{subject}' in text]
            for done in waiting:
                _end(done)
            refused = {subject for subject in self._unsure | self._refused.keys() if self._is_refusal(text, subject)}
            self._unsure -= refused
            told = [self._refused[subject] for subject in refused if subject in self._refused]
            for tell_refused in told:
                tell_refused(text)
            for words, turned_away in self._turned_away.items():
                if words in text:
                    turned_away()
            if not waiting and not told:
                callback(text)

        self._client.on_error = tell
        for text in self._client.later_errors:
            tell(text)
        self._client.later_errors.clear()

    def on_turned_away(self, subject: str, callback: Callable[[], None]) -> None:
        """Call back for every message on ``subject`` that we may not publish, in the order in which they were."""
        self._turned_away[f'publish to "{subject}"'.lower()] = callback  # as nats-py gives us errors

    def write(self, commands: bytes) -> None:
        """Hand over whole protocol commands; returns at once."""
        if self._first_write <= self.last_read:
            self._first_write = time.monotonic()
        send(self._writer, commands)

    async def drained(self) -> None:
        """Until the operating system has taken most of what was handed over, or the connection is gone."""
        with suppress(OSError):
            await self._writer.drain()

    def _is_refusal(self, text: str, subject: str) -> bool:
        """Whether an error is about the subscription to a subject; one that names none is about the latest."""
        return "subscription" in text and (f'"{subject}"' in text if '"' in text else subject in self._unsure)

    async def subscribe(
        self,
        subject: str,
        receive: Callable[[bytes, bytes], None],
        *,
        refused: Callable[[str], None] | None = None,
    ) -> None:
        """Pass every message on ``subject`` to ``receive(headers, payload)``, from the read loop itself.

        The SUB is on its way when this returns: what is written after it will be seen. A PING behind it will
        tell that the server has taken it. Where it does not, now or later, ``refused`` is told in its words
        instead of ``on_error``.
        """
        if refused is not None:
            self._refused[subject.lower()] = refused
        await self._client.listen(subject, receive)
        self._confirm(subject)

    async def subscribe_whole(
        self,
        subject: str,
        receive: Callable[[bytes, bytes, bytes, bytes], None],
        *,
        refused: Callable[[str], None],
    ) -> None:
        """The same to ``receive(subject, reply, headers, payload)``."""
        self._refused[subject.lower()] = refused
        await self._client.listen_whole(subject, receive)
        self._confirm(subject)

    def _confirm(self, subject: str) -> None:
        self._unsure.add(subject.lower())  # as nats-py gives us errors
        self._client.ping(lambda: self._taken(subject))

    def _taken(self, subject: str) -> None:
        if subject.lower() in self._unsure:
            self._unsure.discard(subject.lower())
            if self._on_subscribed is not None:
                self._on_subscribed(subject)

    async def ask(
        self, subject: str, payload: bytes, *, within: float, enough: Callable[[bytes], bool] = lambda _: True
    ) -> list[bytes]:
        """Every answer to a request, up to the first that is ``enough``, or to what came ``within`` seconds.

        Empty when nobody is there to answer. Its inbox is gone when this returns.
        """
        loop = asyncio.get_running_loop()
        inbox = self._new_inbox()
        answers: list[bytes] = []
        done: asyncio.Future[None] = loop.create_future()
        self._asked |= {subject.lower(): done, inbox.lower(): done}

        def receive(headers: bytes, answer: bytes) -> None:
            if answer and len(answers) < _MOST_ANSWERS:
                answers.append(answer)
            if not answer or enough(answer):  # an empty one says that nobody is there
                _end(done)

        with suppress(nats.errors.Error):  # it drains, or has ended
            subscription = await self._client.listen(inbox, receive)
            try:
                await self._client.publish(subject, payload, reply=inbox)
                with suppress(TimeoutError):
                    async with asyncio.timeout(within):
                        await done
            finally:
                await self._settle(subscription, done)
        return answers

    @asynccontextmanager
    async def hearing(self, receive: Callable[[bytes, bytes, bytes, bytes], None]) -> AsyncIterator[str]:
        """An inbox of our own; what comes to it goes to ``receive(subject, reply, headers, payload)`` meanwhile.

        Raises Unanswered when the connection has ended.
        """
        inbox = self._new_inbox()
        try:
            subscription = await self._client.listen_whole(inbox, receive)
        except nats.errors.Error:
            raise Unanswered("the connection has ended") from None
        try:
            yield inbox
        finally:
            if self.open:
                with suppress(nats.errors.Error):  # it drains
                    await self._client.forget(subscription)

    def _new_inbox(self) -> str:
        inbox = self._client.new_inbox()
        self._inboxes.append(inbox.encode())
        return inbox

    def is_ours(self, subject: bytes, reply: bytes) -> bool:
        """Whether a message is a question of this link's, or an answer to one."""
        return subject in self._inboxes or reply in self._inboxes

    async def publish(self, subject: str, payload: bytes, *, reply: str) -> None:
        """One message without headers. Raises Unanswered when the connection has ended."""
        try:
            await self._client.publish(subject, payload, reply=reply)
        except nats.errors.Error:
            raise Unanswered("the connection has ended") from None

    async def request(self, subject: str, payload: bytes, *, within: float) -> bytes:
        """The first answer. Raises NotNow when none comes, NobodyThere, Forbidden, and Unanswered at the link's end."""
        answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        forbidden: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def receive(_: bytes, reply: bytes, headers: bytes, answer: bytes) -> None:
            if not answered.done():
                answered.set_result(answer)

        async with self.hearing(receive) as inbox:
            self._asked |= {subject.lower(): forbidden, inbox.lower(): forbidden}
            try:
                began = time.monotonic()
                await self.publish(subject, payload, reply=inbox)
                waiting = (answered, forbidden, self.lost)
                await asyncio.wait(waiting, timeout=within, return_when=asyncio.FIRST_COMPLETED)
            finally:
                self._asked.pop(inbox.lower(), None)
        if answered.done():
            if not answered.result():
                raise NobodyThere("nobody is there to answer")
            return answered.result()
        if forbidden.done():
            raise Forbidden(f"the server forbids us to ask on {subject}")
        if self.lost.done():
            raise Unanswered("the connection has ended")
        if self.last_read < began and not await self._answers():
            raise Unanswered("the server says nothing")
        raise NotNow(f"no answer in {within:g} s")

    async def _answers(self) -> bool:
        """Whether the server answers a PING within a moment."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client.ping(lambda: _end(answered))
        await asyncio.wait((answered, self.lost), timeout=_PONG_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        return answered.done()

    async def hear_itself(self) -> bool:
        """True once a message to an inbox of our own has come back; False where the server forbids it."""
        inbox = self._new_inbox()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        came_back = False

        def receive(headers: bytes, payload: bytes) -> None:
            nonlocal came_back
            came_back = True
            _end(done)

        self._asked[inbox.lower()] = done
        with suppress(nats.errors.Error):  # it drains, or has ended
            subscription = await self._client.listen(inbox, receive)
            try:
                await self._client.publish(inbox, b"")
                await done
            finally:
                await self._settle(subscription, done)
        return came_back

    async def _settle(self, subscription: Subscription, done: asyncio.Future[None]) -> None:
        """Listen no more, and forget the question once the server has said all it has to say of it: with the PONG."""

        def forget() -> None:
            self._asked = {subject: waiting for subject, waiting in self._asked.items() if waiting is not done}

        if self.open:
            await self._client.forget(subscription)
            self._client.flush_now()
            self._client.ping(forget)

    async def ping(self) -> float:
        """One PING to PONG round trip in seconds; waits as long as the connection lives."""
        began = time.perf_counter()
        return await self._client.ping() - began

    def send_ping(self, answered: Callable[[], None] | None = None) -> None:
        """PING, and call back from the read loop itself when its PONG has come."""
        self._client.ping(answered)

    async def drain(self, within: float) -> bool:
        """Unsubscribe, deliver what is under way, flush, close. False when it took too long, or the server died."""
        draining = asyncio.ensure_future(self._drain())
        try:
            # nats-py swallows a cancel while it drains, and knows nothing of a loss: it is left behind, not awaited.
            await asyncio.wait((draining, self.lost), timeout=within, return_when=asyncio.FIRST_COMPLETED)
            return draining.done() and not self.lost.done() and draining.exception() is None
        finally:
            self.abort()
            draining.cancel()
            draining.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _drain(self) -> None:
        await self._client.drain()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        """Drop the connection at once; no task and no socket is left."""
        self._client.stop()
        self._transport.abort()


def _end(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
