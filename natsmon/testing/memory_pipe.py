"""Two streams in memory, each the other end of the other."""

import asyncio
from typing import Any

from natsmon.dial.stream import STREAM_LIMIT, Stream


class _Writer:
    """Writes into the reader of the other end. A close of either end ends both, as that of a socket does."""

    def __init__(self, own: asyncio.StreamReader, other: asyncio.StreamReader, closed: asyncio.Event) -> None:
        self._own = own
        self._other = other
        self._closed = closed

    def write(self, data: bytes) -> None:
        if not self._closed.is_set():
            self._other.feed_data(data)

    async def drain(self) -> None:
        if self._closed.is_set():
            raise ConnectionResetError("the pipe is closed")
        await asyncio.sleep(0)

    def close(self) -> None:
        if not self._closed.is_set():
            self._closed.set()
            self._own.feed_eof()
            self._other.feed_eof()

    abort = close

    async def wait_closed(self) -> None:
        await self._closed.wait()

    @property
    def transport(self) -> "_Writer":
        return self

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


def memory_pipe(address: str = "memory") -> tuple[Stream, Stream]:
    """Return the two ends of a pipe. It has no back-pressure, and TLS is not possible on it.

    Args:
        address: The name of both ends.
    """
    here, there = asyncio.StreamReader(limit=STREAM_LIMIT), asyncio.StreamReader(limit=STREAM_LIMIT)
    closed = asyncio.Event()
    return Stream(here, _Writer(here, there, closed), address), Stream(there, _Writer(there, here, closed), address)
