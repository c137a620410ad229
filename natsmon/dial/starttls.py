"""The TLS handshake on an open stream."""

import asyncio
import ssl
from contextlib import suppress
from typing import Any

from natsmon.dial.causes import Cause
from natsmon.dial.deadline import within
from natsmon.dial.errors import DialError, classify
from natsmon.dial.socket_stream import complete_under_tls
from natsmon.dial.stream import ByteReader, Stream

_NOT_POSSIBLE = "TLS is not possible on this stream; its dialer can do it (tls_done)"
_NEVER = 10.0**6
"""Seconds; the deadline of the dial limits the handshake."""


async def upgrade(stream: Stream, context: ssl.SSLContext, server_name: str, *, first: bool) -> None:
    """Put a stream under TLS; nothing else may read from it. Raises DialError in the stage ``tls``.

    Plaintext received before the handshake is an error: an attacker on the way can insert it.

    Args:
        stream: Over an asyncio transport.
        context: The client's.
        server_name: Sent as SNI, and verified.
        first: No plaintext may have been received at all (TLS first); False allows INFO, which is read already.
    """
    start_tls = getattr(stream.writer, "start_tls", None)
    pause = getattr(stream.writer.transport, "pause_reading", None)
    if start_tls is None or pause is None:
        raise DialError("tls", "tls_protocol", _NOT_POSSIBLE)
    below: Any = stream.writer.transport
    pause()  # the TLS layer reads what arrives from here on
    if await _has_input(stream.reader):
        if first:
            raise DialError("tls", "tls_first_mismatch", "the peer sent data before the TLS handshake: not TLS-first")
        raise DialError("tls", "protocol", "more than INFO arrived in clear before the TLS handshake")
    try:
        await start_tls(context, server_hostname=server_name, ssl_handshake_timeout=_NEVER)
    except TypeError as error:  # of asyncio, for a transport that is not over a socket, as in a gateway's WebSocket
        raise DialError("tls", "tls_protocol", _NOT_POSSIBLE) from error
    except (ConnectionResetError, BrokenPipeError, EOFError) as error:
        text = "the peer closed the connection in the TLS handshake"
        raise DialError("tls", "tls_mismatch", text, origin=error) from error
    except OSError as error:  # ssl.SSLError is one
        cause, text = classify(error)
        if first and cause == "tls_mismatch":
            cause, text = Cause.TLS_FIRST_MISMATCH, "the peer sent data before the TLS handshake: not TLS-first"
        raise DialError("tls", cause, text, origin=error) from error
    if hasattr(below, "set_protocol"):
        complete_under_tls(below, stream.writer.transport)


async def _has_input(reader: ByteReader) -> bool:
    """Return whether unread bytes have arrived; does not wait."""
    if isinstance(reader, asyncio.StreamReader):  # one step, which ends where it would wait: no turn of the loop
        reading = reader.read(1)
        try:
            reading.send(None)
        except StopIteration as read:
            return bool(read.value)
        reading.close()
        return False
    with suppress(TimeoutError):
        async with within(0):
            return bool(await reader.read(1))
    return False
