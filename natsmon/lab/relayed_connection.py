"""One connection through a relay: two sockets, and the bytes on their way between them."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["up", "down"]
"""To the server, and to the client."""
Tap = Callable[[int, Direction, bytes], None]
"""Called on the relay's thread: number of the connection, direction, the bytes that pass; b"" at the sender's end."""

_Pieces = asyncio.Queue[tuple[float, bytes | None]]
_END = b""
_RESET = None
_CHUNK = 64 * 1024
_CHUNKS_HELD = 64
"""Waiting in each direction; beyond that the sender has to wait, as in a real network."""
_FLUSHED_WITHIN = 1.0
"""Seconds for what was sent before a FIN of ours; a side that does not read is reset."""
_RESETS = struct.pack("ii", 1, 0)
"""SO_LINGER with which closing a socket sends RST and discards what is waiting."""
_FINISHES = struct.pack("ii", 0, 0)
_GARBLED = bytes(byte ^ 0x80 for byte in range(256))


@dataclass
class Path:
    """Faults of one direction."""

    delay: float = 0.0
    """Seconds from the arrival of bytes to their departure."""
    gap: float | None = None
    """Seconds after each byte, which are sent one by one; None for as they come."""
    discards: bool = False
    garbles: bool = False
    ends_after: int | None = None
    """Bytes until both sides get a FIN."""
    flowing: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Conditions:
    """Faults that apply to every connection of a relay."""

    tap: Tap | None = None
    resets_after: int | None = None
    """Bytes, of both directions together, until every connection is reset."""
    reachable: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared while new connections do not reach the server."""
    paths: dict[Direction, Path] = field(default_factory=lambda: {"up": Path(), "down": Path()})


class RelayedConnection:
    """Bytes between a client that has connected and the server."""

    def __init__(self, conditions: Conditions, number: int, client: socket.socket) -> None:
        self._conditions = conditions
        self._number = number
        self._client = client
        self._ends: list[asyncio.StreamWriter] = []
        self._ended: set[Direction] = set()
        self.finishing = asyncio.Event()
        """Set it to send a FIN to both sides."""
        self.torn = False
        """Bytes of it were discarded."""
        _prepare(client)

    async def run(self, host: str, port: int) -> None:
        """Relay until both sides have sent FIN, or one RST, which is passed on."""
        orderly = False
        finishing = asyncio.ensure_future(self.finishing.wait())
        relaying = asyncio.ensure_future(self._relay(host, port))
        try:
            await asyncio.wait({finishing, relaying}, return_when=asyncio.FIRST_COMPLETED)
            if relaying.done():
                relaying.result()
            for end in self._ends:
                _set_linger(end.get_extra_info("socket"), _FINISHES)
                end.close()
            orderly = True
        except* OSError:
            pass
        finally:
            for task in (finishing, relaying):
                task.cancel()
            if not orderly:
                self.abort()
            await asyncio.gather(finishing, relaying, return_exceptions=True)
            for end in self._ends:
                with suppress(OSError):  # TimeoutError is one
                    async with asyncio.timeout(_FLUSHED_WITHIN if self.finishing.is_set() else None):
                        await end.wait_closed()
            self.abort()
            for direction in self._conditions.paths:
                self._notify(direction, _END)

    async def _relay(self, host: str, port: int) -> None:
        from_client, to_client = await asyncio.open_connection(sock=self._client)
        self._ends.append(to_client)
        await self._conditions.reachable.wait()
        from_server, to_server = await self._connect(host, port)
        self._ends.append(to_server)
        async with asyncio.TaskGroup() as tasks:
            ways: list[tuple[Direction, asyncio.StreamReader, asyncio.StreamWriter]]
            ways = [("up", from_client, to_server), ("down", from_server, to_client)]
            for direction, source, sink in ways:
                pieces: _Pieces = asyncio.Queue(_CHUNKS_HELD)
                tasks.create_task(self._receive(source, pieces, direction))
                tasks.create_task(self._send(pieces, sink, direction))

    async def _connect(self, host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = socket.socket()
        _prepare(sock)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (host, port))
            return await asyncio.open_connection(sock=sock)
        except BaseException:
            sock.close()
            raise

    def abort(self) -> None:
        """Send RST to both sides, unless the connection has ended."""
        if not self._ends:
            self._client.close()
        for end in self._ends:
            end.transport.abort()

    async def _receive(self, source: asyncio.StreamReader, pieces: _Pieces, direction: Direction) -> None:
        """Queue each piece with the time at which it is due; a FIN or RST stays behind the bytes sent before it."""
        loop = asyncio.get_running_loop()
        piece: bytes | None = None
        while piece != _END:
            try:
                piece = await source.read(_CHUNK)
            except OSError:
                piece = _RESET
            if not piece:
                self._notify(direction, _END)
            await pieces.put((loop.time() + self._conditions.paths[direction].delay, piece))
            if piece is _RESET:
                return

    async def _send(self, pieces: _Pieces, sink: asyncio.StreamWriter, direction: Direction) -> None:
        loop = asyncio.get_running_loop()
        path = self._conditions.paths[direction]
        while True:
            due, piece = await pieces.get()
            if (early := due - loop.time()) > 0:
                await asyncio.sleep(early)
            if path.discards and piece:
                self.torn = True
                continue
            await path.flowing.wait()
            if piece is _RESET:
                raise ConnectionResetError
            if piece == _END:
                sink.write_eof()
                return
            if path.gap is None:
                await self._pass(piece, sink, direction)
                continue
            for at in range(len(piece)):
                await self._pass(piece[at : at + 1], sink, direction)
                await asyncio.sleep(path.gap or 0.0)

    async def _pass(self, piece: bytes, sink: asyncio.StreamWriter, direction: Direction) -> None:
        conditions, path = self._conditions, self._conditions.paths[direction]
        if sink.is_closing():
            return  # it was reset meanwhile, and what is on its way is discarded: the tap does not see it pass
        if conditions.resets_after is not None:
            piece = piece[: conditions.resets_after]
            conditions.resets_after -= len(piece)
        if path.ends_after is not None:
            piece = piece[: path.ends_after]
            path.ends_after -= len(piece)
        if path.garbles:
            piece = piece.translate(_GARBLED)
        self._notify(direction, piece)
        sink.write(piece)
        await sink.drain()
        if conditions.resets_after == 0:
            raise ConnectionResetError
        if path.ends_after == 0:
            self.finishing.set()
            await asyncio.get_running_loop().create_future()  # cancelled when the connection has ended

    def _notify(self, direction: Direction, data: bytes) -> None:
        """Call the tap, once for the end of a direction; bytes sent before that end may follow it."""
        if self._conditions.tap is None or (data == _END and direction in self._ended):
            return
        if data == _END:
            self._ended.add(direction)
        self._conditions.tap(self._number, direction, data)


def _prepare(sock: socket.socket) -> None:
    """Send without delay (asyncio sets that only on sockets that name their protocol), and reset when closed."""
    with suppress(OSError):  # it is closed already
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    _set_linger(sock, _RESETS)


def _set_linger(sock: socket.socket, linger: bytes) -> None:
    with suppress(OSError):  # it is closed already
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
