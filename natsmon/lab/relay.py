"""One connection through a fault proxy: two streams, and the bytes on their way between them."""

import asyncio
import socket
import struct
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from natsmon.lab.nats_server import HOST

Way = Literal["up", "down"]
"""To the server, and to the client."""
Tap = Callable[[int, Way, bytes], None]
"""Told what passes, on the proxy's thread: the connection's number, the way, the bytes; b"" when a sender ends it."""

_Step = Coroutine[Any, Any, None]
_Pieces = asyncio.Queue[tuple[float, bytes | None]]
_END = b""
_RESET = None
_CHUNK = 64 * 1024
_CHUNKS_HELD = 64
"""Waiting in each direction; beyond that the sender has to wait, as for a real network."""
_LINGER_NOT = struct.pack("ii", 1, 0)
"""A socket that is closed so is reset; what it was sent, or has to send, is lost."""
_LINGER_AS_USUAL = struct.pack("ii", 0, 0)


@dataclass
class Weather:
    """What every connection of a proxy is in."""

    tap: Tap | None
    delay: float = 0.0
    budget: int | None = None
    """Bytes that still get through."""
    cut: bool = False
    """What is sent vanishes."""
    flowing: asyncio.Event = field(default_factory=asyncio.Event)


class Relay:
    """From a client that has connected to the server, in what weather the proxy is."""

    def __init__(
        self, weather: Weather, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._weather = weather
        self._number = number
        self._reader = reader
        self._writer = writer
        self._ends = [writer]
        self._over: set[Way] = set()
        self.torn = False
        """Bytes have vanished from it."""
        _prepare(writer.get_extra_info("socket"))

    async def run(self, port: int) -> None:
        """Until both sides have ended it in order, or one of them has not."""
        orderly = False
        try:
            await self._weather.flowing.wait()
            reader, writer = await self._reach(port)
            self._ends.append(writer)
            async with asyncio.TaskGroup() as ways:
                for way in self._carry("up", self._reader, writer) + self._carry("down", reader, self._writer):
                    ways.create_task(way)
            for end in self._ends:
                _set_linger(end.get_extra_info("socket"), _LINGER_AS_USUAL)
                end.close()
            orderly = True
        except* OSError:
            pass
        finally:
            if not orderly:
                self.abort()
            for end in self._ends:
                with suppress(OSError):
                    await end.wait_closed()
            self._tell("up", _END)
            self._tell("down", _END)

    async def _reach(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = socket.socket()
        _prepare(sock)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (HOST, port))
            return await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise

    def abort(self) -> None:
        """A RST to both sides, unless it has ended already."""
        for end in self._ends:
            end.transport.abort()

    def _carry(self, way: Way, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> list[_Step]:
        between: _Pieces = asyncio.Queue(_CHUNKS_HELD)
        return [self._take_in(source, between, way), self._give_out(between, sink, way)]

    async def _take_in(self, source: asyncio.StreamReader, between: _Pieces, way: Way) -> None:
        """Every piece with the moment it is due; an end, in order or not, does not overtake what was sent before."""
        loop = asyncio.get_running_loop()
        piece: bytes | None = None
        while piece != _END:
            try:
                piece = await source.read(_CHUNK)
            except OSError:
                piece = _RESET
            if not piece:
                self._tell(way, _END)
            await between.put((loop.time() + self._weather.delay, piece))
            if piece is _RESET:
                return

    async def _give_out(self, between: _Pieces, sink: asyncio.StreamWriter, way: Way) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, piece = await between.get()
            if (early := due - loop.time()) > 0:
                await asyncio.sleep(early)
            if self._weather.cut and piece:
                self.torn = True
                continue
            await self._weather.flowing.wait()
            if piece is _RESET:
                raise ConnectionResetError
            if piece == _END:
                sink.write_eof()
                return
            await self._pass(piece, sink, way)

    async def _pass(self, piece: bytes, sink: asyncio.StreamWriter, way: Way) -> None:
        budget = self._weather.budget
        if budget is not None:
            piece = piece[:budget]
            self._weather.budget = budget - len(piece)
        self._tell(way, piece)
        sink.write(piece)
        await sink.drain()
        if self._weather.budget == 0:
            raise ConnectionResetError

    def _tell(self, way: Way, data: bytes) -> None:
        """Of each way one end is told; bytes may follow it that the sender had sent before."""
        if self._weather.tap is None or (data == _END and way in self._over):
            return
        if data == _END:
            self._over.add(way)
        self._weather.tap(self._number, way, data)


def _prepare(sock: socket.socket) -> None:
    """It sends at once, which asyncio sees to only where a socket names its protocol, and closing it is a reset."""
    with suppress(OSError):  # it is closed already
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _set_linger(sock, _LINGER_NOT)


def _set_linger(sock: socket.socket, how: bytes) -> None:
    with suppress(OSError):  # it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, how)
