"""An open connection: what is asked of its server, and what the server refuses, with no retry of its own.

Each wait has a limit and ends with the connection.
"""

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from natsmon.config.settings import Server, Settings
from natsmon.dial.stream import Stream
from natsmon.protocol import tls
from natsmon.protocol.refusals import Refusals, Subscription
from natsmon.protocol.server_info import Info
from natsmon.protocol.stream_client import Receive, StreamClient

JS_API = "$JS.API"
"""Subject prefix of the JetStream API without a domain."""
_CLOSED_WITHIN = 1.0
"""Seconds for closing the socket once the server has everything."""
REFUSED_AGAIN, _LONGEST_PAUSE = 30.0, 600.0
"""Seconds until a refused subscription is tried again, as a reload of the server may allow it; doubled each time, since
the server logs each refusal."""
_INBOXES = 16
"""Own inboxes that are recognised among observed messages."""


class Unanswered(Exception):
    """A request has no answer, or the connection has ended; the text has the reason."""


class ServerConnection(StreamClient):
    """One open connection to one server; its ``handshake`` comes first."""

    def __init__(self, stream: Stream, server: Server, info: Info, settings: Settings) -> None:
        super().__init__(stream)
        self.server = server
        self.info = info
        """The newest INFO."""
        self.timeout = settings.timeout
        """Seconds for an answer to a request."""
        self.js_api = settings.js_api_prefix or JS_API
        """Subject prefix of the JetStream API; a domain has one of its own (ADR-21)."""
        self.address = stream.address
        self.tls = tls.version(stream)
        """TLS version, empty without TLS."""
        self.refusals = Refusals()
        self.early_info: Info | None = None
        """A second INFO that arrived before there was a callback for it, with PONG."""
        self.on_info: Callable[[Info], None] | None = None
        """Called with every later INFO."""
        self.on_error: Callable[[str], None] | None = None
        """Called with each ``-ERR`` that leaves the connection open, except refusals, which are handled here."""
        self.on_subscribed: Callable[[str], object] | None = None
        """Called with each subject of ``subscribe`` that the server has accepted."""
        self._trying_again: asyncio.TimerHandle | None = None
        """Of the one subscription with a callback for its refusal."""
        self._pause = REFUSED_AGAIN
        self._first_write = 0.0
        self._inbox_prefix = settings.inbox_prefix
        self._inboxes: deque[bytes] = deque(maxlen=_INBOXES)

    def asked_since(self, *, messages: bool) -> float | None:
        """``time.monotonic()`` of the first request after the last answer from the server; None without one.

        A PING is a request; with ``messages``, which are in flight, any write is one.
        """
        asked = (self.first_ping, self._first_write if messages else 0.0)
        return min((at for at in asked if at > self.last_answer), default=None)

    def receive_info(self, info: Info) -> None:
        if self.on_info is None:
            self.early_info = info
        else:
            self.info = info
            self.on_info(info)

    def receive_error(self, text: str) -> None:
        shown = self.redact(text)
        if not self.refusals.handle(text, shown) and self.on_error is not None:
            self.on_error(shown)

    def on_publish_refused(self, subject: str, callback: Callable[[], None]) -> None:
        """Set what is called for each message on ``subject`` that the server refuses, in the order of sending."""
        self.refusals.on_publish_refused[subject] = callback

    def require_open(self) -> None:
        if not self.open:
            raise self._ended()

    def _ended(self) -> Unanswered:
        why = f": {self.lost.result().text}" if self.lost.done() and not self.lost.cancelled() else ""
        return Unanswered(f"the connection has ended{why}")

    def abort(self) -> None:
        if self._trying_again is not None:
            self._trying_again.cancel()
        super().abort()

    def write(self, commands: bytes) -> None:
        """Write whole protocol commands; returns at once."""
        self._write(commands)
        if self._first_write <= self.last_answer:
            self._first_write = self.last_write

    # -- subscriptions and inboxes ----------------------------------------------------------------

    def subscribe(
        self,
        subject: str,
        receive: Receive,
        *,
        refused: Callable[[str], None] | None = None,
        accepted: Callable[[], None] = lambda: None,
    ) -> None:
        """Pass subject, reply, headers and payload of every message on ``subject`` to ``receive``, from the read loop.

        ``refused`` is called with the server's error, now or later, instead of ``on_error``; the subscription is tried
        again then, after a pause. ``accepted`` is called when the server has accepted it.
        """
        self._trying_again = None
        if not self.open:
            return
        subscription = Subscription(subject)

        def on_confirmed() -> None:
            self._pause = REFUSED_AGAIN
            if refused is None:
                self.refusals.remove(subscription)
            if self.on_subscribed is not None:
                self.on_subscribed(subject)
            accepted()

        self.subscribe_for(subscription, receive, on_confirmed)
        if refused is None:
            return

        def on_refused(text: str) -> None:
            if self._trying_again is None:
                self.unsubscribe_for(subscription)
                again = partial(self.subscribe, subject, receive, refused=refused, accepted=accepted)
                self._trying_again = asyncio.get_running_loop().call_later(self._pause, again)
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)
                refused(text)

        subscription.refused = on_refused

    def subscribe_for(
        self, subscription: Subscription, receive: Receive, confirmed: Callable[[], None] = lambda: None
    ) -> None:
        """Write SUB and PING: an error before its PONG that names no subject is about this one."""
        subscription.sid = self.subscribe_with(subscription.subject, receive)
        self.refusals.add(subscription)
        self.ping(lambda: confirmed() if self.refusals.confirm(subscription) else None)

    def unsubscribe_for(self, subscription: Subscription) -> None:
        """Write UNSUB and PING; with its PONG the subscription is forgotten."""
        self.unsubscribe(subscription.sid)
        self.ping(lambda: self.refusals.remove(subscription))

    def new_inbox(self) -> str:
        """Return a subject for answers, which ``is_ours`` recognises."""
        subject = f"{self._inbox_prefix}.{secrets.token_hex(11)}"
        self._inboxes.append(subject.encode())
        return subject

    def is_ours(self, subject: bytes, reply: bytes) -> bool:
        """Whether a message is a request of natsmon's own, or an answer to one."""
        return subject in self._inboxes or reply in self._inboxes

    def checked_subject(self, subject: str) -> str:
        """The subject for which permissions are checked: a server maps the API of its own domain before that."""
        mapped = self.js_api == f"$JS.{self.info.domain}.API" and subject.startswith(self.js_api)
        return JS_API + subject.removeprefix(self.js_api) if mapped else subject

    # -- PING, and the end ------------------------------------------------------------------------

    async def until(self, *done: "asyncio.Future[Any]", within: float | None = None) -> bool:
        """Wait for one of these, or the end of the connection; False when none came in so many seconds."""
        ended, _ = await asyncio.wait((*done, self.lost), timeout=within, return_when=asyncio.FIRST_COMPLETED)
        return bool(ended)

    async def round_trip(self) -> float:
        """Seconds of one PING to PONG round trip. Raises Unanswered when the connection ends before the PONG."""
        began = time.perf_counter()
        answered: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.ping(lambda: answered.set_result(time.perf_counter() - began))
        await self.until(answered)
        if not answered.done():
            raise self._ended()
        return answered.result()

    async def drain(self, within: float) -> bool:
        """UNSUB and PING; with the PONG everything is delivered, and the connection is closed.

        After ``within`` seconds it is dropped. False when it took longer, or the connection was lost meanwhile.
        """
        answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.unsubscribe_all()
        self.ping(lambda: answered.set_result(None))
        try:
            await self.until(answered, within=within)
            if answered.done():
                with suppress(OSError, TimeoutError):
                    self._writer.close()
                    async with asyncio.timeout(min(within, _CLOSED_WITHIN)):
                        await self._writer.wait_closed()
        finally:
            self.abort()
        return answered.done()


def end(waiting: "asyncio.Future[None]") -> None:
    """Set the result of a future that may have one."""
    if not waiting.done():
        waiting.set_result(None)
