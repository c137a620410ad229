"""Everything that goes over the wire, both ways and also under TLS, on standard output: recording_dialer.py [URL]

Beware: what a client says in CONNECT are its credentials.
"""

import asyncio
import sys

from natsmon import Dialer, Stream, connect


class Tap:
    """A stream's reader or writer, as it was, but that every byte through it is shown."""

    def __init__(self, inner, show):
        self._inner = inner
        self._show = show

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def write(self, data):
        self._show(data)
        self._inner.write(data)

    async def read(self, size=-1):
        return self._seen(await self._inner.read(size))

    async def readexactly(self, size):
        return self._seen(await self._inner.readexactly(size))

    async def readuntil(self, end=b"\n"):
        return self._seen(await self._inner.readuntil(end))

    def _seen(self, data):
        self._show(data)
        return data


class RecordingDialer:
    """Around any other dialer. ``record`` is called with ``"<"`` or ``">"`` and the bytes."""

    def __init__(self, record, dialer=None):
        self._record = record
        self._dialer = dialer or Dialer()

    async def dial(self, address, *, deadline, trace):
        reader, writer, where = await self._dialer.dial(address, deadline=deadline, trace=trace)
        heard = Tap(reader, lambda data: self._record("<", data))
        said = Tap(writer, lambda data: self._record(">", data))
        return Stream(heard, said, where)


async def main(url="nats://127.0.0.1:4222"):
    nc = await connect(url, dialer=RecordingDialer(print))
    heard = await nc.subscribe("hello")
    await nc.publish("hello", b"world")
    await heard.next_msg(2)
    await nc.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
