"""Recognises a peer that accepted and sent no INFO, by questions without a secret, each over its own connection.

A server that waits for TLS, a WebSocket or MQTT port, a web server and a proxy that waits for the client are silent
alike.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress

from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError, classify
from natsmon.dial.stream import Stream
from natsmon.text.plain_text import excerpt

Finding = tuple[Cause, str]
Open = Callable[..., AbstractAsyncContextManager[Stream]]
"""Opens a stream; with ``under_tls=True`` under TLS."""

ANSWER_TIMEOUT = 0.6
"""Seconds for one answer."""
_LONGEST_ANSWER = 16 * 1024
_PING = b"PING\r\n"
_MQTT_CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x00\x00\x00"
"""MQTT 3.1.1: a clean session of a client without a name."""
_MQTT_CONNACK = b"\x20\x02"


async def recognize(connect: Open, authority: str) -> Finding | None:
    """Return what the peer is; None when it answers nothing. ``authority`` is host and port, for HTTP."""
    answer, closed = await _ask(connect, _PING)
    if answer.startswith(b"INFO "):
        return Cause.CLIENT_FIRST, "it sent INFO after it was sent a PING"
    if answer and not answer.startswith((b"HTTP/", b"<")):  # some web servers answer a bad request in HTML alone
        return _recognized(answer, "")
    question = f"GET / HTTP/1.0\r\nHost: {authority}\r\n\r\n".encode()
    try:
        async with asyncio.timeout(3 * ANSWER_TIMEOUT), connect(under_tls=True) as stream:
            opening, _ = await receive(stream)
            if opening.startswith(b"INFO "):
                return Cause.TLS_FIRST_WANTED, "it sent INFO as soon as it was under TLS"
            if not opening:
                stream.writer.write(question)
                opening, _ = await receive(stream)
            if opening:
                return _recognized(opening, " under TLS")
            return Cause.TLS_SILENT, "it completes a TLS handshake and then sends nothing"
    except (OSError, DialError) as error:
        if classify(error)[0] == Cause.TLS_CLIENT_CERTIFICATE_MISSING:
            return Cause.TLS_FIRST_WANTED, "it requires a client certificate under TLS; ports for other servers do, too"
    with suppress(OSError, DialError):
        if found := _recognized((await _ask(connect, question))[0], ""):
            return found
    if answer or not closed:
        return None
    with suppress(OSError, DialError):
        if (await _ask(connect, _MQTT_CONNECT))[0].startswith(_MQTT_CONNACK):
            return Cause.PROTOCOL, "it answers as an MQTT port does"
    return Cause.EOF, "it closed the connection once it was sent a PING"


async def _ask(connect: Open, question: bytes) -> tuple[bytes, bool]:
    """The answer, and whether the peer closed the connection."""
    async with connect() as stream:
        stream.writer.write(question)
        return await receive(stream)


async def receive(stream: Stream) -> tuple[bytes, bool]:
    """Return what arrives within a moment, and whether the stream ended. Raises SSLError where TLS failed first."""
    received = b""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            while len(received) < _LONGEST_ANSWER and (more := await stream.reader.read(_LONGEST_ANSWER)):
                received += more
                if received.startswith(b"INFO "):
                    return received, False
    except TimeoutError:
        return received, False
    except (OSError, DialError) as error:
        if isinstance(error, ssl.SSLError) and not received:
            raise
    return received, True


def _recognized(answer: bytes, where: str) -> Finding | None:
    if answer.startswith(b"HTTP/"):
        if b"sec-websocket-version" in answer.lower():
            return Cause.WEBSOCKET_PORT, f"it answers as a WebSocket port does{where}"
        if b"/varz" in answer or b"NATS" in answer:
            return Cause.MONITORING_PORT, f"it answers as the monitoring port of a NATS server does{where}"
        return Cause.HTTP, f"it answers in HTTP{where}"
    if answer:
        return Cause.PROTOCOL, f"it answered {excerpt(answer)}{where}"
    return None
