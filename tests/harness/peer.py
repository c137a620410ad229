"""One scripted peer: a listening socket, the script for each connection, and what it received."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import Any

from tests.harness.time_limits import WAIT

HOST = "127.0.0.1"


class Peer:
    """The peer as a test uses it: address, connections, and everything received."""

    def __init__(self) -> None:
        self.port = 0
        self.connections = 0
        self.open = 0
        self.abused = 0
        """Connections that its script has begun to abuse, where it counts them."""
        self.received = b""
        self.targets: list[str] = []
        """Targets that clients asked for, where the peer is a proxy."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Event()
        self._released = asyncio.Event()

    @property
    def authority(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"nats://{self.authority}"

    @property
    def lines(self) -> list[str]:
        return self.received.decode(errors="replace").splitlines()

    @property
    def connect_options(self) -> list[dict[str, Any]]:
        """The object of every CONNECT received."""
        return [json.loads(line[8:]) for line in self.lines if line.startswith("CONNECT ")]

    def release(self) -> None:
        """Let a held peer go on."""
        self._released.set()

    def drop_all(self) -> None:
        """Close every connection."""
        for writer in self._writers:
            writer.transport.abort()

    async def until(self, met: Callable[["Peer"], bool], within: float = WAIT) -> None:
        """Wait until what this peer saw meets a condition; looks whenever it sees something new."""
        async with asyncio.timeout(within):
            while not met(self):
                self._changed.clear()
                await self._changed.wait()

    async def until_connected(self, times: int = 1) -> None:
        await self.until(lambda peer: peer.connections >= times)

    async def until_left(self) -> None:
        """Wait until every connection that came is closed again."""
        await self.until(lambda peer: peer.connections > 0 and peer.open == 0)

    async def until_received(self, data: bytes) -> None:
        await self.until(lambda peer: data in peer.received)

    def changed(self, **deltas: int) -> None:
        for name, delta in deltas.items():
            setattr(self, name, getattr(self, name) + delta)
        self._changed.set()


class Talk:
    """One connection, from the peer's side."""

    def __init__(self, peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.peer = peer
        self.reader = reader
        self.writer = writer
        self.subscriptions: dict[bytes, bytes] = {}
        """Subjects by sid, where the script keeps them."""

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def info(self, **fields: Any) -> None:
        await self.send(info_line(self.peer.port, **fields))

    async def line(self) -> bytes:
        """Return the next line, empty when the connection has ended."""
        return self._record(await self.reader.readline())

    async def exactly(self, size: int) -> bytes:
        return self._record(await self.reader.readexactly(size))

    async def handshake(self, **fields: Any) -> None:
        """INFO, CONNECT, PING, PONG, as it should be."""
        await self.info(**fields)
        await self.until_line(b"PING")
        await self.send(b"PONG\r\n")

    async def until_line(self, start: bytes) -> None:
        while line := await self.line():
            if line.startswith(start):
                return
        raise ConnectionResetError

    async def until_closed(self) -> None:
        while data := await self.reader.read(65536):
            self._record(data)

    async def released(self, held: bool) -> None:
        if held:
            await self.peer._released.wait()

    def reset(self) -> None:
        """Close with a RST rather than a FIN."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _record(self, data: bytes) -> bytes:
        self.peer.received += data
        self.peer.changed()
        return data


Script = Callable[[Talk], Awaitable[None]]
Peering = AbstractAsyncContextManager[Peer]


def info_line(port: int, **fields: Any) -> bytes:
    info = {
        "server_id": "NPEER",
        "server_name": "peer",
        "version": "2.15.0",
        "go": "go1.25",
        "proto": 1,
        "host": HOST,
        "port": port,
        "headers": True,
        "max_payload": 1048576,
        "client_id": 1,
        "client_ip": HOST,
    }
    return b"INFO " + json.dumps({**info, **fields}).encode() + b"\r\n"


@asynccontextmanager
async def playing(script: Script) -> AsyncIterator[Peer]:
    """A peer that runs this script for each connection."""
    peer = Peer()
    talks: set[asyncio.Task[None]] = set()

    async def talk(client: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=client)
        peer._writers.add(writer)
        peer.changed(connections=1, open=1)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(Talk(peer, reader, writer))
        finally:
            writer.close()
            with suppress(OSError):  # ssl.SSLError is one
                await writer.wait_closed()
            peer._writers.discard(writer)
            peer.changed(open=-1)

    def end(task: asyncio.Task[None], client: socket.socket) -> None:
        talks.discard(task)
        client.close()  # still open where the task was cancelled before its first step

    def accept() -> None:
        with suppress(OSError):  # it is gone again
            client, _ = listener.accept()
            client.setblocking(False)
            task = asyncio.ensure_future(talk(client))
            talks.add(task)
            task.add_done_callback(partial(end, client=client))

    # Not asyncio's server: what it has accepted when it is closed stays open.
    listener = socket.create_server((HOST, 0))
    listener.setblocking(False)
    peer.port = listener.getsockname()[1]
    loop = asyncio.get_running_loop()
    loop.add_reader(listener, accept)
    try:
        yield peer
    finally:
        loop.remove_reader(listener)
        listener.close()
        for task in talks:
            task.cancel()
        for failure in await asyncio.gather(*talks, return_exceptions=True):
            if isinstance(failure, Exception):
                raise failure
