"""Bytes and lines from a file descriptor, read on the event loop. Its flags stay as they are: others may share it."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable

from natsmon.stream.codec import LineSplitter

_CHUNK = 256 * 1024
_AT_ONCE = 64
"""Lines received in one turn of the loop."""


class Incoming:
    """Chunks of bytes until the file ends, cannot be read, or ``stop`` is called."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._readable = asyncio.Event()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        self._readable.set()

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        try:
            while await self._wait_readable(loop):
                try:
                    chunk = os.read(self._fd, _CHUNK)
                except BlockingIOError:  # another process has read it
                    continue
                except OSError:  # the terminal was closed
                    return
                if not chunk:
                    return
                yield chunk
        finally:
            loop.remove_reader(self._fd)

    async def _wait_readable(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Wait until a read does not block; False when stopped."""

        def ready() -> None:
            loop.remove_reader(self._fd)  # else it fires again before the read
            self._readable.set()

        self._readable.clear()
        try:
            loop.add_reader(self._fd, ready)
        except PermissionError:  # a regular file is always readable
            await asyncio.sleep(0)
        else:
            if not self._stopped:
                await self._readable.wait()
        return not self._stopped


async def receive_lines(fd: int, receive: Callable[[bytes | None], None], already_read: bytes = b"") -> None:
    """Call ``receive`` with each line that is not blank, without its end; with None at the end of the file.

    A flood is held up in the pipe, and other tasks run in between. An error of ``receive`` is the loop's to report.
    """
    loop, splitter, chunks = asyncio.get_running_loop(), LineSplitter(), Incoming(fd).chunks()
    chunk: bytes | None = already_read
    while chunk is not None:
        for number, line in enumerate(splitter.feed(chunk), 1):
            if line.strip():
                loop.call_soon(receive, line)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        chunk = await anext(chunks, None)
    loop.call_soon(receive, None)
