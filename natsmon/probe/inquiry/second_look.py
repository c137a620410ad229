"""A second look at the peer of a dial that failed, where the failure itself leaves open what is the matter.

A certificate that was refused is fetched once more, to be shown: TLS does not hand it over on failure. A peer
that accepted and stayed silent is asked what it is, since a server that waits for TLS, a WebSocket port and a
web server all look the same until they are spoken to. One that cut us off is listened to. Each look is a
connection of its own, beside the dials and never in their way; it is short, comes once for a server and a
cause, and sends nothing that is secret.
"""

import asyncio
import ssl
from contextlib import suppress
from typing import cast

from natsmon.config.settings import Server, Settings
from natsmon.dial.errors import DialError
from natsmon.dial.stream import CustomDialer, Stream, as_stream
from natsmon.protocol import tls
from natsmon.protocol.certificates import presented_chain, unverified_chain
from natsmon.protocol.server_errors import classify_server_error
from natsmon.protocol.server_info import read_info
from natsmon.protocol.settings_dialer import dialer_for
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

LOOK_TIMEOUT = 2.0
"""Seconds for one look, all its connections together."""
_ANSWER_TIMEOUT = 0.6
"""Seconds for one question in it."""
_LONGEST_ANSWER = 16 * 1024
_CERTIFICATE = ("tls_expired", "tls_not_yet_valid", "tls_wrong_name", "tls_unknown_ca", "tls_verify")


class SecondLook:
    """Looks again at the peers of failed dials, when that can explain the failure."""

    def __init__(self, settings: Settings, emit: Emit, *, dialer: CustomDialer | None = None) -> None:
        self._settings = settings
        self._emit = emit
        self._dialer = dialer or dialer_for(settings)
        self._seen: set[tuple[str, str]] = set()
        self._looks: set[asyncio.Task[None]] = set()
        self._closed = False

    def connected(self, server: str) -> None:
        """Its next failure is news again."""
        self._seen = {seen for seen in self._seen if seen[0] != server}

    def dial_failed(self, end: ev.DialEnd, server: Server) -> None:
        """Look again, once for each server and cause."""
        if self._closed or (end.server, end.cause) in self._seen:
            return
        if not self._settings.inquiries:
            return
        if end.cause in _CERTIFICATE:
            look = self._certificate(end.dial, server)
        elif server.websocket:  # it was asked already
            return
        elif (end.stage, end.cause) == ("info", "timeout"):
            look = self._silence(end.dial, server)
        elif end.stage == "connect" and end.cause in ("reset", "eof"):
            look = self._last_words(end.dial, server)
        else:
            return
        self._seen.add((end.server, end.cause))
        task = asyncio.ensure_future(look)
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)

    def stop(self) -> None:
        """Look no more."""
        self._closed = True
        for task in self._looks:
            task.cancel()

    async def finished(self) -> None:
        """Until nothing is under way, which a look never is for long."""
        while self._looks:
            await asyncio.wait(self._looks)

    async def _certificate(self, dial: int, server: Server) -> None:
        with suppress(OSError, DialError):  # what it looked at is gone
            async with asyncio.timeout(LOOK_TIMEOUT):
                stream = await self._dial(server)
                try:
                    if not (self._settings.tlsfirst or server.websocket):
                        await read_info(stream.reader)
                    await self._handshake(stream, server)
                    version, cipher, ders = tls.version(stream), tls.cipher(stream), presented_chain(stream)
                finally:
                    _drop(stream)
                chain = await asyncio.to_thread(unverified_chain, ders)
            self._emit(
                ev.DialTls(
                    dial=dial,
                    version=version,
                    cipher=cipher,
                    server_name=self._name(server),
                    chain=[ev.Certificate(**certificate._asdict()) for certificate in chain],
                    trusted=False,
                )
            )

    async def _silence(self, dial: int, server: Server) -> None:
        with suppress(OSError, DialError):
            async with asyncio.timeout(LOOK_TIMEOUT):
                found = await self._ask(server, under_tls=True) or await self._ask(server, under_tls=False)
            if found is not None:
                cause, text = found
                self._emit(ev.DialFinding(dial=dial, cause=cause, text=text))

    async def _last_words(self, dial: int, server: Server) -> None:
        """What the server says to somebody who is silent: on a full one, CONNECT and the refusal cross and are lost."""
        with suppress(OSError, DialError):
            async with asyncio.timeout(LOOK_TIMEOUT):
                stream = await self._dial(server)
                try:
                    if self._settings.tlsfirst:
                        await self._handshake(stream, server)
                    await read_info(stream.reader)
                    said = (await _heard(stream)).decode(errors="replace")
                finally:
                    _drop(stream)
            if said.upper().startswith("-ERR"):
                text = said[4:].partition("\n")[0].strip().strip("'")
                self._emit(ev.DialFinding(dial=dial, cause=classify_server_error(text), text=text))

    async def _ask(self, server: Server, *, under_tls: bool) -> tuple[str, str] | None:
        """What the peer turns out to be, spoken to in TLS or in clear; None when it does not answer to that."""
        stream = await self._dial(server)
        try:
            if under_tls:
                try:
                    async with asyncio.timeout(_ANSWER_TIMEOUT):
                        await self._handshake(stream, server)
                except (OSError, DialError):
                    return None
            opening = await _heard(stream)
            if opening.startswith(b"INFO "):
                return ("tls_first_wanted", "it said INFO as soon as it was under TLS") if under_tls else None
            if not opening:
                stream.writer.write(f"GET / HTTP/1.0\r\nHost: {server.authority}\r\n\r\n".encode())
                opening = await _heard(stream)
        finally:
            _drop(stream)
        return _recognized(opening, under_tls)

    async def _dial(self, server: Server) -> Stream:
        return as_stream(await self._dialer.dial((server.host, server.port), deadline=None, trace=None))

    async def _handshake(self, stream: Stream, server: Server) -> None:
        context = tls.look_context()
        try:
            await cast(asyncio.StreamWriter, stream.writer).start_tls(context, server_hostname=self._name(server))
        except (ssl.SSLError, EOFError) as error:
            raise DialError("tls", "tls_protocol", str(error)) from error

    def _name(self, server: Server) -> str:
        return tls.server_name(server, self._settings)


def _recognized(answer: bytes, under_tls: bool) -> tuple[str, str] | None:
    """What a peer is, from its answer to a web browser's question."""
    where = " under TLS" if under_tls else ""
    if answer.startswith(b"HTTP/"):
        if b"sec-websocket-version" in answer.lower():
            return "websocket_port", f"it answers as a WebSocket port does{where}"
        if b"/varz" in answer or b"NATS" in answer:
            return "monitoring_port", f"it answers as the monitoring port of a NATS server does{where}"
        return "http", f"it speaks HTTP{where}"
    if answer:
        said = answer[:60].decode(errors="backslashreplace").splitlines()[0]
        return "protocol", f"spoken to, it said {said!r}{where}"
    return ("tls_silent", "it takes a TLS handshake, and stays silent after it") if under_tls else None


async def _heard(stream: Stream) -> bytes:
    """What comes within a moment; empty when nothing does."""
    said = b""
    with suppress(OSError, DialError):
        async with asyncio.timeout(_ANSWER_TIMEOUT):
            while len(said) < _LONGEST_ANSWER and (more := await stream.reader.read(_LONGEST_ANSWER)):
                said += more
                if said.startswith(b"INFO "):
                    break
    return said


def _drop(stream: Stream) -> None:
    stream.writer.transport.abort()
