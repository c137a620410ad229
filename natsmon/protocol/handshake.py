"""From CONNECT to PONG on a dialed stream."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import nats.errors

from natsmon.config.settings import Server, Settings
from natsmon.dial.causes import Cause
from natsmon.dial.error_causes import classify
from natsmon.dial.errors import DialError
from natsmon.dial.stream import Stream
from natsmon.protocol import tls
from natsmon.protocol.credentials import Refusal, connect_fields, refused
from natsmon.protocol.jwt_claims import dated
from natsmon.protocol.nats_client import StreamClient
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.server_info import Info
from natsmon.protocol.stream_transport import StreamTransport
from natsmon.text import units

_NEVER = 10**9
"""Seconds; for nats-py's own timeouts, which the dial's deadline replaces."""


async def open_connection(
    stream: Stream,
    server: Server,
    info: Info,
    raw: dict[str, Any],
    settings: Settings,
    connect_sent: Callable[[dict[str, Any]], None],
    *,
    round_trip: float = 0.0,
) -> ServerConnection:
    """Send CONNECT on a dialed stream and wait for PONG.

    The caller owns the stream until this returns, and limits the time it takes.

    Args:
        stream: Under TLS where it should be; INFO has been read.
        server: What was dialed.
        info: The server's INFO.
        raw: INFO as it was received.
        settings: With the credentials.
        connect_sent: Called with CONNECT as it was sent, secrets included.
        round_trip: Seconds of a round trip to the server; 0 when not measured.

    Raises:
        DialError: In the stage ``connect``.
    """
    # nats-py would fill a pool of its own from the first, and start TLS once more for the second.
    kept = {name: value for name, value in raw.items() if name not in ("connect_urls", "tls_required")}
    info_line = b"INFO " + msgspec.json.encode(kept) + b"\r\n"
    sent_at = 0.0

    def sent(connect: dict[str, Any]) -> None:
        nonlocal sent_at
        sent_at = time.monotonic()
        connect_sent(connect)

    transport = StreamTransport(stream, info_line, connect_fields(settings, info.nonce), sent)
    client = StreamClient(transport)
    try:
        await client.connect(
            f"nats://{server.authority}" if server.websocket else server.url,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            connect_timeout=_NEVER,
            drain_timeout=_NEVER,
            name=settings.name or None,
            inbox_prefix=settings.inbox_prefix,
            error_cb=_ignore,
        )
    except BaseException as error:
        seconds = time.monotonic() - sent_at if sent_at else 0.0
        under_tls = tls.cipher(stream) != ""
        client.stop()
        if transport.refused is not None:
            cause, text = transport.refused.cause, transport.refused.text
        elif isinstance(error, OSError):
            cause, text = classify(error)
        elif isinstance(error, nats.errors.Error):
            cause, text = Cause.PROTOCOL, str(error)
        else:
            raise
        refusal = Refusal(text, transport.our_connect, info, server.websocket, seconds, round_trip)
        raise DialError("connect", *_explained(cause, refusal, settings, under_tls=under_tls)) from error
    if transport.early_info is not None:
        client.receive_info(transport.early_info)
    return ServerConnection(client, stream, server, info, timeout=settings.timeout, js_api=_js_api(settings))


def _explained(cause: Cause, refusal: Refusal, settings: Settings, *, under_tls: bool) -> tuple[Cause, str]:
    """The cause and the evidence, where more is known than the server's text."""
    text = refusal.text
    match cause:
        case Cause.AUTH:
            return refused(refusal, settings)
        case Cause.AUTH_EXPIRED:
            return cause, dated(refusal.connect, text)
        case Cause.AUTH_TIMEOUT:
            return cause, f"{text} after {units.elapsed(refusal.seconds)}"
        case Cause.CONTROL_LINE:
            return cause, f"{text}: CONNECT has {len(msgspec.json.encode(refusal.connect)) / 1024:.1f} KiB"
        case Cause.EOF | Cause.RESET if under_tls and refusal.info.tls_verify:
            # In TLS 1.3 the client's handshake ends before the server has seen its certificate, and the server's
            # alert is often lost with the connection.
            given = bool(settings.tlscert)
            cause = Cause.TLS_CLIENT_CERTIFICATE_REFUSED if given else Cause.TLS_CLIENT_CERTIFICATE_MISSING
            return cause, f"closed right after the TLS handshake: {text}"
    return cause, text


async def _ignore(error: Exception) -> None:
    """nats-py would print a traceback under the screen."""


def _js_api(settings: Settings) -> str:
    """The subject prefix of the JetStream API; a domain has one of its own (ADR-21)."""
    if settings.js_api_prefix:
        return settings.js_api_prefix
    return f"$JS.{settings.js_domain}.API" if settings.js_domain else "$JS.API"
