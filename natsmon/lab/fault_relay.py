"""A TCP proxy on loopback, in front of one server, that can be hurt where a server cannot: on the wire.

It relays bytes and knows no protocol. It has a thread and a loop of its own; every method may be called from
any thread, and returns when what it says is done. Standard library only, as all of this room.
"""

import asyncio
import itertools
import socket
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from natsmon.lab.nats_server import HOST
from natsmon.lab.relay import Relay, Tap, Weather

T = TypeVar("T")
_ANSWERS_WITHIN = 10.0


class FaultProxy:
    """Relays connections to ``port`` on ``HOST``. Its own ``port`` stays the same, and its own, until it is closed.

    One connection is lost by ``reset`` and ``drop_after``; ``cut``, ``hold`` and ``refuse`` last until ``heal``.
    Where the server does not take a connection, the client's is reset.
    """

    def __init__(self, port: int, tap: Tap | None = None) -> None:
        self._target = port
        self._weather = Weather(tap)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy of {port}", daemon=True)
        # Keeps the port ours while nobody listens on it; a socket that is bound and does not listen refuses.
        self._claim = socket.socket()
        self._listener: asyncio.Server | None = None
        self._numbers = itertools.count(1)
        self._relays: dict[asyncio.Task[None], Relay] = {}

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
        return len(self._relays)

    # -- what can be done to it -------------------------------------------------------------------

    def reset(self) -> None:
        """Both sides of every connection get a RST; what was on its way is lost. New ones are taken."""
        self._call(self._reset(list(self._relays)))

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
        relay = Relay(self._weather, next(self._numbers), reader, writer)
        task = self._loop.create_task(self._run(relay))
        self._relays[task] = relay
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._relays.pop(task).abort()  # which is not done yet where it was cancelled before its first step

    async def _run(self, relay: Relay) -> None:
        await relay.run(self._target)
        if self._weather.budget == 0:
            self._weather.budget = None
            for task in self._relays:
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
        await self._reset([task for task, relay in self._relays.items() if relay.torn])
        self._weather.flowing.set()
        await self._listen()

    async def _end(self) -> None:
        await self._stop_listening()
        await self._reset(list(self._relays))
