"""The peer's answer to the upgrade to a WebSocket: accepted, or the cause of its refusal."""

import asyncio
import re
from urllib.parse import SplitResult, urljoin, urlsplit

from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError
from natsmon.protocol.server_info import HandshakeError, begins_tls, rest_of_greeting
from natsmon.text.plain_text import clip, excerpt, printable


async def read_answer(reader: asyncio.StreamReader, url: str) -> bytes:
    """Read the header of an answer that accepts the upgrade, and no further.

    Raises:
        DialError: The peer refuses the upgrade, or sends something else.
    """
    try:
        opening = await reader.readexactly(5)
        if opening != b"HTTP/":
            raise await _not_http(opening, reader)
        head = opening + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        raise DialError("info", "eof", "closed during the WebSocket upgrade") from error
    except asyncio.LimitOverrunError as error:
        raise HandshakeError("info", "ws_bad", "the answer to the WebSocket upgrade does not end") from error
    found = re.match(rb"HTTP/1\.\d (\d{3})(?: ([^\r\n]*))?\r\n", head)
    if found is None:
        raise HandshakeError("info", "ws_bad", f"the answer to the WebSocket upgrade is invalid: {excerpt(head)}")
    if found[1] != b"101":
        raise _refused(int(found[1]), found[2] or b"", head, await rest_of_greeting(reader), url)
    return head


_BY_STATUS = {
    **dict.fromkeys((301, 302, 303, 307, 308), Cause.WS_REDIRECT),
    **dict.fromkeys((401, 407), Cause.WS_CREDENTIALS),
    **dict.fromkeys((404, 410), Cause.WS_PATH),
    **dict.fromkeys((502, 503, 504), Cause.WS_NO_SERVER),
    **dict.fromkeys(range(520, 528), Cause.WS_NO_SERVER),  # Cloudflare's
    403: Cause.WS_ORIGIN,
    429: Cause.WS_BUSY,
}
"""Causes by status code (RFC 9110, 15)."""
_DETAIL = {
    Cause.WS_CREDENTIALS: rb"(?:www|proxy)-authenticate",
    Cause.WS_BUSY: rb"retry-after",
    Cause.WS_NO_SERVER: rb"retry-after",
}
"""The header with a detail, by cause."""


def _refused(status: int, phrase: bytes, head: bytes, body: bytes, url: str) -> DialError:
    words = printable(clip(f"{status} {phrase.decode(errors='replace')}".strip()))
    text = f"the peer answered the WebSocket upgrade with {words}"
    if status == 400 and b"https" in body.lower():  # in the text of Go, and of nginx
        return HandshakeError("info", Cause.WS_TLS, f"{text}: it requires TLS")
    if b"/varz" in body:
        return HandshakeError("info", Cause.MONITORING_PORT, f"{text}, as the monitoring port of a NATS server does")
    cause = _BY_STATUS.get(status, Cause.WS_UPGRADE)
    if cause is Cause.WS_REDIRECT:
        location = _header(head, rb"location").partition(": ")[2]
        if not location:
            return HandshakeError("info", Cause.WS_UPGRADE, f"{text}: a redirect that names no address")
        there = urlsplit(urljoin(url, location))
        # Another path is mostly a login page.
        use = f"; use {_websocket_url(there)}" if there.path.rstrip("/") == urlsplit(url).path.rstrip("/") else ""
        return HandshakeError("info", cause, f"{text}: it redirects to {location}{use}")
    if (name := _DETAIL.get(cause)) and (detail := _header(head, name)):
        text += f", {detail}"
    return HandshakeError("info", cause, text)


def _header(head: bytes, name: bytes) -> str:
    """A header with its name, safe to print; empty without it."""
    found = re.search(rb"\r\n(" + name + rb"): *([^\r\n]*)", head, re.IGNORECASE)
    if found is None:
        return ""
    return f"{found[1].decode()}: {printable(clip(found[2].decode(errors='replace').strip()))}"


def _websocket_url(url: SplitResult) -> str:
    """The URL to dial instead of one for a browser."""
    return url._replace(scheme={"http": "ws", "https": "wss"}.get(url.scheme, url.scheme)).geturl()


async def _not_http(opening: bytes, reader: asyncio.StreamReader) -> DialError:
    if opening.upper() in (b"INFO ", b"INFO\t"):
        return HandshakeError("info", "ws_nats_port", "the server sent INFO instead of the answer to the upgrade")
    if begins_tls(opening):
        return HandshakeError("info", "ws_tls", "the peer answered the WebSocket upgrade in TLS")
    sent = excerpt(opening + await rest_of_greeting(reader))
    return HandshakeError("info", "ws_bad", f"the peer does not speak HTTP: it sent {sent}")
