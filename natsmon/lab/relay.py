"""TCP relay that listens on loopback, in front of one server, with the faults of a network.

It relays bytes and no protocol. It has a thread and an event loop of its own: every method may be called from any
thread and returns when its fault is in effect. Standard library only, as all of this package.
"""

import asyncio
import itertools
import socket
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from natsmon.lab.nats_server import HOST
from natsmon.lab.relayed_connection import Conditions, Direction, Path, RelayedConnection, Tap

T = TypeVar("T")
_DONE_WITHIN = 10.0


class Relay:
    """Relays connections to the port ``target``. Its own ``port`` is the same until it is closed.

    ``reset``, ``finish``, ``reset_after`` and ``truncate`` end the connections of the moment; every other fault lasts
    until ``heal``. A fault with ``directions`` applies to the named ones, and to both without. Where the server does
    not accept a connection, the client's is reset.

    Args:
        target: The server's port; may be set later, before the first connection.
        tap: Called with everything that passes.
        latency: Seconds that bytes always take in each direction.
        host: The server's, reached over IPv4.
    """

    def __init__(self, target: int = 0, tap: Tap | None = None, latency: float = 0.0, host: str = HOST) -> None:
        self.target = target
        self._host = host
        self._latency = latency
        self._conditions = Conditions(tap)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="relay", daemon=True)
        # Reserves the port while nothing listens on it: a socket that is bound and does not listen refuses.
        self._reserved = socket.socket()
        self._listener: socket.socket | None = None
        self._numbers = itertools.count(1)
        self._running: dict[asyncio.Task[None], RelayedConnection] = {}

    def start(self) -> Self:
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind((HOST, 0))
        self._thread.start()
        self.heal()
        return self

    def close(self) -> None:
        """Reset every connection; no socket and no thread is left."""
        if self._thread.is_alive():
            self._call(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()
        self._reserved.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def port(self) -> int:
        port: int = self._reserved.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    @property
    def connections(self) -> int:
        """Connections that at least one side has not ended yet."""
        return len(self._running)

    # -- faults -----------------------------------------------------------------------------------

    def reset(self) -> None:
        """Send RST to both sides of every connection, and discard what is on its way. New connections work."""
        self._call(self._reset(list(self._running)))

    def finish(self) -> None:
        """Send FIN to both sides of every connection, and discard what is on its way. New connections work."""
        self._call(self._finish())

    def reset_after(self, size: int) -> None:
        """Reset every connection after so many more bytes of both directions together."""
        self._call(self._set(resets_after=size))

    def truncate(self, size: int, *directions: Direction) -> None:
        """End a connection with FIN after so many more bytes in a direction."""
        self._call(self._set(*directions, ends_after=size))

    def cut(self, *directions: Direction) -> None:
        """Discard what is sent, as a pulled cable does. New connections are accepted and get no answer."""
        self._call(self._block(directions, discards=True))

    def stall(self, *directions: Direction) -> None:
        """Hold what is sent; it arrives after ``heal``. With "up", new connections get no answer either."""
        self._call(self._block(directions, discards=False))

    def accept_silently(self) -> None:
        """Accept new connections and relay nothing of them; existing ones work."""
        self._call(self._make_unreachable())

    def refuse(self) -> None:
        """Refuse new connections; existing ones work."""
        self._call(self._stop_listening())

    def delay(self, seconds: float, *directions: Direction) -> None:
        """Add a delay to what is sent from now on; the order is kept."""
        self._call(self._set(*directions, delay=self._latency + seconds))

    def drip(self, gap: float = 0.0, *directions: Direction) -> None:
        """Send byte by byte, with so many seconds after each."""
        self._call(self._set(*directions, gap=gap))

    def garble(self, *directions: Direction) -> None:
        """Invert the highest bit of every byte."""
        self._call(self._set(*directions, garbles=True))

    def heal(self) -> None:
        """End every fault. A connection that has lost bytes is reset."""
        self._call(self._heal())

    # -- on the relay's own thread ----------------------------------------------------------------

    def _call(self, step: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(step, self._loop).result(_DONE_WITHIN)

    def _paths(self, directions: tuple[Direction, ...]) -> list[Path]:
        paths = self._conditions.paths
        if not paths.keys() >= set(directions):
            raise ValueError(f'a direction is "up" or "down", not {directions}')
        return [paths[name] for name in directions or paths]

    async def _set(self, *directions: Direction, resets_after: int | None = None, **faults: Any) -> None:
        for number in (resets_after or 0, *faults.values()):
            if not (isinstance(number, int | float) and number >= 0):
                raise ValueError(f"seconds and sizes are numbers, 0 or more, not {number!r}")
        if resets_after is not None:
            self._conditions.resets_after = resets_after
        for path in self._paths(directions):
            for name, value in faults.items():
                setattr(path, name, value)

    async def _block(self, directions: tuple[Direction, ...], *, discards: bool) -> None:
        for path in self._paths(directions):
            path.discards = discards
            path.flowing.clear()
        if not self._conditions.paths["up"].flowing.is_set():
            self._conditions.reachable.clear()

    async def _make_unreachable(self) -> None:
        self._conditions.reachable.clear()

    async def _heal(self) -> None:
        self._conditions.resets_after = None
        for path in self._conditions.paths.values():
            path.delay, path.gap, path.ends_after = self._latency, None, None
            path.discards = path.garbles = False
        await self._reset([task for task, connection in self._running.items() if connection.torn])
        for path in self._conditions.paths.values():
            path.flowing.set()
        self._conditions.reachable.set()
        await self._listen()

    async def _listen(self) -> None:
        if self._listener is None:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, self.port))
            listener.setblocking(False)
            listener.listen()
            self._loop.add_reader(listener, self._accept, listener)
            self._listener = listener

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except OSError:  # it is gone again
            return
        client.setblocking(False)
        connection = RelayedConnection(self._conditions, next(self._numbers), client)
        task = self._loop.create_task(self._run(connection))
        self._running[task] = connection
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._running.pop(task).abort()  # not done yet where the task was cancelled before its first step

    async def _run(self, connection: RelayedConnection) -> None:
        await connection.run(self._host, self.target)
        if self._conditions.resets_after == 0:
            self._conditions.resets_after = None
            for task in self._running:
                task.cancel()

    async def _reset(self, tasks: "list[asyncio.Task[None]]") -> None:
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _finish(self) -> None:
        for connection in self._running.values():
            connection.finishing.set()
        if self._running:
            await asyncio.wait(list(self._running))

    async def _end(self) -> None:
        await self._stop_listening()
        await self._reset(list(self._running))
