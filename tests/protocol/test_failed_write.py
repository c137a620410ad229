"""A connection that a failed write ends while the peer's last bytes are unread, on both event loops."""

import asyncio
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from natsmon.dial.dialer import Dialer
from natsmon.dial.starttls import upgrade
from natsmon.dial.stream import Stream
from natsmon.lab.nats_server import HOST
from natsmon.protocol import websocket
from tests.certificates import Certificates
from tests.harness import peers
from tests.harness.time_limits import WAIT
from tests.protocol import websockets as ws
from tests.protocol.dialing import failure, once

Loop = Callable[[], asyncio.AbstractEventLoop]
LAST = b"-ERR 'Stale Connection'\r\n"
PART = bytes(50_000)
LONG = 4 * len(PART)
"""Bytes, with which a reader pauses its transport."""


class Peer:
    """Accepts one connection, on a thread; then it is used from the loop's thread, between two of its callbacks."""

    def __init__(self, scheme: str, folder: Path) -> None:
        self.websocket = scheme in ("ws", "wss")
        self.certificates = Certificates(folder) if scheme in ("tls", "wss") else None
        self._listener = socket.create_server((HOST, 0))
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        self._socket, _ = self._listener.accept()
        self._socket.settimeout(WAIT)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a reset drops what is not sent yet
        if self.certificates is not None:
            self._socket = self.certificates.presenting().wrap_socket(self._socket, server_side=True)
        if self.websocket:
            self._socket.sendall(ws.agreed(self._socket.recv(4096)))

    async def opened(self) -> Stream:
        """The client's stream."""
        port = self._listener.getsockname()[1]
        stream = await Dialer().dial((HOST, port))
        if self.certificates is not None:
            await upgrade(stream, self.certificates.trusting(), HOST, first=True)
        if self.websocket:
            stream = await websocket.upgrade(stream, f"ws://{HOST}:{port}")
        await asyncio.to_thread(self._accepting.join)
        return stream

    def send(self, data: bytes) -> None:
        self._socket.sendall(ws.frame(data) if self.websocket else data)

    def reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def end(self) -> None:
        self._accepting.join()
        self._listener.close()
        self._socket.close()


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest) -> Loop:
    factory: Loop = pytest.importorskip(request.param).new_event_loop
    return factory


@pytest.fixture(params=["nats", "tls", "ws", "wss"])
def peer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Peer]:
    peer = Peer(request.param, tmp_path)
    yield peer
    peer.end()


def run(loop: Loop, test: Awaitable[None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(WAIT):
            await test

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(limited())


def test_unread_bytes_are_read_after_a_failed_write(loop: Loop, peer: Peer) -> None:
    async def test() -> None:
        stream = await peer.opened()
        peer.send(LAST)
        peer.reset()
        stream.writer.write(b"PING\r\n")
        assert await stream.reader.readuntil(b"\n") == LAST
        for _ in range(2):
            with pytest.raises(ConnectionError):
                await stream.reader.read(100)

    run(loop, test())


def test_bytes_behind_a_full_reader_are_read_after_a_failed_write(loop: Loop, peer: Peer) -> None:
    async def test() -> None:
        stream = await peer.opened()
        for _ in range(4):
            await asyncio.to_thread(peer.send, PART)
        while not stream.reader._paused:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        peer.send(LAST)
        peer.reset()
        stream.writer.write(b"PING\r\n")
        assert (await stream.reader.readexactly(LONG + len(LAST))).endswith(LAST)
        with pytest.raises(ConnectionError):
            await stream.reader.read(100)

    run(loop, test())


async def test_refusal_is_read_when_connect_cannot_be_written() -> None:
    async with peers.err_before_connect("maximum connections exceeded") as full:
        failed = await failure(once(full.url))
    assert failed.where == ("connect", "limit")
