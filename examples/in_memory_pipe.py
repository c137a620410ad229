"""A connection that is no socket: nats-py over a pipe in memory, relayed to a real server: in_memory_pipe.py [URL]

What ``nats.InProcessServer`` is in Go. Here the other end of the pipe is a relay; it could be a server in this very
process, or a test's. It shows what a stream that is not asyncio's own has to have.
"""

import asyncio
import sys

from natsmon import Dialer, Stream, connect


class PipeWriter:
    """Writes into somebody's reader."""

    def __init__(self, reader):
        self._reader = reader
        self._closed = asyncio.Event()

    def write(self, data):
        if not self._closed.is_set():
            self._reader.feed_data(data)

    async def drain(self):
        await asyncio.sleep(0)

    def close(self):
        if not self._closed.is_set():
            self._closed.set()
            self._reader.feed_eof()

    abort = close

    async def wait_closed(self):
        await self._closed.wait()

    @property
    def transport(self):
        return self

    def get_extra_info(self, name, default=None):
        return default


def pipe():
    """Two streams, each the other end of the other one."""
    here, there = asyncio.StreamReader(), asyncio.StreamReader()
    return Stream(here, PipeWriter(there), "pipe"), Stream(there, PipeWriter(here), "pipe")


class PipeDialer:
    def __init__(self):
        self.relays = set()

    async def dial(self, address, *, deadline, trace):
        server = await Dialer().dial(address, deadline=deadline, trace=trace)
        ours, theirs = pipe()
        for source, target in ((server.reader, theirs.writer), (theirs.reader, server.writer)):
            relay = asyncio.create_task(pump(source, target))
            self.relays.add(relay)
            relay.add_done_callback(self.relays.discard)
        return ours


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main(url="nats://127.0.0.1:4222"):
    dialer = PipeDialer()
    nc = await connect(url, dialer=dialer)
    heard = await nc.subscribe("hello")
    await nc.publish("hello", b"world")
    print("heard", (await heard.next_msg(2)).data.decode(), "through a pipe in memory")
    await nc.close()
    while dialer.relays:
        await asyncio.wait(dialer.relays)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
