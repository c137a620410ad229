"""NATS inside the WebSocket of a gateway that passes bytes on to a server."""

import ssl
from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlsplit

from natsmon.dial.deadline import until
from natsmon.dial.dialer import Dialer
from natsmon.dial.errors import DialError
from natsmon.dial.resolver import authority
from natsmon.dial.starttls import upgrade
from natsmon.dial.stream import CustomDialer, Stream, as_stream
from natsmon.dial.trace import DialTrace


class WebSocketDialer:
    """Opens a WebSocket (RFC 6455) to a gateway for each connection; NATS goes through it as bytes.

    Not for a server's own WebSocket port, which has ``ws://`` and ``wss://`` URLs. Needs the extra ``ws``.

    Args:
        url: Of the gateway, ``ws://`` or ``wss://``; ``{host}`` and ``{port}`` are those of the server.
        headers: Additional header fields of the request: a token, a tenant.
        tls: For ``wss://``; the default context verifies the gateway's certificate.
        dialer: Opens the connection to the gateway; ``Dialer()`` by default.

    Raises:
        ValueError: The URL is not that of a WebSocket.
        ImportError: The extra ``ws`` is not installed.
    """

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
        self._upgrade = websocket.upgrade
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise ValueError("the URL of a WebSocket begins with ws:// or wss://, and has a host")
        self._url = url
        self._gateway = (parts.hostname, parts.port or (443 if parts.scheme == "wss" else 80))
        self._headers = headers
        self._tls = (tls or ssl.create_default_context()) if parts.scheme == "wss" else None
        self._dialer = Dialer() if dialer is None else dialer

    async def dial(
        self, address: tuple[str, int], *, deadline: float | None = None, trace: DialTrace | None = None
    ) -> Stream:
        """Open a stream through the gateway. See ``CustomDialer.dial``.

        Raises:
            DialError: The gateway does not answer, or refuses the upgrade.
        """
        url = self._url.replace("{host}", quote(address[0], safe="")).replace("{port}", str(address[1]))
        opened = as_stream(await self._dialer.dial(self._gateway, deadline=deadline, trace=trace))
        try:
            async with until(deadline):
                if self._tls is not None:
                    await upgrade(opened, self._tls, self._gateway[0], first=True)
                stream = await self._upgrade(opened, url, self._headers)
        except BaseException as error:
            opened.writer.transport.abort()
            if isinstance(error, TimeoutError) and not isinstance(error, DialError):
                raise DialError("tcp", "timeout", "no answer from the gateway", address=authority(*address)) from error
            raise
        return Stream(stream.reader, stream.writer, authority(*address))
