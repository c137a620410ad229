"""The monitoring port of a nats-server: one question, one answer, over HTTP."""

import asyncio
import ssl

from natsmon.config.server_urls import parse_monitor
from natsmon.config.settings import Settings
from natsmon.protocol import tls

_LONGEST = 4 * 1024 * 1024


async def get(url: str, path: str, settings: Settings, *, within: float) -> bytes:
    """The body of what the port answers; raises OSError or TimeoutError."""
    scheme, host, port = parse_monitor(url)
    context: ssl.SSLContext | None = tls.make_context(settings) if scheme == "https" else None
    async with asyncio.timeout(within):
        reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=_LONGEST)
        try:
            # HTTP/1.0: the answer comes in one piece, and ends with the connection.
            writer.write(f"GET {path} HTTP/1.0\r\nHost: {host}:{port}\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head.splitlines()[0]:
                raise OSError(f"the monitoring port answered {head.splitlines()[0]!r}")
            body = b""
            while more := await reader.read(_LONGEST):
                body += more
                if len(body) > _LONGEST:
                    raise OSError("the monitoring port does not come to an end")
            return body
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise OSError("the monitoring port does not speak HTTP") from error
        finally:
            writer.transport.abort()
