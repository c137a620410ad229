"""An open connection: a nats-py client over a dialed stream, one object each, with no retry of its own.

Every write is immediate: no call waits for a queue. Each wait has a limit and ends with the connection.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, cast

from natsmon.config.settings import Server
from natsmon.dial.stream import Stream
from natsmon.protocol import tls
from natsmon.protocol.nats_client import LinkClient, Receive
from natsmon.protocol.server_info import Info
from natsmon.protocol.stream_transport import send

_PONG_WITHIN = 0.5
"""Seconds within which a server that is there answers a PING."""
_CLOSED_WITHIN = 1.0
"""Seconds for closing the socket once the server has everything."""
MOST_ANSWERS = 1_000
"""Answers to one request that are kept; a cluster has fewer servers."""
ANSWER_BYTES = 8 * 1024 * 1024
"""Bytes of all answers to one request that are kept."""
_INBOXES = 16
"""Own inboxes that are recognised among observed messages."""
_SUBJECT = re.compile(r'"([^"]*)"')


class Unanswered(Exception):
    """A request has no answer; the text says why."""


class NotNow(Unanswered):
    """It may have one a moment later."""


class NobodyThere(Unanswered):
    """There is no responder on its subject."""


class Forbidden(Unanswered):
    """The server does not allow the request."""


@dataclass(eq=False)
class Subscription:
    """A SUB, or the requests of one inbox: what a server may refuse."""

    subject: str
    refused: Callable[[str], None] | None = None
    """Called with the server's error instead of ``Link.on_error``."""
    requests: set[str] = field(default_factory=set)
    """Subjects published to with this inbox as reply; a refusal of them is the inbox's."""


class Inbox:
    """An inbox of natsmon's own; see ``Link.inbox``."""

    def __init__(self, link: "Link", subject: str) -> None:
        self.subject = subject
        self.forbidden: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done once the server has refused the inbox, or a request that names it."""
        self._link = link
        self.subscription = Subscription(subject, lambda _: end(self.forbidden))

    def publish(self, subject: str, payload: bytes) -> None:
        """Publish a request whose answers come to this inbox.

        Raises:
            Unanswered: The connection has ended.
        """
        self._link.require_open()
        self.subscription.requests |= {subject, self._link.checked_subject(subject)}
        self._link.write(b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), self.subject.encode(), len(payload), payload))

    async def until(self, *done: "asyncio.Future[None]", within: float) -> None:
        """Wait for one of these, a refusal, the end of the connection, or for so many seconds."""
        waiting: set[asyncio.Future[Any]] = {*done, self.forbidden, self._link.lost}
        await asyncio.wait(waiting, timeout=within, return_when=asyncio.FIRST_COMPLETED)


class Link:
    """One open connection to one server.

    ``lost`` is done with a Loss when the connection has ended on its own; it never is after ``abort``.
    """

    def __init__(
        self,
        client: LinkClient,
        stream: Stream,
        server: Server,
        info: Info,
        *,
        timeout: float = 5.0,
        js_api: str = "$JS.API",
    ) -> None:
        self._client = client
        self._writer = cast(asyncio.StreamWriter, stream.writer)
        self._transport = self._writer.transport
        self.server = server
        self.info = info
        """The newest INFO."""
        self.timeout = timeout
        """Seconds for an answer to a request."""
        self.js_api = js_api
        """Subject prefix of the JetStream API."""
        self.address = stream.address
        self.tls = tls.version(stream)
        """TLS version, empty without TLS."""
        self.lost = client.lost
        self._subscriptions: list[Subscription] = []
        """Those that a server may refuse, now or later; a SUB without a callback only until its PONG."""
        self._unconfirmed: deque[Subscription] = deque()
        """SUBs without a PONG behind them, in order."""
        self._on_publish_refused: dict[str, Callable[[], None]] = {}
        """By subject."""
        self._on_subscribed: Callable[[str], None] | None = None
        self._first_write = 0.0
        self._inboxes: deque[bytes] = deque(maxlen=_INBOXES)

    @property
    def last_read(self) -> float:
        """``time.monotonic()`` of the last data from the server."""
        return self._client.last_read

    @property
    def last_traffic(self) -> float:
        """``time.monotonic()`` of the last data in either direction."""
        return max(self._client.last_read, self._client.last_write)

    def asked_since(self, *, messages: bool) -> float | None:
        """``time.monotonic()`` of the first request after the last answer from the server; None without one.

        Args:
            messages: Messages are in flight, so that a write counts as a request. A PING always does.
        """
        asked = (self._client.first_ping, self._first_write if messages else 0.0)
        return min((at for at in asked if at > self.last_answer), default=None)

    @property
    def last_answer(self) -> float:
        """``time.monotonic()`` of the last PONG, or delivered message; other data is no answer."""
        return self._client.last_answer

    def answered(self) -> None:
        """A message of our own was delivered: an answer."""
        self._client.answer()

    def on_answer(self, callback: Callable[[], None] | None) -> None:
        """Set what is called with every answer."""
        self._client.on_answer = callback

    @property
    def last_ping(self) -> float:
        """``time.monotonic()`` of the last PING."""
        return self._client.last_ping

    def set_mark(self, number: int) -> None:
        """Give the number of the last message written; ``on_passed`` is called with it."""
        self._client.mark = number

    def on_passed(self, callback: Callable[[int], None] | None) -> None:
        """Set what is called with each PONG: the mark when its PING was written. The server has all up to it."""
        self._client.on_passed = callback

    def on_pong(self, callback: Callable[[], None] | None) -> None:
        """Set what is called with every PONG."""
        self._client.on_pong = callback

    def on_subscribed(self, callback: Callable[[str], None]) -> None:
        """Set what is called with each subject of ``subscribe`` that the server has accepted."""
        self._on_subscribed = callback

    def on_info(self, callback: Callable[[Info], None]) -> None:
        """Set what is called with every later INFO, and call it with one that has arrived already."""

        def receive(info: Info) -> None:
            self.info = info
            callback(info)

        self._client.on_info = receive
        if (early := self._client.later_info) is not None:
            self._client.later_info = None
            receive(early)

    def on_error(self, callback: Callable[[str], None]) -> None:
        """Set what is called with each ``-ERR`` that leaves the connection open, but for refusals handled here."""

        def receive(text: str) -> None:
            if not self._handle_refusal(text):
                callback(text)

        self._client.on_error = receive
        for text in self._client.later_errors:
            receive(text)
        self._client.later_errors.clear()

    def on_publish_refused(self, subject: str, callback: Callable[[], None]) -> None:
        """Set what is called for each message on ``subject`` that the server refuses, in the order of sending."""
        self._on_publish_refused[subject] = callback

    def lose(self, cause: str, text: str) -> None:
        """End the connection, for a reason found on this side."""
        self._client.lose(cause, text)

    @property
    def open(self) -> bool:
        """Whether commands may be written."""
        return not self._client.is_closed and not self.lost.done()

    def require_open(self) -> None:
        """Raise Unanswered when the connection has ended."""
        if not self.open:
            raise Unanswered("the connection has ended")

    @property
    def backlog(self) -> int:
        """Bytes written that the operating system has not taken yet."""
        return self._transport.get_write_buffer_size()

    def write(self, commands: bytes) -> None:
        """Write whole protocol commands; returns at once."""
        now = self._client.last_write = time.monotonic()
        if self._first_write <= self.last_answer:
            self._first_write = now
        send(self._writer, commands)

    async def drained(self) -> None:
        """Wait until the operating system has taken most of what was written, or the connection is gone."""
        with suppress(OSError):
            await self._writer.drain()

    # -- subscriptions, and what the server refuses -----------------------------------------------

    def subscribe(self, subject: str, receive: Receive, *, refused: Callable[[str], None] | None = None) -> None:
        """Pass every message on ``subject`` to ``receive``, from the read loop itself.

        Args:
            subject: May have wildcards.
            receive: Called with subject, reply, headers and payload.
            refused: Called with the server's error, now or later, instead of ``on_error``.
        """
        subscription = Subscription(subject, refused)
        self._client.subscribe_with(subject, receive)
        self._confirm(subscription, lambda: self._subscribed(subscription))

    def _confirm(self, subscription: Subscription, confirmed: Callable[[], None]) -> None:
        """PING behind a SUB: an error before its PONG that names no subject is about this one."""
        self._subscriptions.append(subscription)
        self._unconfirmed.append(subscription)

        def answered() -> None:
            if subscription in self._unconfirmed:
                self._unconfirmed.remove(subscription)
                confirmed()

        self._client.ping(answered)

    def _subscribed(self, subscription: Subscription) -> None:
        if subscription.refused is None:
            self._subscriptions.remove(subscription)
        if self._on_subscribed is not None:
            self._on_subscribed(subscription.subject)

    def _handle_refusal(self, text: str) -> bool:
        """Call whoever handles this error; False when it is for the user."""
        found = _SUBJECT.search(text)
        subject = found[1] if found is not None else ""
        if "subscription" in text.lower():
            return self._handle_refused_subscription(subject, text)
        if (publish_refused := self._on_publish_refused.get(subject)) is not None:
            publish_refused()
            return False
        asking = [each for each in self._subscriptions if each.requests and subject in (each.subject, *each.requests)]
        for each in asking:
            assert each.refused is not None
            each.refused(text)
        return bool(asking)

    def _handle_refused_subscription(self, subject: str, text: str) -> bool:
        named = [each for each in self._subscriptions if each.subject == subject]
        # "Maximum subscriptions exceeded" names none: the server answers in the order of the SUBs.
        refused = named if subject else list(self._unconfirmed)[:1]
        for each in refused:
            if each in self._unconfirmed:
                self._unconfirmed.remove(each)
            if each.refused is not None:
                each.refused(text)
        return any(each.refused is not None for each in refused)

    # -- requests ---------------------------------------------------------------------------------

    @contextmanager
    def inbox(self, receive: Receive) -> Iterator[Inbox]:
        """Subscribe to an inbox of natsmon's own, whose messages go to ``receive`` meanwhile.

        What the server refuses of it is forgotten with the PONG behind its UNSUB, and is never the user's error.

        Raises:
            Unanswered: The connection has ended.
        """
        self.require_open()
        inbox = Inbox(self, self._client.new_inbox())
        self._inboxes.append(inbox.subject.encode())
        sid = self._client.subscribe_with(inbox.subject, receive)
        subscription = inbox.subscription
        self._confirm(subscription, lambda: None)
        try:
            yield inbox
        finally:
            if self.open:
                self._client.unsubscribe(sid)
                self._client.ping(lambda: self._subscriptions.remove(subscription))

    def checked_subject(self, subject: str) -> str:
        """The subject for which permissions are checked: a server maps the API of its own domain before that."""
        mapped = self.js_api == f"$JS.{self.info.domain}.API" and subject.startswith(self.js_api)
        return f"$JS.API{subject.removeprefix(self.js_api)}" if mapped else subject

    def is_ours(self, subject: bytes, reply: bytes) -> bool:
        """Whether a message is a request of natsmon's own, or an answer to one."""
        return subject in self._inboxes or reply in self._inboxes

    async def ask(
        self, subject: str, payload: bytes, *, within: float, enough: Callable[[bytes], bool] = lambda _: True
    ) -> list[bytes]:
        """Return the answers to a request, up to the first that is ``enough``; none without a responder.

        Args:
            subject: Where to ask.
            payload: The request.
            within: Seconds to wait for answers.
            enough: Whether an answer is the last one needed.
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

        with suppress(Unanswered), self.inbox(receive) as inbox:
            inbox.publish(subject, payload)
            await inbox.until(done, within=within)
        return answers

    async def request(self, subject: str, payload: bytes, *, within: float) -> bytes:
        """Return the first answer to a request.

        Raises:
            NotNow: None came within so many seconds.
            NobodyThere: There is no responder.
            Forbidden: The server refuses the request.
            Unanswered: The connection has ended, or the server answers no PING either.
        """
        answers: list[bytes] = []
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def receive(_: bytes, reply: bytes, headers: bytes, answer: bytes) -> None:
            if not answers:
                answers.append(answer)
                end(answered)

        with self.inbox(receive) as inbox:
            began = time.monotonic()
            inbox.publish(subject, payload)
            await inbox.until(answered, within=within)
        if answers:
            if not answers[0]:
                raise NobodyThere("there is no responder")
            return answers[0]
        if inbox.forbidden.done():
            raise Forbidden(f"the server does not allow requests on {self.checked_subject(subject)}")
        self.require_open()
        if self.last_read < began and not await self._answers():
            raise Unanswered("the server does not answer")
        raise NotNow(f"no answer in {within:g} s")

    async def _answers(self) -> bool:
        """Whether the server answers a PING within a moment."""
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client.ping(lambda: end(answered))
        await asyncio.wait((answered, self.lost), timeout=_PONG_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        return answered.done()

    async def hears_itself(self, *, within: float) -> bool:
        """Return whether a message to an inbox of our own comes back; False when the server refuses it."""
        came_back: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with suppress(Unanswered), self.inbox(lambda *_: end(came_back)) as inbox:
            inbox.publish(inbox.subject, b"")
            await inbox.until(came_back, within=within)
        return came_back.done()

    # -- PING, and the end ------------------------------------------------------------------------

    async def ping(self) -> float:
        """Return one PING to PONG round trip in seconds; waits as long as the connection lasts.

        Raises:
            Unanswered: The connection has ended.
        """
        began = time.perf_counter()
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()

        def receive() -> None:
            if not answered.done():
                answered.set_result(time.perf_counter() - began)

        self._client.ping(receive)
        await asyncio.wait((answered, self.lost), return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            raise Unanswered("the connection has ended")
        return answered.result()

    def send_ping(self, answered: Callable[[], None] | None = None) -> None:
        """Write PING; ``answered`` is called from the read loop when its PONG has arrived."""
        self._client.ping(answered)

    async def drain(self, within: float) -> bool:
        """UNSUB and PING; with the PONG everything is delivered, and the connection is closed.

        Args:
            within: Seconds until the connection is dropped.

        Returns:
            False when it took longer, or the connection was lost meanwhile.
        """
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client.unsubscribe_all()
        self._client.ping(lambda: end(answered))
        try:
            await asyncio.wait((answered, self.lost), timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if answered.done():
                with suppress(OSError, TimeoutError):
                    self._writer.close()
                    async with asyncio.timeout(min(within, _CLOSED_WITHIN)):
                        await self._writer.wait_closed()
        finally:
            self.abort()
        return answered.done()

    def abort(self) -> None:
        """Drop the connection at once; no task and no socket is left."""
        self._client.stop()
        self._transport.abort()


def end(waiting: "asyncio.Future[None]") -> None:
    """Set the result of a future that may have one."""
    if not waiting.done():
        waiting.set_result(None)
