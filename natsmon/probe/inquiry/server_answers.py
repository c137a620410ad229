"""What a server says of us: who we are to it, and why it closed a connection that we lost.

Asked over the connection itself, with requests that an ordinary user may make; one that is forbidden, or that
nobody answers, leaves a blank and is no error. Each is asked once, beside everything else.
"""

import asyncio
import time
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from natsmon.config.secret import Secret
from natsmon.config.settings import Settings
from natsmon.probe.inquiry import monitoring_port as monitoring
from natsmon.protocol.link import Link
from natsmon.protocol.server_errors import classify_close_reason
from natsmon.stream import events as ev
from natsmon.stream.codec import bounded
from natsmon.stream.emitter import Emit
from natsmon.text.plain_text import clip

T = TypeVar("T")
USER_INFO = "$SYS.REQ.USER.INFO"
CONNECTIONS = "$SYS.REQ.ACCOUNT.PING.CONNZ"
_CLOSED = 1
"""CONNZ's ``state``: connections that have ended."""
_ANSWER_TIMEOUT = 2.0
"""Seconds for the slowest server of a cluster."""
_TRIES = 2
_PAUSE = 0.25
"""Seconds until a server has surely noted a connection it just closed."""


class Lost(msgspec.Struct, frozen=True):
    """A connection that was lost, as its server numbers it."""

    outage: int
    cid: int
    server_id: str
    server: str


class Closed(msgspec.Struct, frozen=True):
    """A row of CONNZ."""

    cid: int = 0
    reason: str = ""
    stop: str = ""


class Connections(msgspec.Struct, frozen=True):
    """CONNZ, as the monitoring port has it and as ``data`` of a server's answer."""

    server_id: str = ""
    connections: list[Closed] = []

    def of(self, lost: Lost) -> Closed | None:
        if self.server_id != lost.server_id:
            return None
        return next((row for row in self.connections if row.cid == lost.cid and row.reason), None)


class _Answer(msgspec.Struct, frozen=True):
    data: Connections = Connections()


class _Bounds(msgspec.Struct, frozen=True):
    allow: list[str] | None = None
    deny: list[str] | None = None


class _Permissions(msgspec.Struct, frozen=True):
    publish: _Bounds | None = None
    subscribe: _Bounds | None = None


class _User(msgspec.Struct, frozen=True):
    user: str = ""
    account: str = ""
    account_name: str = ""
    permissions: _Permissions | None = None
    expires: int = 0
    """Nanoseconds from now."""


class _UserAnswer(msgspec.Struct, frozen=True):
    data: _User | None = None


class Inquiry:
    """Asks the server for our identity, and why a connection that was lost had been closed."""

    def __init__(self, settings: Settings, emit: Emit) -> None:
        self._settings = settings
        self._emit = emit
        self._tasks: set[asyncio.Task[None]] = set()

    def link_up(self, link: Link, lost: Lost | None) -> None:
        """Ask over a new connection; ``lost`` is the one that was lost before, if any."""
        if not self._settings.inquiries:
            return
        self._ask(self._who_am_i(link))
        if lost is not None:
            self._ask(self._why(link, lost))

    def link_down(self) -> None:
        """Cancel the requests that have no answer yet."""
        for task in self._tasks:
            task.cancel()

    def _ask(self, question: Any) -> None:
        task = asyncio.ensure_future(question)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _who_am_i(self, link: Link) -> None:
        for answer in await link.ask(USER_INFO, b"", within=_ANSWER_TIMEOUT):
            told = _decoded(answer, _UserAnswer)
            if told is not None and told.data is not None:
                self._emit(self._identity(told.data))

    def _identity(self, user: _User) -> ev.Identity:
        permissions = user.permissions or _Permissions()
        publish, subscribe = permissions.publish or _Bounds(), permissions.subscribe or _Bounds()
        given = {
            "publish_allow": publish.allow,
            "publish_deny": publish.deny,
            "subscribe_allow": subscribe.allow,
            "subscribe_deny": subscribe.deny,
        }
        lists = {name: bounded(subjects or []) for name, subjects in given.items()}
        return ev.Identity(
            user=clip(self._harmless(user.user)),
            account=clip(user.account_name or user.account),
            publish_allow=lists["publish_allow"][0],
            publish_deny=lists["publish_deny"][0],
            subscribe_allow=lists["subscribe_allow"][0],
            subscribe_deny=lists["subscribe_deny"][0],
            omitted={name: more for name, (_, more) in lists.items() if more},
            expires=round(time.time() + user.expires / 1e9, 3) if user.expires > 0 else 0.0,
        )

    def _harmless(self, user: str) -> str:
        """A user's name, unless it is a secret: some servers name the bearer of a token by the token."""
        secrets = (self._settings.token, self._settings.password, self._settings.seed, self._settings.jwt)
        return "" if any(isinstance(secret, Secret) and secret.reveal() == user for secret in secrets) else user

    async def _why(self, link: Link, lost: Lost) -> None:
        """The server's reason, from the servers that can be reached; they may note it a moment later."""
        for number in range(_TRIES):
            if number:
                await asyncio.sleep(_PAUSE)
            row, source = await self._from_servers(link, lost), "the server"
            if row is None and self._settings.monitor:
                row, source = await self._from_monitor(lost), self._settings.monitor
            if row is not None:
                self._emit(
                    ev.CloseReason(
                        outage=lost.outage,
                        reason=row.reason,
                        cause=classify_close_reason(row.reason),
                        cid=lost.cid,
                        server=lost.server,
                        stop=_seconds(row.stop),
                        source=source,
                    )
                )
                return

    async def _from_servers(self, link: Link, lost: Lost) -> Closed | None:
        question = msgspec.json.encode({"cid": lost.cid, "state": _CLOSED})

        def found(answer: bytes) -> Closed | None:
            told = _decoded(answer, _Answer)
            return told.data.of(lost) if told is not None else None

        answers = await link.ask(
            CONNECTIONS, question, within=_ANSWER_TIMEOUT, enough=lambda answer: found(answer) is not None
        )
        return next((row for answer in answers if (row := found(answer)) is not None), None)

    async def _from_monitor(self, lost: Lost) -> Closed | None:
        path = f"/connz?cid={lost.cid}&state=closed"
        try:
            body = await monitoring.get(self._settings.monitor, path, self._settings, within=_ANSWER_TIMEOUT)
        except (OSError, TimeoutError):
            return None
        told = _decoded(body, Connections)
        return told.of(lost) if told is not None else None


def _decoded(body: bytes, kind: type[T]) -> T | None:
    """What somebody answered; None when it is not what was asked for."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _seconds(stamp: str) -> float:
    """Seconds since the epoch of a Go time in JSON; 0 when it is none."""
    try:
        return round(msgspec.convert(stamp, datetime).timestamp(), 6)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return 0.0
