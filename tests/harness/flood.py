"""A peer on a thread of its own that sends as fast as it can, and a measure of how long the event loop was busy."""

import asyncio
import gc
import json
import socket
import struct
import threading
import time
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

from tests.harness.peer import HOST, info_line


class Flood:
    """What a test controls of the peer."""

    def __init__(self, before_pong: bytes, after_pong: bytes, *, reads: bool) -> None:
        self._before_pong = before_pong
        self._after_pong = after_pong
        self._reads = reads
        self._ended = threading.Event()
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(0.05)
        self._connection: socket.socket | None = None
        self.port = self._listener.getsockname()[1]
        self.sent = 0
        """Bytes."""
        self._thread = threading.Thread(target=self._run, name="flood", daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"nats://{HOST}:{self.port}"

    async def until_sent(self, size: int) -> None:
        while self.sent < size:  # noqa: ASYNC110  # a thread counts
            await asyncio.sleep(0.005)

    def end(self, *, reset: bool = False) -> None:
        """Stop listening, and close the connection."""
        self._ended.set()
        self._listener.close()
        if self._connection is not None:
            with suppress(OSError):
                if reset:
                    self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    self._connection.shutdown(socket.SHUT_RDWR)
            self._connection.close()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with suppress(OSError):
                self._talk(self._connection)
            self._connection.close()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(0.05)
        connection.sendall(info_line(self.port))
        received = b""
        while not received.endswith(b"PING\r\n"):
            received += self._received(connection)
        if self._before_pong:
            self._send(connection, self._before_pong)
        connection.sendall(b"PONG\r\n")
        self._send(connection, self._after_pong)

    def _send(self, connection: socket.socket, data: bytes) -> None:
        """Again and again."""
        view = memoryview(data)
        at = 0
        while not self._ended.is_set():
            with suppress(TimeoutError):
                sent = connection.send(view[at : at + 65536])
                at = (at + sent) % len(data)
                self.sent += sent
            if self._reads:
                connection.setblocking(False)
                with suppress(BlockingIOError):
                    if not connection.recv(65536):
                        raise ConnectionResetError
                connection.settimeout(0.05)

    def _received(self, connection: socket.socket) -> bytes:
        while not self._ended.is_set():
            with suppress(TimeoutError):
                data = connection.recv(65536)
                if not data:
                    raise ConnectionResetError
                return data
        raise ConnectionAbortedError


@contextmanager
def flooding(*, before_pong: bytes = b"", after_pong: bytes = b"PING\r\n", reads: bool = True) -> Iterator[Flood]:
    """A peer that sends one of these, again and again: instead of PONG, or behind it."""
    flood = Flood(before_pong, after_pong, reads=reads)
    try:
        yield flood
    finally:
        flood.end()


def repeated(line: bytes) -> bytes:
    """A line, as often as it makes some 64 KiB."""
    return line * max(1, 65536 // len(line))


def info_with(**fields: Any) -> bytes:
    """An INFO line with these fields."""
    return (
        b"INFO " + json.dumps({"server_id": "N", "headers": True, "max_payload": 1048576, **fields}).encode() + b"\r\n"
    )


_WORK, _WORK_TAKES = 100_000, 0.006
"""Steps of a computation, and the seconds that they take on the machine for which the limits of tests are written."""


class Turns:
    """CPU time of the turns of the event loop, as it is on the machine for which the limits of tests are written."""

    def __init__(self) -> None:
        self._longest = [0.0, 0.0]
        self._slowness = 0.0

    @property
    def longest(self) -> float:
        """Seconds of the longest turn but one, which the machine may have interrupted."""
        return self._longest[0] / self._slowness

    async def measure(self) -> None:
        while True:
            began = time.thread_time()
            await asyncio.sleep(0)
            self._longest = sorted([*self._longest, time.thread_time() - began])[1:]

    def measure_machine(self) -> None:
        """Find how many times slower this machine is at the moment."""
        took = []
        for _ in range(5):
            began = time.thread_time()
            sum(step * step for step in range(_WORK))
            took.append(time.thread_time() - began)
        self._slowness = max(self._slowness, min(took) / _WORK_TAKES)


@asynccontextmanager
async def measured_turns() -> AsyncIterator[Turns]:
    """Measure turns. The objects of pytest are kept out of garbage collections: one of them all takes 100 ms."""
    turns = Turns()
    turns.measure_machine()
    gc.freeze()
    task = asyncio.ensure_future(turns.measure())
    try:
        yield turns
    finally:
        gc.unfreeze()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        turns.measure_machine()


class PeakMemory:
    """Bytes that Python allocated at most, beyond what was there before."""

    grown = 0


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    memory = PeakMemory()
    tracemalloc.start()
    try:
        yield memory
        memory.grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
