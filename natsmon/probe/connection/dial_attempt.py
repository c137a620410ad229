"""One attempt: from the name of a server to PONG, under one deadline, with an event for each stage."""

import asyncio
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import NamedTuple

import msgspec

from natsmon.config.settings import Server, Settings
from natsmon.dial import foreign_dialer
from natsmon.dial.causes import Cause
from natsmon.dial.command_dialer import CommandDialer
from natsmon.dial.dialer import Dialer
from natsmon.dial.errors import DialError, classify
from natsmon.dial.proxies import HttpConnectDialer, SocksDialer
from natsmon.dial.resolver import authority
from natsmon.dial.stream import CustomDialer, Stream
from natsmon.dial.unix_dialer import UnixDialer
from natsmon.probe.connection.dial_stages import Stages, explained
from natsmon.protocol import tls
from natsmon.protocol.handshake import open_connection
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.server_info import Info, check_port, read_info
from natsmon.stream import events as ev
from natsmon.stream.codec import bounded_mapping
from natsmon.stream.emitter import Emit


class FailedDial(NamedTuple):
    end: ev.DialEnd
    server: Server
    info: Info | None
    """None where it was not received."""


def dialer_for(settings: Settings) -> CustomDialer:
    """Return what opens the streams, also of discovered servers and inquiries: a command, a socket, a proxy, or TCP."""
    if settings.dial_command:
        return CommandDialer(settings.dial_command)
    if settings.unix:
        return UnixDialer(settings.unix)
    if (proxy := settings.proxy) is None:
        return Dialer()
    kind = SocksDialer if proxy.scheme.startswith("socks") else HttpConnectDialer
    user = proxy.user.reveal() if proxy.user is not None else None
    password = proxy.password.reveal() if proxy.password is not None else None
    return kind((proxy.host, proxy.port), user=user, password=password)


class DialAttempts:
    """Dials the servers of one pool.

    TLS is sticky: once a server of the pool has demanded TLS, none gets credentials in clear (as in nats.c). Otherwise
    an attacker who can reset a connection gets them sent to a server without TLS: at the old address, or at an
    advertised one. Only a completed handshake counts, so that an INFO in clear cannot lock out a pool.
    """

    def __init__(self, settings: Settings, emit: Emit, dialer: CustomDialer | None = None) -> None:
        self._settings = settings
        self._emit = emit
        self._dialer = dialer or dialer_for(settings)
        self._tls_demanded_by = ""

    async def make(
        self,
        server: Server,
        *,
        dial: int = 1,
        attempt: int = 1,
        pool_pass: int = 1,
        reason: ev.DialReason = "initial",
        discovered: bool = False,
    ) -> ServerConnection | FailedDial:
        """Dial one server; leaves nothing open when cancelled."""
        settings, emit = self._settings, self._emit
        stages = Stages(dial, settings, emit)
        if server.websocket:
            with suppress(ImportError):  # the dial fails with that
                import natsmon.protocol.websocket  # noqa: F401 - takes longer than a dial, so before it is timed
        began = emit(
            ev.DialStart(
                dial=dial,
                attempt=attempt,
                pool_pass=pool_pass,
                server=server.url,
                reason=reason,
                discovered=discovered,
                timeout=settings.connect_timeout,
                proxy=str(settings.proxy or ""),
            )
        )

        def end(outcome: ev.DialOutcome, cause: str = "", text: str = "", stage: ev.Stage | None = None) -> FailedDial:
            stage = stage or stages.reached
            stages.end(outcome, cause, text, stage)
            now = emit.now()
            ended = ev.DialEnd(
                dial=dial,
                outcome=outcome,
                stage=stage,
                cause=cause,
                text=text,
                total=round(now - began, 6),
                stages=stages.seconds,
                server=server.url,
            )
            emit(ended, at=now)
            if outcome != "cancelled":
                stages.emit_tls()
            return FailedDial(ended, server, stages.info)

        try:
            async with asyncio.timeout(settings.connect_timeout) as limit:
                if discovered and _is_unspecified(server.host):
                    raise DialError("dns", Cause.ADVERTISED_ADDRESS, f"{server.host} is not an address to dial")
                connection = await self._dial_to_pong(server, stages, limit.when())
        except asyncio.CancelledError:
            end("cancelled", "cancelled")
            raise
        except TimeoutError:
            if settings.proxy is not None and stages.reached in ("dns", "tcp"):
                silence = "accepted and does not answer" if "tcp" in stages.seconds else _SILENT[stages.reached]
                proxy = authority(settings.proxy.host, settings.proxy.port)
                return end("timeout", Cause.PROXY, f"proxy {proxy}: {silence}")
            return end("timeout", "timeout", stages.silence or _SILENT.get(stages.reached or "dns", ""))
        except DialError as error:
            return end("timeout" if error.cause == "timeout" else "failed", *explained(error), error.stage)
        except Exception as error:
            # Whatever a custom dialer raises ends its attempt only.
            return end("failed", *classify(error))
        end("connected")
        return connection

    async def _dial_to_pong(self, server: Server, stages: Stages, deadline: float | None) -> ServerConnection:
        settings = self._settings
        stream = await foreign_dialer.dial(self._dialer, (server.host, server.port), deadline, stages)
        try:
            if settings.tlsfirst or (server.websocket and tls.wanted(server, settings)):
                await self._secure(stream, server, stages, asks=True)
            with stages.stage("info"):
                if server.websocket:
                    stages.silence = "no answer to the WebSocket upgrade"
                    stream = await self._upgrade(stream, server)
                    stages.silence = ""
                info, raw = await read_info(stream.reader)
                stages.info = info
                shown, omitted = bounded_mapping(raw)
                stages.emit(ev.DialInfo(dial=stages.dial, info=shown, omitted=omitted))
                check_port(raw)
            if not (settings.tlsfirst or server.websocket) and self._needs_tls(server, info):
                await self._secure(stream, server, stages, asks=info.tls_verify)
            if stages.agreed is not None and (info.tls_required or settings.tlsfirst or server.websocket):
                self._tls_demanded_by = self._tls_demanded_by or server.url
            elif stages.agreed is None and not stream.tls_done:
                self._check_clear(server)
            sent, round_trip = partial(stages.connect_sent, info), stages.seconds.get("tcp", 0.0)
            with stages.stage("connect"):
                return await open_connection(stream, server, info, settings, sent, round_trip=round_trip)
        except BaseException:
            stream.writer.transport.abort()
            raise

    def _needs_tls(self, server: Server, info: Info) -> bool:
        """By the server's demand or by the user's (ADR-40); nothing leaves in clear where the user asked for TLS."""
        if not tls.wanted(server, self._settings):
            return info.tls_required
        if not (info.tls_required or info.tls_available):
            raise DialError("tls", "tls_not_offered", "TLS was asked for, and the server offers none: nothing was sent")
        return True

    def _check_clear(self, server: Server) -> None:
        """Raise DialError (``tls_downgrade``), and send no credentials in clear, once a server demanded TLS."""
        settings = self._settings
        credentials = (settings.user, settings.token, settings.jwt, settings.creds, settings.nkey)
        if self._tls_demanded_by and any(credentials) and not settings.mixed_tls:
            text = f"{self._tls_demanded_by} required TLS and {server.url} does not: no credentials were sent in clear"
            raise DialError("tls", Cause.TLS_DOWNGRADE, text)

    async def _upgrade(self, stream: Stream, server: Server) -> Stream:
        try:
            from natsmon.protocol import websocket
        except ImportError as error:
            raise DialError("info", "ws_missing", "the package websockets is not installed") from error
        # By name, as for TLS: a proxy may route by it.
        named = msgspec.structs.replace(server, host=server.tls_name or server.host)
        headers = {name: value.reveal() for name, value in self._settings.ws_headers}
        if self._settings.ws_origin:
            headers["Origin"] = self._settings.ws_origin
        return await websocket.upgrade(stream, named.request_url, headers)

    async def _secure(self, stream: Stream, server: Server, stages: Stages, *, asks: bool) -> None:
        """Put the stream under TLS; ``asks``: the server may ask for a client certificate."""
        settings = self._settings
        name = tls.server_name(server, settings)
        try:
            context = await tls.prepared_context(settings)
        except OSError as error:  # ssl.SSLError is one
            raise DialError("tls", Cause.TLS_FILES, str(error)) from error
        with stages.stage("tls"):
            try:
                await tls.upgrade(stream, context, name, first=settings.tlsfirst or server.websocket)
            except DialError as error:
                if error.cause == "tls_first_mismatch" and server.websocket:
                    raise DialError("tls", "ws_no_tls", "the peer does not speak TLS there") from error
                missed = error.cause == "tls_client_certificate_refused" or (error.cause == "tls_refused" and asks)
                if missed and not settings.tlscert:
                    raise DialError("tls", "tls_client_certificate_missing", error.text) from error
                raise
        stages.agreed = tls.agreement(stream, name)


_SILENT = {
    "dns": "no answer to the lookup",
    "tcp": "no answer to the TCP connect",
    "tls": "the TLS handshake did not finish",
    "info": "the peer accepted and sent no INFO",
    "connect": "no PONG after CONNECT",
}


def _is_unspecified(host: str) -> bool:
    """Whether a host is 0.0.0.0 or ::, to which Linux connects as to itself."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
