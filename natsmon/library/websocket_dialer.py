"""NATS inside the WebSocket of a gateway that passes bytes on to a server."""

import re
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from urllib.parse import quote, urlsplit

from natsmon.dial.arguments import check, check_tls
from natsmon.dial.proxies import ProxyDialer
from natsmon.dial.stream import CustomDialer, Stream

_URL = re.compile(r"wss?://[^\s#{}/?]+([/?][^\s#]*)?", re.IGNORECASE)


class WebSocketDialer(ProxyDialer):
    """Opens a WebSocket (RFC 6455) to a gateway for each connection; NATS goes through it as bytes.

    TLS is with the gateway, by ``wss://``; TLS with the server is not possible inside it. Its errors name the gateway
    as a proxy on the way (``proxy``, ``hop``).

    Not for a server's own WebSocket port, which has ``ws://`` and ``wss://`` URLs. Needs the extra ``ws``.

    Args:
        url: Of the gateway, ``ws://`` or ``wss://``; ``{host}`` and ``{port}`` are those of the server.
        headers: Additional header fields of the request: a token, a tenant.
        tls: For ``wss://``; the default context verifies the gateway's certificate.
        dialer: Opens the connection to the gateway; ``Dialer()`` by default.

    Raises:
        TypeError: An argument is of another type.
        ValueError: The URL is not that of a WebSocket, or a header field has a line end.
        ImportError: The extra ``ws`` is not installed.
    """

    _kind = "gateway"

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str | Sequence[str]] | None = None,
        tls: ssl.SSLContext | None = None,
        dialer: CustomDialer | None = None,
    ) -> None:
        try:
            from natsmon.protocol import websocket  # here, since it takes longer than a dial
        except ImportError:
            raise ImportError("a WebSocketDialer needs: pip install 'natsmon[ws]'") from None
        check("url", url, "a string", str)
        check_tls(tls)
        websocket.header_fields(headers)  # raises TypeError and ValueError
        scheme, host, port = _gateway(url)
        context = (tls or ssl.create_default_context()) if scheme == "wss" else None
        super().__init__((host, port), tls=context, dialer=dialer)
        self._upgrade = websocket.upgrade
        self._url = url
        self._headers = headers

    async def _ask(self, opened: Stream, host: str, port: int) -> Stream:
        url = self._url.replace("{host}", quote(host, safe="")).replace("{port}", str(port))
        return await self._upgrade(opened, url, self._headers)


def _gateway(url: str) -> tuple[str, str, int]:
    """Return the scheme, the host and the port of a URL. Raises ValueError, without the URL: it may have a token."""
    with suppress(ValueError):
        scheme, host, port = (parts := urlsplit(url)).scheme, parts.hostname, parts.port
        if _URL.fullmatch(url) and host and port != 0:
            return scheme, host, port or (443 if scheme == "wss" else 80)
    raise ValueError(
        "the URL of a WebSocket begins with ws:// or wss://, and has a host;"
        " {host} and {port} may be behind it, and no blank and no # is in it"
    )
