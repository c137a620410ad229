"""A second look at the peer of a failed dial, where the failure alone does not show the cause.

A refused certificate is fetched again to be shown: TLS does not return it on failure. A silent peer is sent
questions. The text of a server that closed at once is read without sending anything. The monitoring port is asked for
the reason of a refusal. Each look is a short connection beside the dials, once for each server and
cause, and sends no secret.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, cast

from natsmon.config.settings import Server, Settings
from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError, classify
from natsmon.dial.stream import Stream, as_stream
from natsmon.probe.connection.dial_attempt import FailedDial, dialer_for
from natsmon.probe.inquiry import silent_peer
from natsmon.probe.inquiry.monitoring_port import MonitoringPort
from natsmon.protocol import chain_diagnosis, tls
from natsmon.protocol.certificates import presented_chain, unverified_chain
from natsmon.protocol.server_errors import classify_close_reason, classify_server_error, error_text
from natsmon.protocol.server_info import Info, read_info
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit
from natsmon.text import dates

LOOK_TIMEOUT = 4.0
"""Seconds for one look, all its connections together."""
_CERTIFICATE = (
    Cause.TLS_EXPIRED,
    Cause.TLS_NOT_YET_VALID,
    Cause.TLS_WRONG_NAME,
    Cause.TLS_WRONG_PURPOSE,
    Cause.TLS_UNKNOWN_CA,
    Cause.TLS_WEAK,
    Cause.TLS_VERIFY,
)
_UNEXPLAINED = (Cause.EOF, Cause.RESET)
_TLS_ENDS = (Cause.TLS_MISMATCH, Cause.TLS_PROTOCOL, *_UNEXPLAINED)
_WAITED = 0.4
"""Seconds without INFO after which a peer that closes has waited for something from the client, such as TLS."""


class SecondLook:
    """Looks again at the peers of failed dials, when that can explain the failure."""

    def __init__(self, settings: Settings, emit: Emit, monitor: MonitoringPort | None = None) -> None:
        self._settings = settings
        self._emit = emit
        self._monitor = monitor or MonitoringPort(settings, emit)
        self._dialer = dialer_for(settings)
        self._seen: set[tuple[str, str]] = set()
        self._looks: set[asyncio.Task[None]] = set()
        self._closed = False

    def connected(self, server: str) -> None:
        """Look again after its next failure."""
        self._seen = {seen for seen in self._seen if seen[0] != server}

    def dial_failed(self, failed: FailedDial, *, lame_duck: bool = False) -> None:
        """Look again, once for each server and cause; a server of the pool may be in lame duck mode."""
        end, info = failed.end, failed.info
        if self._closed or not self._settings.inquiries or (end.server, end.cause) in self._seen:
            return
        defect = known_defect(end.stage, end.cause, info, lame_duck=lame_duck) if info is not None else ""
        look = self._look(failed)
        if not (defect or look):
            return
        self._seen.add((end.server, end.cause))
        if defect:
            self._found(end.dial, end.cause, defect)
        if look is not None:
            task = asyncio.ensure_future(self._bounded(look))
            self._looks.add(task)
            task.add_done_callback(self._looks.discard)

    def _look(self, failed: FailedDial) -> Coroutine[Any, Any, None] | None:
        end, server, info = failed.end, failed.server, failed.info
        if end.cause in _CERTIFICATE:
            return self._certificate(end, server)
        if end.cause == Cause.TLS_CLIENT_CERTIFICATE_REFUSED:
            return self._own_certificate(end)
        if end.stage == "info" and not server.websocket:  # an upgrade is a question already
            waited = end.cause in _UNEXPLAINED and end.stages.get("info", 0.0) >= _WAITED
            return self._silence(end, server) if waited or end.cause == Cause.TIMEOUT else None
        if end.stage == "connect" and info is not None:
            if end.cause in _UNEXPLAINED:
                return self._refused(end, server, info)
            if self._settings.monitor and end.cause not in (Cause.CREDENTIALS, Cause.NKEYS_UNSUPPORTED, Cause.TIMEOUT):
                return self._reason(end, info)
        return None

    async def _bounded(self, look: Coroutine[Any, Any, None]) -> None:
        with suppress(OSError, EOFError, DialError):  # what it looked at is gone, or took too long
            async with asyncio.timeout(LOOK_TIMEOUT):
                await look

    def _found(self, dial: int, cause: str, text: str) -> None:
        self._emit(ev.DialFinding(dial=dial, cause=cause, text=text))

    def stop(self) -> None:
        self._closed = True
        for task in self._looks:
            task.cancel()

    async def finished(self) -> None:
        """Wait until no look is in progress; each has a limit."""
        while self._looks:
            await asyncio.wait(self._looks)

    # -- the looks --------------------------------------------------------------------------------

    async def _certificate(self, end: ev.DialEnd, server: Server) -> None:
        async with self._open(server) as stream:
            if not (self._settings.tlsfirst or server.websocket):
                await read_info(stream.reader)
            await self._handshake(stream, server)
            version, cipher, ders = tls.version(stream), tls.cipher(stream), presented_chain(stream)
        chain = await asyncio.to_thread(unverified_chain, ders)
        self._emit(
            ev.DialTls(
                dial=end.dial,
                version=version,
                cipher=cipher,
                server_name=tls.server_name(server, self._settings),
                chain=[ev.Certificate(**certificate._asdict()) for certificate in chain],
                trusted=False,
            )
        )
        context = await tls.prepared_context(self._settings)
        found = await asyncio.to_thread(chain_diagnosis.explain, end.cause, ders, context, self._settings.tlsca)
        if found is not None:
            self._found(end.dial, *found)

    async def _own_certificate(self, end: ev.DialEnd) -> None:
        found = await asyncio.to_thread(chain_diagnosis.explain_own, self._settings.tlscert)
        if found:
            self._found(end.dial, end.cause, found)

    async def _silence(self, end: ev.DialEnd, server: Server) -> None:
        found = await silent_peer.recognize(partial(self._open, server), server.authority)
        if found is not None:
            self._found(end.dial, *found)

    async def _refused(self, end: ev.DialEnd, server: Server, info: Info) -> None:
        """The server's text for a client that sends nothing: where it closes at once, CONNECT and -ERR cross."""
        if not server.websocket:
            async with self._open(server, under_tls=self._settings.tlsfirst) as stream:
                await read_info(stream.reader)
                received, _ = await silent_peer.receive(stream)
            if received.upper().startswith(b"-ERR"):
                text = error_text(received.partition(b"\n")[0])
                self._found(end.dial, classify_server_error(text), text)
                return
        if self._settings.monitor:
            await self._reason(end, info)

    async def _reason(self, end: ev.DialEnd, info: Info) -> None:
        """The reason that the server noted for closing the connection of this dial, and its clock."""
        row, clock_ahead = await self._monitor.closed(info.server_id, info.client_id)
        clock = dates.clock_difference(clock_ahead) if end.cause.startswith("auth") else ""
        if row is not None:
            cause = classify_close_reason(row.reason)
            # For most refusals the reason is as general as the server's text.
            if cause not in (Cause.AUTH, Cause.UNKNOWN, Cause.CLOSED) and cause != end.cause:
                text = f'the server\'s reason, from {self._monitor.url}: "{row.reason}"'
                self._found(end.dial, cause, f"{text}; {clock}" if clock else text)
                return
        if clock:
            self._found(end.dial, end.cause, clock)

    # -- its connections --------------------------------------------------------------------------

    @asynccontextmanager
    async def _open(self, server: Server, *, under_tls: bool = False) -> AsyncIterator[Stream]:
        opened = await self._dialer.dial((server.host, server.port), deadline=None, trace=None)
        stream = as_stream(opened)
        try:
            if under_tls:
                await self._handshake(stream, server)
            yield stream
        finally:
            stream.writer.transport.abort()

    async def _handshake(self, stream: Stream, server: Server) -> None:
        """Without verification: no credentials are sent over it."""
        name = tls.server_name(server, self._settings)
        try:
            await cast(asyncio.StreamWriter, stream.writer).start_tls(tls.look_context(), server_hostname=name)
        except (ssl.SSLError, EOFError) as error:
            raise DialError("tls", *classify(error)) from error


# -- defects of nats-server releases that look like a fault of the user's ------------------------------

Version = tuple[int, int, int]


def known_defect(stage: str | None, cause: str, info: Info, *, lame_duck: bool) -> str:
    """The defect of the server's version that explains a failed dial; ``lame_duck``: a server of the pool is one."""
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", info.version)
    if found is None:
        return ""
    version: Version = (int(found[1]), int(found[2]), int(found[3]))
    if cause == Cause.ACCOUNT_LIMIT and lame_duck and not _fixed(version, (2, 11, 11), (2, 12, 2)):
        # nats-server#7527
        return f"nats-server {found[0]} counts the clients of a lame duck twice (fixed in 2.11.11 and 2.12.2)"
    # nats-server#7571: behind the PROXY protocol, the first INFO has no client_ip
    proxied = version >= (2, 12, 2) and not info.client_ip
    if stage == "tls" and cause in _TLS_ENDS and proxied and not _fixed(version, (2, 12, 9), (2, 14, 1)):
        return f"nats-server {found[0]} fails TLS behind the PROXY protocol (fixed in 2.12.9 and 2.14.1)"
    return ""


def _fixed(version: Version, *fixed: Version) -> bool:
    """Whether a version is one of these releases, a later one of their lines, or later than all."""
    return version >= max(fixed) or any(version[:2] == each[:2] and version >= each for each in fixed)
