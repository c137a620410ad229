"""An open connection: a nats-py client over a dialed stream, one object each, with no retry of its own.

Every write is immediate: no call waits for a queue. Each wait has a limit and ends with the connection.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from natsmon.config.settings import Server
from natsmon.dial.stream import Stream
from natsmon.protocol import tls
from natsmon.protocol.nats_client import Receive, StreamClient
from natsmon.protocol.refusals import Refusals, Subscription
from natsmon.protocol.server_info import Info
from natsmon.protocol.stream_transport import send

_CLOSED_WITHIN = 1.0
"""Seconds for closing the socket once the server has everything."""
_INBOXES = 16
"""Own inboxes that are recognised among observed messages."""


class Unanswered(Exception):
    """A request has no answer, or the connection has ended; the text has the reason."""


class ServerConnection:
    """One open connection to one server.

    ``lost`` is done with a Loss when the connection has ended on its own; it never is after ``abort``.
    """

    def __init__(
        self,
        client: StreamClient,
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
        self.refusals = Refusals()
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
        """``time.monotonic()`` of the last PONG, or delivered message; other data does not count."""
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
            shown = self._client.redact(text)
            if not self.refusals.handle(text, shown):
                callback(shown)

        self._client.on_error = receive
        for text in self._client.later_errors:
            receive(text)
        self._client.later_errors.clear()

    def on_publish_refused(self, subject: str, callback: Callable[[], None]) -> None:
        """Set what is called for each message on ``subject`` that the server refuses, in the order of sending."""
        self.refusals.on_publish_refused[subject] = callback

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

    # -- subscriptions and inboxes ----------------------------------------------------------------

    def subscribe(self, subject: str, receive: Receive, *, refused: Callable[[str], None] | None = None) -> None:
        """Pass every message on ``subject`` to ``receive``, from the read loop itself.

        Args:
            subject: May have wildcards.
            receive: Called with subject, reply, headers and payload.
            refused: Called with the server's error, now or later, instead of ``on_error``.
        """
        subscription = Subscription(subject, refused)
        self.subscribe_for(subscription, receive, lambda: self._subscribed(subscription))

    def subscribe_for(
        self, subscription: Subscription, receive: Receive, confirmed: Callable[[], None] = lambda: None
    ) -> Callable[[], None]:
        """Write SUB and PING: an error before its PONG that names no subject is about this one.

        Returns:
            What unsubscribes; with the PONG behind UNSUB the subscription is forgotten.
        """
        sid = self._client.subscribe_with(subscription.subject, receive)
        self.refusals.add(subscription)
        self._client.ping(lambda: confirmed() if self.refusals.confirm(subscription) else None)

        def unsubscribe() -> None:
            self._client.unsubscribe(sid)
            self._client.ping(lambda: self.refusals.remove(subscription))

        return unsubscribe

    def _subscribed(self, subscription: Subscription) -> None:
        if subscription.refused is None:
            self.refusals.remove(subscription)
        if self._on_subscribed is not None:
            self._on_subscribed(subscription.subject)

    def new_inbox(self) -> str:
        """Return a subject for answers, which ``is_ours`` recognises."""
        subject = self._client.new_inbox()
        self._inboxes.append(subject.encode())
        return subject

    def is_ours(self, subject: bytes, reply: bytes) -> bool:
        """Whether a message is a request of natsmon's own, or an answer to one."""
        return subject in self._inboxes or reply in self._inboxes

    def checked_subject(self, subject: str) -> str:
        """The subject for which permissions are checked: a server maps the API of its own domain before that."""
        mapped = self.js_api == f"$JS.{self.info.domain}.API" and subject.startswith(self.js_api)
        return f"$JS.API{subject.removeprefix(self.js_api)}" if mapped else subject

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
