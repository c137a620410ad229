"""What a server returns about the client: its identity, and why it closed a connection that was lost.

Asked over the connection itself, with requests that an ordinary user may make. One that is forbidden or has no answer
is not an error. Each is asked once, beside everything else.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from natsmon.config.secret import Secret
from natsmon.config.settings import Settings
from natsmon.dial.causes import Cause
from natsmon.probe.connection.dial_attempt import FailedDial
from natsmon.probe.inquiry.monitoring_port import Connections, MonitoringPort, Row, clock_ahead, seconds
from natsmon.protocol.request_reply import ask, decoded
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.server_errors import classify_close_reason
from natsmon.stream import events as ev
from natsmon.stream.codec import bounded
from natsmon.stream.emitter import Emit
from natsmon.text.plain_text import clip

USER_INFO = "$SYS.REQ.USER.INFO"
CONNECTIONS = "$SYS.REQ.ACCOUNT.PING.CONNZ"
ALL_CONNECTIONS = "$SYS.REQ.SERVER.PING.CONNZ"
"""For the system account only."""
_REDACTED = "[REDACTED]"
"""The user of a connection with a token."""
_CLOSED = 1
"""CONNZ's ``state``: connections that have ended."""
_ANSWER_TIMEOUT = 2.0
"""Seconds for the slowest server of a cluster."""
_PAUSE = 0.25
"""Seconds until a server has noted a connection that it just closed."""


class Lost(msgspec.Struct, frozen=True):
    """A connection that was lost, as its server numbers it."""

    outage: int
    cid: int
    server_id: str
    server: str


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


class _Server(msgspec.Struct, frozen=True):
    time: str = ""


class _ConnectionsAnswer(msgspec.Struct, frozen=True):
    data: Connections = Connections()


class _UserAnswer(msgspec.Struct, frozen=True):
    data: _User | None = None
    server: _Server = _Server()


class Inquiry:
    """Asks the server for our identity, and why a connection that was lost had been closed."""

    def __init__(self, settings: Settings, emit: Emit, monitor: MonitoringPort) -> None:
        self._settings = settings
        self._emit = emit
        self._monitor = monitor
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_up(
        self, connection: ServerConnection, lost: Lost | None, refused: Sequence[FailedDial] = ()
    ) -> None:
        """Ask over a new connection: also about the one lost, and the dials refused, before it."""
        if not self._settings.inquiries:
            return
        self._ask(self._identify(connection, refused))
        if lost is not None:
            self._ask(self._why(connection, lost))
        elif self._monitor.url:
            self._ask(self._monitor.check(connection.info.client_id))

    def connection_down(self) -> None:
        """Cancel the requests that have no answer yet."""
        for task in self._tasks:
            task.cancel()

    def _ask(self, question: Any) -> None:
        task = asyncio.ensure_future(question)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _identify(self, connection: ServerConnection, refused: Sequence[FailedDial]) -> None:
        asked = time.time()
        for answer in await ask(connection, USER_INFO, b"", within=_ANSWER_TIMEOUT):
            found = decoded(answer, _UserAnswer)
            if found is not None and found.data is not None:
                self._emit(self._identity(found.data, clock_ahead(found.server.time, asked)))
        if connection.info.acc_is_sys:  # the system account may ask about the connections of every account
            for failed in refused:
                await self._refusal(connection, failed)

    async def _refusal(self, connection: ServerConnection, failed: FailedDial) -> None:
        """The reason that a server noted for refusing a dial, unless it is as general as its text."""
        if failed.info is None:
            return
        lost = Lost(0, failed.info.client_id, failed.info.server_id, failed.server.url)
        row = await self._from_servers(connection, lost, ALL_CONNECTIONS)
        if row is not None and (cause := classify_close_reason(row.reason)) not in (Cause.AUTH, Cause.UNKNOWN):
            text = f'the server\'s reason, from the system account: "{clip(row.reason)}"'
            self._emit(ev.DialFinding(dial=failed.end.dial, cause=cause, text=text))

    def _identity(self, user: _User, clock_ahead: float) -> ev.Identity:
        permissions = user.permissions or _Permissions()
        lists: dict[str, tuple[Any, int]] = {
            f"{what}_{rule}": bounded(getattr(bounds, rule, None) or [])
            for what, bounds in (("publish", permissions.publish), ("subscribe", permissions.subscribe))
            for rule in ("allow", "deny")
        }
        return ev.Identity(
            user=clip(self._without_secret(user.user)),
            account=clip(user.account_name or user.account),
            **{name: subjects for name, (subjects, _) in lists.items()},
            omitted={name: more for name, (_, more) in lists.items() if more},
            expires=float(round(time.time() + user.expires / 1e9)) if user.expires > 0 else 0.0,
            clock_ahead=clock_ahead,
        )

    def _without_secret(self, user: str) -> str:
        """A user's name, masked where it is a secret. The bearer of a token has none; some servers show the token."""
        own = self._settings
        named = {each.reveal(): str(each) for each in (own.password, own.seed, own.jwt) if isinstance(each, Secret)}
        token = {own.token.reveal(): ""} if isinstance(own.token, Secret) else {}
        return ({_REDACTED: ""} | named | token).get(user, user)

    async def _why(self, connection: ServerConnection, lost: Lost) -> None:
        """The server's reason, from the servers that can be reached; they may note it a moment later."""
        row, source = await self._from_servers(connection, lost), ""
        if row is None:
            await asyncio.sleep(_PAUSE)
            row = await self._from_servers(connection, lost)
        if row is None and self._monitor.url:
            (row, _), source = await self._monitor.closed(lost.server_id, lost.cid), self._monitor.url
        if row is not None:
            self._emit(
                ev.CloseReason(
                    outage=lost.outage,
                    reason=row.reason,
                    cause=classify_close_reason(row.reason),
                    cid=lost.cid,
                    server=lost.server,
                    stop=seconds(row.stop),
                    source=source,
                )
            )

    async def _from_servers(self, connection: ServerConnection, lost: Lost, subject: str = CONNECTIONS) -> Row | None:
        def found(answer: bytes) -> Row | None:
            connections = decoded(answer, _ConnectionsAnswer)
            return connections.data.closed(lost.server_id, lost.cid) if connections is not None else None

        answers = await ask(
            connection,
            subject,
            msgspec.json.encode({"cid": lost.cid, "state": _CLOSED}),
            within=_ANSWER_TIMEOUT,
            enough=lambda answer: found(answer) is not None,
        )
        return next((row for answer in answers if (row := found(answer)) is not None), None)
