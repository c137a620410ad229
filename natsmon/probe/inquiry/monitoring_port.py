"""The connections of a server (CONNZ), and its monitoring port (``--monitor``), which returns them over HTTP.

Another kind of port is reported once.
"""

import asyncio
import time
from datetime import datetime

import msgspec

from natsmon.config.server_urls import parse_monitor
from natsmon.config.settings import Settings
from natsmon.dial.causes import Cause
from natsmon.dial.dialer import Dialer
from natsmon.dial.errors import DialError, classify
from natsmon.dial.stream import Stream
from natsmon.protocol import tls
from natsmon.protocol.request_reply import decoded
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit
from natsmon.text.plain_text import clip, excerpt, printable

_LONGEST = 4 * 1024 * 1024
"""Bytes of an answer."""
_CHUNK = 64 * 1024
_WITHIN = 2.0
"""Seconds for one answer."""
_TRIES = 2
_PAUSE = 0.25
"""Seconds until a server has noted a connection that it just closed."""


class Row(msgspec.Struct, frozen=True):
    cid: int = 0
    reason: str = ""
    """Why the server closed it."""
    stop: str = ""


class Connections(msgspec.Struct, frozen=True):
    """CONNZ of one server."""

    server_id: str = ""
    now: str = ""
    """The server's clock."""
    connections: list[Row] = []

    def closed(self, server_id: str, cid: int) -> Row | None:
        """Return the row of a connection that this server closed for a reason."""
        if self.server_id != server_id:
            return None
        return next((row for row in self.connections if row.cid == cid and row.reason), None)


def seconds(stamp: str) -> float:
    """Seconds since the epoch of a Go time in JSON; 0 when it is none."""
    try:
        return round(msgspec.convert(stamp, datetime).timestamp(), 6)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return 0.0


def clock_ahead(stamp: str, asked: float) -> float:
    """Seconds of a server's clock ahead of this machine's, by a stamp in an answer just received; 0 when unknown.

    Both are right when the stamp lies between ``asked``, in seconds since the epoch, and now.
    """
    clock = seconds(stamp)
    return round(clock - min(max(clock, asked), time.time()), 3) if clock else 0.0


class _NotMonitoring(Exception):
    """The peer is not a monitoring port; the text names what it is."""


class MonitoringPort:
    def __init__(self, settings: Settings, emit: Emit) -> None:
        self._settings = settings
        self._emit = emit
        self.url = settings.monitor
        self._reported = False

    async def check(self, cid: int) -> None:
        """Report a port that does not answer as a monitoring port."""
        await self._connections(f"/connz?cid={cid}")

    async def closed(self, server_id: str, cid: int) -> tuple[Row | None, float]:
        """Why a connection was closed, which the server may note a moment later, and the difference of its clock.

        Seconds of the server's clock minus this machine's; 0 when unknown.
        """
        ahead = 0.0
        for number in range(_TRIES):
            if number:
                await asyncio.sleep(_PAUSE)
            asked = time.time()
            answer = await self._connections(f"/connz?cid={cid}&state=closed")
            if answer is None:
                break
            if answer.server_id == server_id:
                ahead = clock_ahead(answer.now, asked)
            if (row := answer.closed(server_id, cid)) is not None:
                return row, ahead
        return None, ahead

    async def _connections(self, path: str) -> Connections | None:
        """CONNZ; None where there is no monitoring port."""
        try:
            async with asyncio.timeout(_WITHIN):
                body = await self._get(path)
            answer = decoded(body, Connections)
            if answer is None or not answer.server_id:
                raise _NotMonitoring(f"is not a monitoring port: {path.partition('?')[0]} is {excerpt(body)}")
        except _NotMonitoring as error:
            self._report(f"{self.url} {error}")
            return None
        except (OSError, EOFError) as error:  # TimeoutError is an OSError
            cause, text = classify(error)
            what = "no answer in time" if cause is Cause.TIMEOUT else text
            self._report(f"{self.url} does not answer: {what}")
            return None
        return answer

    def _report(self, text: str) -> None:
        if not self._reported:
            self._reported = True
            self._emit(ev.SettingFailed(setting="monitor", text=clip(printable(text))))

    async def _get(self, path: str) -> bytes:
        """The body of an answer. A lookup that hangs delays nothing beyond the time for it, as in any dial."""
        scheme, host, port = parse_monitor(self.url)
        stream = await Dialer().dial((host, port), deadline=None)
        reader, writer = stream.reader, stream.writer
        try:
            if scheme == "https":
                await self._secure(stream, host)
            # HTTP/1.0: the answer is in one piece, and ends with the connection.
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            if (opening := await reader.readexactly(5)) != b"HTTP/":
                raise _NotMonitoring(_described(opening))
            head = opening + await reader.readuntil(b"\r\n\r\n")
            _check_status(head.splitlines()[0])
            body = b""
            while more := await reader.read(_CHUNK):
                body += more
                if len(body) > _LONGEST:
                    raise _NotMonitoring("is not a monitoring port: its answer does not end")
            return body
        except asyncio.IncompleteReadError as error:
            raise _NotMonitoring(_described(error.partial)) from error
        except asyncio.LimitOverrunError as error:
            raise _NotMonitoring("is not a monitoring port: its answer does not end") from error
        finally:
            writer.transport.abort()

    async def _secure(self, stream: Stream, host: str) -> None:
        try:
            await tls.upgrade(stream, await tls.prepared_context(self._settings), host, first=True)
        except DialError as error:
            if error.cause in (Cause.TLS_MISMATCH, Cause.TLS_FIRST_MISMATCH):
                raise _NotMonitoring("speaks HTTP, not HTTPS") from error
            raise


def _check_status(status: bytes) -> None:
    if b" 200" not in status:
        more = " (Go's HTTPS servers answer so to HTTP)" if b" 400" in status else ""
        raise _NotMonitoring(f"is not a monitoring port: it answered {excerpt(status)}{more}")


def _described(opening: bytes) -> str:
    if opening.startswith(b"INFO "):
        return "is not a monitoring port: it sent INFO, as the port for clients does"
    if opening[:1] in (b"\x15", b"\x16"):
        return "speaks HTTPS, not HTTP"
    return f"is not a monitoring port: it sent {excerpt(opening)}" if opening else "closed the connection"
