"""A nats-py client over a dialed stream: one client object, one connection, no retry of its own.

This is the one file that touches nats-py's private names. nats-py speaks the protocol (CONNECT with its
credentials, PING and PONG, subscriptions, draining); what it must not do is decide when a connection has
ended, because it does not tell why, may stay in a state it never leaves, or wait for a peer that is frozen.
So the transport and the four places where nats-py would act on a loss are ours, and lead to ``Link.lost``.
"""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import ParseResult

import nats.aio.client
import nats.aio.transport
import nats.errors
from nats.protocol.parser import AWAITING_CONTROL_LINE

from natsmon.causes import DialError, classify, classify_server_error
from natsmon.dialer import Stream
from natsmon.greeting import Info, parse_info
from natsmon.settings import Server, Settings

LINGER = 0.5
"""Seconds a closed connection may take to hand its last bytes to the peer."""

_MAX_CONTROL_LINE = 256 * 1024
_MAX_MESSAGE = 128 * 1024 * 1024
_READ_SIZE = 64 * 1024
_NEVER = 10.0**9
"""Seconds; for nats-py's own timeouts, which ours replace."""


class Loss(NamedTuple):
    """Why a connection ended."""

    cause: str
    text: str


class Link:
    """One open connection to one server.

    ``lost`` is done with a Loss when the connection has ended on its own; it never is after ``abort``.
    """

    def __init__(self, client: "LinkClient", stream: Stream, server: Server, info: Info) -> None:
        self._client = client
        self._transport = stream.writer.transport
        self._writer = stream.writer
        self.server = server
        self.info = info
        self.address = stream.address
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
        subscription = await self._client.subscribe(subject)
        self._client.receivers[subscription._id] = receive
        self._client.flush_now()

    async def ping(self) -> float:
        """One PING to PONG round trip in seconds; waits as long as the connection lives."""
        pong = asyncio.get_running_loop().create_future()
        self._client._pongs.append(pong)
        began = time.perf_counter()
        self.write(b"PING\r\n")
        arrived: float = await pong
        return arrived - began

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


async def open_link(stream: Stream, server: Server, info: Info, raw: dict[str, Any], settings: Settings) -> Link:
    """CONNECT to PONG over a dialed stream whose INFO has been read. Raises DialError in the stage ``connect``.

    The caller owns the stream until this returns, and bounds the time it takes.
    """
    # nats-py would fill a pool of its own from these.
    told = {name: value for name, value in raw.items() if name != "connect_urls"}
    transport = StreamTransport(stream, b"INFO " + json.dumps(told).encode() + b"\r\n")
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
            user=settings.user.reveal() if settings.user else None,
            password=settings.password.reveal() if settings.password else None,
            token=settings.token.reveal() if settings.token else None,
            error_cb=_ignore,
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
        await client._process_info(line)
    return Link(client, stream, server, info)


class StreamTransport(nats.aio.transport.Transport):
    """A dialed stream as nats-py's transport: it is connected from the start, and closing it never waits.

    Until PONG it gives nats-py only the lines that belong to the handshake, because odd ones make it return
    a client that is not connected, or end it without a word.
    """

    def __init__(self, stream: Stream, info_line: bytes) -> None:
        self._reader = stream.reader
        self._writer = stream.writer
        self._info_line: bytes | None = info_line
        self.refused: DialError | None = None
        """Why the server turned us away after CONNECT."""
        self.early_infos: list[dict[str, Any]] = []
        """INFO lines that came before PONG."""

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: int) -> None:
        """The stream is open already."""

    async def connect_tls(self, *args: Any, **kwargs: Any) -> None:
        raise self._refuse("tls_mismatch", "the server requires TLS, which this connection was not asked to use")

    async def readline(self) -> bytes:
        if self._info_line is not None:
            line, self._info_line = self._info_line, None
            return line
        while True:
            try:
                line = await self._reader.readuntil(b"\n")
            except asyncio.IncompleteReadError as error:
                raise self._refuse("eof", "closed by the server after CONNECT") from error
            except asyncio.LimitOverrunError as error:
                raise self._refuse("protocol", "an endless line instead of PONG") from error
            except OSError as error:
                raise self._refuse(*classify(error)) from error
            verb = line.split(None, 1)[0].upper() if line.strip() else b""
            if verb == b"PONG":
                return b"PONG\r\n"
            if verb == b"PING":
                self._writer.write(b"PONG\r\n")
            elif verb == b"INFO":
                self.early_infos.append(parse_info(line[4:])[1])
            elif verb == b"-ERR":
                text = line[4:].strip().decode(errors="replace").strip("'")
                raise self._refuse(classify_server_error(text), text)
            elif verb != b"+OK":
                raise self._refuse("protocol", f"said {line[:60]!r} instead of PONG")

    def _refuse(self, cause: str, text: str) -> DialError:
        self.refused = DialError("connect", cause, text)
        return self.refused

    async def read(self, buffer_size: int) -> bytes:
        return await self._reader.read(buffer_size)

    def write(self, payload: bytes) -> None:
        self._writer.write(payload)

    def writelines(self, payload: list[bytes]) -> None:
        self._writer.write(b"".join(payload))

    async def drain(self) -> None:
        await self._writer.drain()

    def close(self) -> None:
        """The Link closes the stream, gently or not."""

    async def wait_closed(self) -> None:
        pass

    def at_eof(self) -> bool:
        return self._reader.at_eof()

    def __bool__(self) -> bool:
        # nats-py would put a transport of its own in our place if this followed the socket.
        return True


class LinkClient(nats.aio.client.Client):
    """nats-py without its reactions to a loss: whatever ends the connection is told once, by ``lost``."""

    def __init__(self, transport: StreamTransport) -> None:
        super().__init__()
        self._transport = self._stream = transport
        self.lost: asyncio.Future[Loss] = asyncio.get_running_loop().create_future()
        self.last_read = time.monotonic()
        self.receivers: dict[int, Callable[[bytes, bytes], None]] = {}
        self.on_info: Callable[[Info], None] | None = None
        self.on_error: Callable[[str], None] | None = None
        self.later_infos: list[Info] = []

    def lose(self, cause: str, text: str) -> None:
        """The first reason counts; what follows from it does not."""
        if not self.lost.done() and not self.is_closed:
            self.lost.set_result(Loss(cause, text))

    def stop(self) -> None:
        """End everything nats-py has running, waiting for nothing."""
        self._status = self.CLOSED
        for task in (self._reading_task, self._ping_interval_task, self._flusher_task):
            if task is not None:
                task.cancel()
        for pong in self._pongs:
            pong.cancel()
        self._pongs.clear()
        for subscription in self._subs.values():
            subscription._stop_processing()
        self._subs.clear()
        self._pending.clear()
        self._pending_data_size = 0

    def flush_now(self) -> None:
        """Write what nats-py holds back for its flusher, so that order on the wire is order in the program."""
        if self._pending:
            self._stream.writelines(self._pending)
            self._pending = []
            self._pending_data_size = 0

    async def _read_loop(self) -> None:
        # nats-py's own ends silently on what it does not expect, and goes on saying CONNECTED.
        try:
            while not self.is_closed:
                data = await self._stream.read(_READ_SIZE)
                if not data:
                    self.lose("eof", "closed by the server")
                    return
                self.last_read = time.monotonic()
                await self._ps.parse(data)
                if self._ps.needed > _MAX_MESSAGE or (
                    self._ps.state == AWAITING_CONTROL_LINE and len(self._ps.buf) > _MAX_CONTROL_LINE
                ):
                    self.lose("protocol", "the server sent a line or a message without end")
                    return
        except OSError as error:
            self.lose(*classify(error))
        except nats.errors.ProtocolError as error:
            self.lose("protocol", str(error).removeprefix("nats: ") or "the server sent what is not NATS")
        except Exception as error:
            self.lose("protocol", f"the server sent what makes no sense ({type(error).__name__})")

    async def _process_op_err(self, e: Exception) -> None:
        if isinstance(e, nats.errors.StaleConnectionError):
            waited = self.options["ping_interval"] * (self.options["max_outstanding_pings"] + 1)
            self.lose("stale", f"no PONG for {waited:g} s")
        else:
            self.lose(*classify(e))

    async def _process_err(self, err_msg: str) -> None:
        text = err_msg.strip("'")
        cause = classify_server_error(text)
        if "permissions violation" in text or "maximum subscriptions exceeded" in text:
            if self.on_error is not None:
                self.on_error(text)
        else:
            self.lose(cause, text)

    async def _process_info(self, info: dict[str, Any], initial_connection: bool = False) -> None:
        if initial_connection:
            return
        later, _ = parse_info(json.dumps(info).encode())
        if self.on_info is None:
            self.later_infos.append(later)
        else:
            self.on_info(later)

    async def _process_pong(self) -> None:
        # nats-py's own dies of a PONG that comes after its waiter has given up.
        self._pings_outstanding = 0
        if self._pongs:
            pong = self._pongs.pop(0)
            if not pong.done():
                pong.set_result(time.perf_counter())

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes) -> None:
        # Straight from the read loop: no queue, no task and no parsed headers between a message and its count.
        receive = self.receivers.get(sid)
        if receive is not None:
            receive(headers, data)
        else:
            await super()._process_msg(sid, subject, reply, data, headers)


async def _ignore(error: Exception) -> None:
    """nats-py would print a traceback under the screen."""
