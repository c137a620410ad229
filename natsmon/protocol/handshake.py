"""From CONNECT to PONG on a dialed stream."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
import nats.aio.client

from natsmon.config.settings import Server, Settings
from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError, classify
from natsmon.dial.stream import Stream
from natsmon.protocol.credentials import connect_fields, refused
from natsmon.protocol.jwt_claims import dated
from natsmon.protocol.server_connection import ServerConnection
from natsmon.protocol.server_info import Info
from natsmon.text import units

_LIBRARY = {
    "verbose": False,
    "pedantic": False,
    "lang": nats.aio.client.__lang__,
    "version": nats.aio.client.__version__,
    "protocol": nats.aio.client.PROTOCOL,
    "echo": True,
}
"""The fields of CONNECT that are the same for every server; nats-py's, whose parser is used."""


async def open_connection(
    stream: Stream,
    server: Server,
    info: Info,
    settings: Settings,
    connect_sent: Callable[[dict[str, Any]], None],
    *,
    round_trip: float = 0.0,
) -> ServerConnection:
    """Send CONNECT on a dialed stream and wait for PONG. Raises DialError in the stage ``connect``.

    The caller owns the stream, which is under TLS where it should be, until this returns, and limits the time it takes.
    ``connect_sent`` is called with CONNECT as it was sent, secrets included; ``round_trip`` is seconds of one to the
    server, 0 when not measured.
    """
    connect = _LIBRARY | {"headers": info.headers, "no_responders": info.headers}
    if settings.name:
        connect["name"] = settings.name
    connect |= connect_fields(settings, info.nonce)
    connection = ServerConnection(stream, server, info, settings)
    try:
        await connection.handshake(connect, connect_sent)
    except (DialError, OSError) as error:
        raise DialError("connect", *_explained(error, connection, settings, round_trip)) from error
    return connection


def _explained(
    error: Exception, connection: ServerConnection, settings: Settings, round_trip: float
) -> tuple[Cause, str]:
    """The cause and the evidence, where more is known than the server's text."""
    seconds = time.monotonic() - connection.last_write
    cause, text = classify(error)
    text = connection.redact(text)
    match cause:
        case Cause.AUTH:
            return refused(connection, text, settings, seconds=seconds, round_trip=round_trip)
        case Cause.AUTH_EXPIRED:
            return cause, dated(connection.connect, text)
        case Cause.AUTH_TIMEOUT:
            return cause, f"{text} after {units.elapsed(seconds)}"
        case Cause.CONTROL_LINE:
            return cause, f"{text}: CONNECT has {units.size(len(msgspec.json.encode(connection.connect)))}"
        case Cause.EOF | Cause.RESET if connection.tls and connection.info.tls_verify:
            # In TLS 1.3 the client's handshake ends before the server has seen its certificate, and the server's
            # alert is often lost with the connection.
            given = bool(settings.tlscert)
            cause = Cause.TLS_CLIENT_CERTIFICATE_REFUSED if given else Cause.TLS_CLIENT_CERTIFICATE_MISSING
            return cause, f"closed right after the TLS handshake: {text}"
    return cause, text
