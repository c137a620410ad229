"""The TLS handshake on an open stream."""

import asyncio
import ssl

from natsmon.dial.causes import DialError, classify
from natsmon.dial.deadline import within
from natsmon.dial.dialer import Stream


async def upgrade(stream: Stream, context: ssl.SSLContext, server_name: str, *, first: bool) -> None:
    """Put a stream under TLS. Raises DialError in the stage ``tls`` with what was wrong with the handshake.

    What came in clear before it is not believed afterwards: anybody on the way could have put it there.
    ``first`` says that nothing should have come at all.
    """
    # What comes from here on, the TLS layer is the first to see.
    stream.writer.transport.pause_reading()  # type: ignore[attr-defined]
    if await _spoken(stream.reader):
        if first:
            raise DialError("tls", "tls_first_mismatch", "the server spoke before the TLS handshake: not TLS-first")
        raise DialError("tls", "protocol", "more than INFO came in clear before the TLS handshake")
    try:
        await stream.writer.start_tls(context, server_hostname=server_name, ssl_handshake_timeout=_NEVER)
    except (ConnectionResetError, BrokenPipeError, EOFError) as error:
        raise DialError("tls", "tls_mismatch", "the server ended the connection in the TLS handshake") from error
    except OSError as error:  # ssl.SSLError is one
        cause, text = classify(error)
        if first and cause == "tls_mismatch":
            cause, text = "tls_first_mismatch", "the server spoke before the TLS handshake: not TLS-first"
        raise DialError("tls", cause, text) from error


async def _spoken(reader: asyncio.StreamReader) -> bool:
    """True when bytes have come that nobody has read. What is there is given without waiting."""
    try:
        async with within(0):
            return bool(await reader.read(1))
    except TimeoutError:
        return False


_NEVER = 10.0**6
"""Seconds; the deadline of the dial is what bounds a handshake."""
