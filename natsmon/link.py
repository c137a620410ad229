"""An open connection: a nats-py client over a dialed stream, one object each, with no retry of its own."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import nats.errors

from natsmon import tls
from natsmon.causes import DialError, classify
from natsmon.client import LinkClient, StreamTransport
from natsmon.credentials import client_options
from natsmon.dialer import Stream
from natsmon.greeting import Info
from natsmon.settings import Server, Settings

_NEVER = 10.0**9
"""Seconds; for nats-py's own timeouts, which ours replace."""


class Link:
    """One open connection to one server.

    ``lost`` is done with a Loss when the connection has ended on its own; it never is after ``abort``.
    """

    def __init__(self, client: LinkClient, stream: Stream, server: Server, info: Info) -> None:
        self._client = client
        self._transport = stream.writer.transport
        self._writer = stream.writer
        self.server = server
        self.info = info
        self.address = stream.address
        self.tls = tls.version(stream)
        """TLS version, empty without TLS."""
        self.lost = client.lost

    @property
    def last_read(self) -> float:
        """``time.monotonic()`` of the last bytes from the server: the last proof of life."""
        return self._client.last_read

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
        """Call back with every ``-ERR`` that leaves the connection open."""
        self._client.on_error = callback

    def write(self, commands: bytes) -> None:
        """Hand over whole protocol commands; returns at once."""
        self._writer.write(commands)

    async def drained(self) -> None:
        """Until the operating system has taken most of what was handed over, or the connection is gone."""
        with suppress(OSError):
            await self._writer.drain()

    async def subscribe(self, subject: str, receive: Callable[[bytes, bytes], None]) -> None:
        """Pass every message on ``subject`` to ``receive(headers, payload)``, from the read loop itself.

        The SUB is on its way when this returns: what is written after it will be seen.
        """
        await self._client.listen(subject, receive)

    async def ping(self) -> float:
        """One PING to PONG round trip in seconds; waits as long as the connection lives."""
        began = time.perf_counter()
        return await self._client.ping() - began

    async def drain(self, within: float) -> bool:
        """Unsubscribe, deliver what is under way, flush, close. False when that took longer than ``within`` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._client.drain()
                await self._close_gently()
        except (TimeoutError, OSError, nats.errors.Error):
            return False
        finally:
            self.abort()
        return not self.lost.done()

    async def _close_gently(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        """Drop the connection at once; no task and no socket is left."""
        self._client.stop()
        self._transport.abort()


async def open_link(
    stream: Stream,
    server: Server,
    info: Info,
    raw: dict[str, Any],
    settings: Settings,
    connect_sent: Callable[[dict[str, Any]], None],
) -> Link:
    """CONNECT to PONG over a dialed stream whose INFO has been read, and which is under TLS where it should be.

    ``connect_sent`` is told what CONNECT says, secrets included. Raises DialError in the stage ``connect``.
    The caller owns the stream until this returns, and bounds the time it takes.
    """
    # nats-py would fill a pool of its own from the first, and start TLS once more for the second.
    told = {name: value for name, value in raw.items() if name not in ("connect_urls", "tls_required")}
    transport = StreamTransport(stream, b"INFO " + json.dumps(told).encode() + b"\r\n", connect_sent)
    client = LinkClient(transport)
    try:
        await client.connect(
            server.url,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            connect_timeout=_NEVER,  # type: ignore[arg-type]
            ping_interval=settings.ping_interval,  # type: ignore[arg-type]
            max_outstanding_pings=settings.max_pings_out,
            drain_timeout=_NEVER,  # type: ignore[arg-type]
            name=settings.name or None,
            error_cb=_ignore,
            **client_options(settings),
        )
    except BaseException as error:
        client.stop()
        if transport.refused is not None:
            raise transport.refused from error
        if isinstance(error, OSError):
            raise DialError("connect", *classify(error)) from error
        if isinstance(error, nats.errors.Error):
            raise DialError("connect", "protocol", str(error)) from error
        raise
    for line in transport.early_infos:
        await client.hear_info(line)
    return Link(client, stream, server, info)


async def _ignore(error: Exception) -> None:
    """nats-py would print a traceback under the screen."""
