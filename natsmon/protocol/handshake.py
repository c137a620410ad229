"""From CONNECT to PONG: what makes a link of a stream that was dialed."""

import json
from collections.abc import Callable
from typing import Any

import nats.errors

from natsmon.config.settings import Server, Settings
from natsmon.dial.causes import classify
from natsmon.dial.errors import DialError
from natsmon.dial.stream import Stream
from natsmon.protocol import tls
from natsmon.protocol.credentials import connect_fields, refused
from natsmon.protocol.jwt_expiry import dated
from natsmon.protocol.link import Link
from natsmon.protocol.nats_client import LinkClient
from natsmon.protocol.server_info import Info
from natsmon.protocol.stream_transport import StreamTransport

_NEVER = 10**9
"""Seconds; for nats-py's own timeouts, which ours replace."""


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
    info_line = b"INFO " + json.dumps(told).encode() + b"\r\n"
    transport = StreamTransport(stream, info_line, connect_fields(settings, info.nonce), connect_sent)
    client = LinkClient(transport)
    under_tls = tls.cipher(stream) != ""
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
        client.stop()
        if transport.refused is not None:
            cause, text = transport.refused.cause, transport.refused.text
        elif isinstance(error, OSError):
            cause, text = classify(error)
        elif isinstance(error, nats.errors.Error):
            cause, text = "protocol", str(error)
        else:
            raise
        explained = _explained(cause, text, transport.our_connect, info, settings, under_tls=under_tls)
        raise DialError("connect", *explained) from error
    if transport.early_info is not None:
        client.receive_info(transport.early_info)
    return Link(client, stream, server, info, timeout=settings.timeout, js_api=_js_api(settings))


def _explained(
    cause: str, text: str, connect: dict[str, Any], info: Info, settings: Settings, *, under_tls: bool
) -> tuple[str, str]:
    """What is behind a refusal, where we know more than the server says."""
    if cause == "auth":
        return refused(connect, settings, info, text)
    if cause == "auth_expired":
        return cause, dated(connect, text)
    if cause in ("eof", "reset") and under_tls and info.tls_verify:
        # In TLS 1.3 a client is through before the server has seen its certificate, and what the server says
        # of it is mostly lost with the connection.
        if not settings.tlscert:
            return (
                "tls_client_certificate_missing",
                f"the server wants a client certificate, and none was given: {text}",
            )
        return "tls_client_certificate_refused", f"the server checks client certificates, and ended it on ours: {text}"
    return cause, text


async def _ignore(error: Exception) -> None:
    """nats-py would print a traceback under the screen."""


def _js_api(settings: Settings) -> str:
    """The subject prefix of the JetStream API; a domain has one of its own (ADR-21)."""
    if settings.js_api_prefix:
        return settings.js_api_prefix
    return f"$JS.{settings.js_domain}.API" if settings.js_domain else "$JS.API"
