"""A dialer around another one: every byte of a connection, both ways and also under TLS: recording_dialer.py [URL]

Beware: CONNECT contains the client's credentials.
"""

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from natsmon import CustomDialer, Dialer, DialTrace, Stream, as_stream, connect


class Tap:
    """A reader or a writer, unchanged, that shows every byte."""

    def __init__(self, inner: Any, show: Callable[[bytes], None]) -> None:
        self._inner = inner
        self._show = show

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def write(self, data: bytes) -> None:
        self._show(data)
        self._inner.write(data)

    async def read(self, size: int = -1) -> bytes:
        return self._shown(await self._inner.read(size))

    async def readexactly(self, size: int) -> bytes:
        return self._shown(await self._inner.readexactly(size))

    async def readuntil(self, end: bytes = b"\n") -> bytes:
        return self._shown(await self._inner.readuntil(end))

    def _shown(self, data: bytes) -> bytes:
        self._show(data)
        return data


class RecordingDialer:
    """Records what goes through the streams of another dialer.

    Args:
        record: Called with ``"<"`` or ``">"``, and the bytes.
        dialer: Opens the streams; all it returns beside them is forwarded.
    """

    def __init__(self, record: Callable[[str, bytes], None], dialer: CustomDialer | None = None) -> None:
        self._record = record
        self._dialer = dialer or Dialer()

    async def dial(self, address: tuple[str, int], *, deadline: float | None, trace: DialTrace | None) -> Stream:
        stream = as_stream(await self._dialer.dial(address, deadline=deadline, trace=trace))
        reader: Any = Tap(stream.reader, lambda data: self._record("<", data))
        writer: Any = Tap(stream.writer, lambda data: self._record(">", data))
        return stream._replace(reader=reader, writer=writer)


async def main(url: str = "nats://127.0.0.1:4222") -> None:
    client = await connect(url, dialer=RecordingDialer(print))
    subscription = await client.subscribe("hello")
    await client.publish("hello", b"world")
    await subscription.next_msg(2)
    await client.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
