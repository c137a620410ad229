"""nats-py's transport over a dialer: every connection of a client's life goes through one ``DialTransport``.

nats-py keeps its retry loop, and calls one object for one connection after the other: ``connect``, the
handshake line by line, ``read`` and ``write``, ``close``, and ``connect`` again, sometimes without ``close``.
What that loop does not survive, it does not get from here: an exception that is no OSError, a greeting that
makes no sense, a close that waits for a peer which is frozen. Nothing private of nats-py is used.
"""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import ParseResult, urlparse

import msgspec
import nats.aio.transport
import nats.errors

from natsmon.dial.causes import DialError, classify, classify_server_error
from natsmon.dial.deadline import until, within
from natsmon.dial.dialer import CustomDialer, Dialer, Stream
from natsmon.dial.stages import Stage
from natsmon.dial.trace import DialTrace, Tell
from natsmon.protocol.server_info import Info, read_answer, read_info
from natsmon.protocol.starttls import upgrade

LINGER = 0.5
"""Seconds that closing a connection waits for the peer to take what was written, before it is dropped."""

_GRACE = 0.05
"""Seconds after the deadline until a dialer that does not heed it is cancelled; ours has told its stage by then."""

_OURS_FIRST = 0.9
"""Of nats-py's own timeout for a line, so that the error is ours: nats-py's does not say what it waited for."""

_DEFAULT_PORT = 4222


class DialTransport(nats.aio.transport.Transport):
    """``closing`` says whether the client is on its way out, when it waits for nobody any more.

    ``given_up`` says whether the dial that is under way was cancelled and did not notice.
    """

    def __init__(
        self,
        dialer: CustomDialer,
        trace: DialTrace | None,
        closing: Callable[[], bool],
        given_up: Callable[[], bool],
    ) -> None:
        self._dialer = dialer
        self._trace = trace
        self._tell = Tell(trace)
        self._closing = closing
        self._given_up = given_up
        self._stream: Stream | None = None
        self._closed = False
        self._greeted = False
        """INFO has been read."""
        self._answered = False
        """PONG has been read: the handshake is over."""
        self._secure = False
        self._tls_wanted = False
        self._verbose = False
        self._timeout = 0.0
        self._held = b""
        self._early: list[bytes] = []
        self.failure: DialError | None = None
        """Why the last dial or handshake that failed did."""

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: float) -> None:
        self.drop()
        self._closed = self._greeted = self._answered = self._secure = self._verbose = False
        self._early.clear()
        self._held = b""
        self._tls_wanted = uri.scheme == "tls"
        self._timeout = connect_timeout * _OURS_FIRST
        self._tell = Tell(self._trace)
        address = (uri.hostname or "", uri.port or _DEFAULT_PORT)
        deadline = asyncio.get_running_loop().time() + connect_timeout
        self._tell(
            DialTrace.get_conn, f"[{address[0]}]:{address[1]}" if ":" in address[0] else "{}:{}".format(*address)
        )
        with self._failing("tcp", "the dialer did not keep its deadline"):
            async with until(None if type(self._dialer) is Dialer else deadline + _GRACE):
                self._stream = await self._dialer.dial(address, deadline=deadline, trace=self._trace)
            self._tell(DialTrace.got_conn, self._stream.address)

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: float
    ) -> None:
        name = uri if isinstance(uri, str) else uri.hostname or ""
        stream = self._open("tls")
        self._tell(DialTrace.tls_handshake_start, name)
        try:
            with self._failing("tls", "the TLS handshake did not finish"):
                async with within(connect_timeout):
                    await upgrade(stream, ssl_context, name, first=not self._greeted)
        except BaseException as error:
            self._tell(DialTrace.tls_handshake_done, None, error)
            raise
        self._secure = True
        self._tell(DialTrace.tls_handshake_done, stream.writer.get_extra_info("ssl_object"), None)

    async def readline(self) -> bytes:
        """A line of the handshake: INFO first, then what answers CONNECT and PING."""
        if self._greeted:
            with self._failing("connect", "no PONG after CONNECT"):
                async with within(self._timeout):
                    return await self._answer()
        with self._failing("info", "the peer accepted and sent no INFO"):
            async with within(self._timeout):
                return await self._info()

    async def _info(self) -> bytes:
        info, raw = await read_info(self._open("info").reader)
        self._greeted = True
        if self._tls_wanted and not self._secure:
            raw = {**raw, "tls_required": _tls_offered(info)}  # nats-py would send its CONNECT in clear
        raw = {**raw, "connect_urls": [url for url in info.connect_urls if _legible(url)]}
        return b"INFO " + msgspec.json.encode(raw) + b"\r\n"

    async def _answer(self) -> bytes:
        """``PONG``, ``-ERR`` or an awaited ``+OK``. Anything else here makes nats-py say connected when it is not."""
        stream = self._open("connect")
        answers = {b"PONG", b"-ERR", *([b"+OK"] if self._verbose else [])}
        verb, text = await read_answer(stream.reader, stream.writer, self._early, until=answers)
        if verb == b"-ERR":
            said = text.strip("'")
            self.failure = DialError("connect", classify_server_error(said), said)  # nats-py raises an error of its own
            return f"-ERR {text or 'without a word'}\r\n".encode()
        if verb == b"PONG":
            self._answered = True
        else:
            self._verbose = False
        return verb + b"\r\n"

    async def read(self, buffer_size: int) -> bytes:
        if self._early:
            data = b"".join(self._early)
            self._early.clear()
            return data
        if self._stream is None:
            return b""
        with _only_os_errors():
            return await self._stream.reader.read(buffer_size)

    def write(self, payload: bytes) -> None:
        if self._stream is None or self._closed:
            return
        if payload.startswith(b"CONNECT "):
            self._verbose = b'"verbose": true' in payload
            if not self._verbose:
                self._held = payload  # until PING, so that both are one packet
                return
        if self._held:
            payload, self._held = self._held + payload, b""
        self._stream.writer.write(payload)

    def writelines(self, payload: list[bytes]) -> None:
        self.write(b"".join(payload))  # asyncio's own writelines() of 3.12 and 3.13 knows no back-pressure

    async def drain(self) -> None:
        if not self._answered and self._given_up():
            raise asyncio.CancelledError
        if self._stream is None or self._closed:
            return
        if not self._closing():
            with self._failing("connect", "") if not self._answered else _only_os_errors():
                await self._stream.writer.drain()
            return
        try:
            async with within(LINGER):
                await self._stream.writer.drain()
        except OSError:  # TimeoutError is one
            self.drop()

    def close(self) -> None:
        if self._stream is not None and not self._closed:
            self._closed = True
            self._stream.writer.close()

    async def wait_closed(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        try:
            with _only_os_errors():
                async with within(LINGER):
                    await stream.writer.wait_closed()
        except TimeoutError:
            pass
        finally:
            stream.writer.transport.abort()

    def drop(self) -> None:
        """End the connection at once, whatever is still to be written."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.writer.transport.abort()

    def at_eof(self) -> bool:
        return not self._early and (self._stream is None or self._stream.reader.at_eof())

    def __bool__(self) -> bool:
        # nats-py would put a transport of its own in our place if this followed the stream.
        return True

    def _open(self, stage: Stage) -> Stream:
        if self._stream is None:
            raise DialError(stage, "eof", "the connection is gone")
        return self._stream

    def _failing(self, stage: Stage, late: str) -> "_Step":
        return _Step(self, stage, late)


class _Step:
    """A step until PONG: what failed is a DialError, and what failed or was cancelled is not kept open."""

    __slots__ = ("_late", "_stage", "_transport")

    def __init__(self, transport: DialTransport, stage: Stage, late: str) -> None:
        self._transport = transport
        self._stage = stage
        self._late = late

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        self._transport.drop()
        if isinstance(error, DialError):
            self._transport.failure = error
        elif isinstance(error, Exception) and not isinstance(error, nats.errors.Error):
            timed_out = isinstance(error, TimeoutError) and not error.errno
            cause, text = ("timeout", str(error) or self._late) if timed_out else classify(error)
            self._transport.failure = DialError(self._stage, cause, text)
            raise self._transport.failure from error


@contextmanager
def _only_os_errors() -> Iterator[None]:
    """Anything else, as a stream that is not asyncio's own may raise it, would end nats-py's loops without a word."""
    try:
        yield
    except (OSError, nats.errors.Error):
        raise
    except Exception as error:
        raise DialError("connect", *classify(error)) from error


def _tls_offered(info: Info) -> bool:
    if not (info.tls_required or info.tls_available):
        raise DialError("tls", "tls_not_offered", "TLS was asked for, and the server offers none: nothing was sent")
    return True


def _legible(url: str) -> bool:
    """Of one that is not, nats-py would end its retry loop without a word."""
    try:
        there = urlparse(f"nats://{url}")
        return bool(there.hostname) and there.port != 0
    except ValueError:
        return False
