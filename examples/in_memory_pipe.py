"""A connection without a socket: nats-py over a pipe in memory, relayed to a real server: in_memory_pipe.py [URL]

What ``nats.InProcessServer`` is in Go. Here the other end of the pipe is a relay; it could be a server in this process.
"""

import asyncio
import sys

from natsmon import ByteReader, ByteWriter, Dialer, DialTrace, Stream, connect
from natsmon.testing import memory_pipe


class PipeDialer:
    def __init__(self) -> None:
        self.relays: set[asyncio.Task[None]] = set()

    async def dial(self, address: tuple[str, int], *, deadline: float | None, trace: DialTrace | None) -> Stream:
        server = await Dialer().dial(address, deadline=deadline, trace=trace)
        ours, theirs = memory_pipe()
        for source, target in ((server.reader, theirs.writer), (theirs.reader, server.writer)):
            relay = asyncio.create_task(pump(source, target))
            self.relays.add(relay)
            relay.add_done_callback(self.relays.discard)
        return ours


async def pump(reader: ByteReader, writer: ByteWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main(url: str = "nats://127.0.0.1:4222") -> None:
    dialer = PipeDialer()
    client = await connect(url, dialer=dialer)
    subscription = await client.subscribe("hello")
    await client.publish("hello", b"world")
    print("received", (await subscription.next_msg(2)).data.decode(), "through a pipe in memory")
    await client.close()
    while dialer.relays:
        await asyncio.wait(dialer.relays)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
