"""The part of the library's transport that dials, and does the handshake line by line as nats-py asks for it."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import ParseResult, urlparse

import nats.aio.transport
import nats.errors

from natsmon.dial import foreign_dialer
from natsmon.dial.causes import Stage
from natsmon.dial.deadline import within
from natsmon.dial.errors import DialError, DialFailed, classify
from natsmon.dial.resolver import authority
from natsmon.dial.starttls import upgrade
from natsmon.dial.stream import ByteWriter, CustomDialer, Stream, discard
from natsmon.dial.trace import DialTrace, Hooks
from natsmon.protocol.server_errors import classify_server_error
from natsmon.protocol.server_info import HandshakeError, Info, parse_info, read_answer, read_info_body
from natsmon.text.plain_text import printable

if TYPE_CHECKING:
    from natsmon.library.client import Client

_NO_INFO: tuple[Stage, str] = "info", "the peer accepted and sent no INFO"
_DEFAULT_PORTS = {"ws": 80, "wss": 443}


class Misuse(BaseException):
    """A fault of the program, not of the dial. nats-py retries after any Exception in a dial, so this is none."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class HandshakeTransport(nats.aio.transport.Transport):
    """nats-py's transport, from the dial to PONG; see ``DialTransport``.

    Args:
        client: Whose transport it is.
        dialer: Opens each connection.
        trace: Hooks to call for each step of each dial.
    """

    def __init__(self, client: "Client", dialer: CustomDialer, trace: DialTrace | None) -> None:
        self._client = client
        self._dialer = dialer
        self._trace = trace
        self._hooks = Hooks(trace)
        self._stream: Stream | None = None
        self.server = ""
        """``host:port`` of the last dial."""
        self._dialing = False
        """A dial has begun and its end has not been traced."""
        self._step: Stage | None = None
        """The step of the handshake whose end has not been traced."""
        self._closed = False
        self._greeted = False
        """INFO has been read."""
        self._answered = False
        """PONG has been read: the handshake is complete."""
        self._secure = False
        self._tls_required = False
        self._verbose = False
        self._held = b""
        self._early: list[bytes] = []
        self._unwritable: DialError | None = None
        """What a write raised; the connection was dropped."""
        self.failure: DialError | None = None
        """Why the last failed dial or handshake failed."""
        self._cancelled: tuple[Stage, str] = _NO_INFO
        """The stage that was cancelled, and the text for it if nats-py's timeout did that."""

    async def connect(self, uri: ParseResult, buffer_size: int, connect_timeout: float | None) -> None:
        await self._dial(uri, connect_timeout)
        if uri.scheme == "ws":
            await self._upgrade_websocket(uri, connect_timeout)

    async def connect_tls(
        self, uri: str | ParseResult, ssl_context: ssl.SSLContext, buffer_size: int, connect_timeout: float | None
    ) -> None:
        if isinstance(uri, str):
            await self._handshake_tls(ssl_context, uri, connect_timeout)
            return
        await self._dial(uri, connect_timeout)  # wss: nats-py calls nothing else
        name = self._client.options.get("tls_hostname") or uri.hostname or ""
        await self._handshake_tls(ssl_context, name, connect_timeout)
        await self._upgrade_websocket(uri, connect_timeout)

    async def _dial(self, uri: ParseResult, seconds: float | None) -> None:
        if uri.scheme in _DEFAULT_PORTS:
            try:
                from natsmon.protocol import websocket  # takes longer than a dial

                websocket.header_fields(self._client.options.get("ws_connection_headers"))
            except ImportError:
                raise Misuse(ImportError("ws:// and wss:// need: pip install 'natsmon[ws]'")) from None
            except (TypeError, ValueError) as error:
                raise Misuse(error) from error
        self.drop()
        self._closed = self._greeted = self._answered = self._secure = self._verbose = False
        self._early.clear()
        self._held = b""
        self._unwritable = None
        # As in nats.go, one tls:// URL, or a TLS option, requires TLS of every server of the pool.
        by_url = any(server.scheme == "tls" for server in self._client.servers)
        self._tls_required = by_url or bool(self._client.options.get("tls"))
        self._step = None
        self._cancelled = _NO_INFO
        self._hooks = Hooks(self._trace)
        address = (uri.hostname or "", uri.port or _DEFAULT_PORTS.get(uri.scheme, 4222))
        self.server = authority(*address)
        self._dialing = True
        self._hooks(DialTrace.get_conn, self.server)
        deadline = None if seconds is None else asyncio.get_running_loop().time() + seconds
        with _Step(self, "tcp", "the dialer did not connect in time"):
            try:
                self._stream = await foreign_dialer.dial(self._dialer, address, deadline, self._trace)
            except TypeError as error:
                if self._client.initial:
                    raise Misuse(error) from error
                raise
            self._secure = self._stream.tls_done
            self._hooks(DialTrace.got_conn, self._stream.address or self.server)

    async def _handshake_tls(self, context: ssl.SSLContext, name: str, seconds: float | None) -> None:
        if self._secure:  # by the dialer, or for wss
            return
        stream = self._open("tls")
        self._step = "tls"
        self._hooks(DialTrace.tls_handshake_start, name)
        with _Step(self, "tls", "the TLS handshake did not finish"):
            async with within(seconds):
                await upgrade(stream, context, name, first=not self._greeted)
        self._step = None
        self._secure = True
        self._hooks(DialTrace.tls_handshake_done, stream.writer.get_extra_info("ssl_object"), None)

    async def _upgrade_websocket(self, uri: ParseResult, seconds: float | None) -> None:
        from natsmon.protocol import websocket

        headers: Mapping[str, list[str]] | None = self._client.options.get("ws_connection_headers")
        self._wait_for_info()
        with _Step(self, "info", "no answer to the WebSocket upgrade"):
            async with within(seconds):
                self._stream = await websocket.upgrade(self._open("info"), uri.geturl(), headers)

    async def readline(self) -> bytes:
        """Return a line of the handshake: INFO first, then the answer to CONNECT and PING."""
        if self._greeted:
            with _Step(self, "connect", "no PONG after CONNECT"):
                return await self._answer()
        if self._step != "info":  # over WebSocket, it began with the upgrade
            self._wait_for_info()
        with _Step(self, *_NO_INFO):
            return await self._info()

    def _wait_for_info(self) -> None:
        self._step = "info"
        self._hooks(DialTrace.info_start)

    async def _info(self) -> bytes:
        body = await read_info_body(self._open("info").reader)
        info, raw = parse_info(body)
        self._greeted = True
        self._step = None
        self._hooks(DialTrace.info_done, raw, None)
        passed = {**raw}
        if self._secure:
            passed["tls_required"] = False
        elif self._tls_required:
            passed["tls_required"] = _tls_offered(info)  # nats-py would send its CONNECT in clear
        if info.connect_urls:
            passed["connect_urls"] = [url for url in info.connect_urls if _is_address(url)]
        return b"INFO " + (body if passed == raw else json.dumps(passed).encode() + b"\r\n")

    async def _answer(self) -> bytes:
        """Return ``PONG``, ``-ERR`` or an awaited ``+OK``: nats-py would take anything else for success."""
        stream = self._open("connect")
        answers = {b"PONG", b"-ERR", *([b"+OK"] if self._verbose else [])}
        verb, text = await read_answer(stream.reader, stream.writer, self._early, until=answers)
        if verb == b"-ERR":
            error = HandshakeError("connect", classify_server_error(text), text, address=self.server)
            self.failure = error  # nats-py raises its own
            self.end_dial(error)
            return f"-ERR '{text or 'without a text'}'\r\n".encode()
        if verb == b"PONG":
            self._answered = True
            self.end_dial(None)
        else:
            self._verbose = False
        return verb + b"\r\n"

    def _write_handshake(self, payload: bytes, writer: ByteWriter) -> None:
        if payload.startswith(b"CONNECT "):
            self._step = "connect"
            self._hooks(DialTrace.nats_connect_start)
            self._verbose = b'"verbose": true' in payload
            if not self._verbose:
                self._held = payload  # until PING, so that both are one packet
                return
        payload, self._held = self._held + payload, b""
        with _Step(self, "connect", ""):
            writer.write(payload)

    def end_dial(self, error: BaseException | None) -> None:
        """Call the last hooks of the dial, unless they have been called."""
        if not self._dialing:
            return
        self._dialing = False
        if self._step == "connect":
            self._hooks(DialTrace.nats_connect_done, error)
        elif self._step == "info":
            self._hooks(DialTrace.info_done, None, error)
        elif self._step == "tls":
            self._hooks(DialTrace.tls_handshake_done, None, error)
        self._hooks(DialTrace.dial_done, error)

    def fail(self, error: DialError) -> None:
        """Drop the connection for an error of a step."""
        error.address = error.address or self.server
        self.failure = error
        self.end_dial(error)
        self.drop()

    def cancelled(self, stage: Stage, late: str) -> None:
        """Drop the connection for a step that was cancelled, by nats-py's timeout or by the program."""
        self._cancelled = stage, late
        self._abort()

    def timed_out(self) -> DialError:
        """Return the error for a timeout of nats-py's, which does not name the stage."""
        stage, late = self._cancelled
        failure = DialError(stage, "timeout", late)
        self.fail(failure)
        return failure

    def unfinished(self) -> DialError | None:
        """Return what the dial in progress waited for, as an error; None between two dials."""
        stage, late = self._cancelled
        return DialError(stage, "timeout", late, address=self.server) if self._dialing else None

    def drop(self) -> None:
        """End the connection at once; what has not been written is discarded."""
        self.end_dial(asyncio.CancelledError())
        self._abort()

    def _abort(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            discard(stream.writer)

    def _open(self, stage: Stage) -> Stream:
        if self._stream is None:
            raise DialError(stage, "eof", "the connection is closed")
        return self._stream


class _Step:
    """A step until PONG: a failure is raised as a DialError, and leaves no connection open, nor does a cancel."""

    __slots__ = ("_late", "_stage", "_transport")

    def __init__(self, transport: HandshakeTransport, stage: Stage, late: str) -> None:
        self._transport = transport
        self._stage = stage
        self._late = late

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        if isinstance(error, Misuse):
            self._transport.end_dial(error.error)
        if not isinstance(error, Exception):  # cancelled, maybe by nats-py's own timeout
            self._transport.cancelled(self._stage, self._late)
            return
        failure = _as_dial_error(self._stage, error, self._late)
        self._transport.fail(failure)
        if failure is not error:
            raise failure from error


def _as_dial_error(stage: Stage, error: Exception, late: str) -> DialError:
    """Return a DialError that nats-py's loop survives: an OSError, or an error of nats-py."""
    if isinstance(error, DialError):
        survives = isinstance(error, OSError | nats.errors.Error)
        return error if survives else DialFailed(error.stage, error.cause, error.text, address=error.address)
    if isinstance(error, TimeoutError) and not error.errno:
        return DialError(stage, "timeout", printable(str(error)) or late)
    cause, text = classify(error)
    return DialError(stage, cause, printable(text), origin=error)


def _tls_offered(info: Info) -> bool:
    if not (info.tls_required or info.tls_available):
        raise DialError("tls", "tls_not_offered", "TLS is required, and the server offers none: nothing was sent")
    return True


def _is_address(url: str) -> bool:
    """Return whether nats-py can parse an advertised address; its retry loop ends silently on another."""
    try:
        parsed = urlparse(f"nats://{url}")
        return bool(parsed.hostname) and parsed.port != 0
    except ValueError:
        return False
