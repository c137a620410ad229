"""A TCP proxy on loopback, in front of one server, that can be hurt where a server cannot: on the wire.

It relays bytes and knows no protocol. It has a thread and a loop of its own; every method may be called from
any thread, and returns when what it says is done. Standard library only, as all of this room.
"""

import asyncio
import itertools
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

from natsmon.sandbox.server import HOST

T = TypeVar("T")
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
_ANSWERS_WITHIN = 10.0


@dataclass
class _Weather:
    """What every connection of a proxy is in."""

    tap: Tap | None
    delay: float = 0.0
    budget: int | None = None
    """Bytes that still get through."""
    cut: bool = False
    """What is sent vanishes."""
    flowing: asyncio.Event = field(default_factory=asyncio.Event)


class FaultProxy:
    """Relays connections to ``port`` on ``HOST``. Its own ``port`` stays the same, and its own, until it is closed.

    One connection is lost by ``reset`` and ``drop_after``; ``cut``, ``hold`` and ``refuse`` last until ``heal``.
    Where the server does not take a connection, the client's is reset.
    """

    def __init__(self, port: int, tap: Tap | None = None) -> None:
        self._target = port
        self._weather = _Weather(tap)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy of {port}", daemon=True)
        # Keeps the port ours while nobody listens on it; a socket that is bound and does not listen refuses.
        self._claim = socket.socket()
        self._listener: asyncio.Server | None = None
        self._numbers = itertools.count(1)
        self._wires: dict[asyncio.Task[None], _Wire] = {}

    def start(self) -> Self:
        self._claim.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._claim.bind((HOST, 0))
        self._weather.flowing.set()
        self._thread.start()
        self._call(self._listen())
        return self

    def close(self) -> None:
        """Every connection is reset; no socket and no thread is left."""
        if self._thread.is_alive():
            self._call(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        self._claim.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        port: int = self._claim.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    @property
    def connections(self) -> int:
        """Those that one side at least has not ended yet."""
        return len(self._wires)

    # -- what can be done to it -------------------------------------------------------------------

    def reset(self) -> None:
        """Both sides of every connection get a RST; what was on its way is lost. New ones are taken."""
        self._call(self._reset(list(self._wires)))

    def cut(self) -> None:
        """A pulled cable: what either side sends vanishes, unnoticed, and new connections are not answered."""
        self._call(self._stop_flowing(cut=True))

    def hold(self) -> None:
        """As ``cut``, but nothing is lost: what was sent arrives when it is healed."""
        self._call(self._stop_flowing(cut=False))

    def refuse(self) -> None:
        """New connections are refused; those there are stay."""
        self._call(self._stop_listening())

    def delay(self, seconds: float) -> None:
        """What comes from now on takes that long in each direction; it stays so until it is set to 0."""
        self._call(self._set_delay(seconds))

    def drop_after(self, size: int) -> None:
        """So many bytes get through yet, both ways together, then every connection is reset: torn in a message."""
        self._call(self._set_budget(size))

    def heal(self) -> None:
        """Everything gets through again. A connection with a hole in it cannot go on, and is reset."""
        self._call(self._heal())

    # -- on the proxy's own thread ----------------------------------------------------------------

    def _call(self, step: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(step, self._loop).result(_ANSWERS_WITHIN)

    async def _listen(self) -> None:
        if self._listener is None:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, self.port))
            self._listener = await asyncio.start_server(self._take, sock=listener)

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = _Wire(self._weather, next(self._numbers), reader, writer)
        task = self._loop.create_task(self._relay(wire))
        self._wires[task] = wire
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._wires.pop(task).abort()  # which is not done yet where it was cancelled before its first step

    async def _relay(self, wire: "_Wire") -> None:
        await wire.relay(self._target)
        if self._weather.budget == 0:
            self._weather.budget = None
            for task in self._wires:
                task.cancel()

    async def _reset(self, tasks: "list[asyncio.Task[None]]") -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _stop_flowing(self, *, cut: bool) -> None:
        self._weather.cut = cut
        self._weather.flowing.clear()

    async def _set_delay(self, seconds: float) -> None:
        self._weather.delay = seconds

    async def _set_budget(self, size: int) -> None:
        self._weather.budget = size

    async def _heal(self) -> None:
        self._weather.cut = False
        self._weather.budget = None
        await self._reset([task for task, wire in self._wires.items() if wire.torn])
        self._weather.flowing.set()
        await self._listen()

    async def _end(self) -> None:
        await self._stop_listening()
        await self._reset(list(self._wires))


class _Wire:
    """One connection: two streams, and the bytes on their way between them."""

    def __init__(
        self, weather: _Weather, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
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

    async def relay(self, port: int) -> None:
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
