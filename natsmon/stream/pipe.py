"""A source that reads a file descriptor: a stream from another program, or from a file."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterable, Iterator

from natsmon.stream import events as ev
from natsmon.stream.codec import LineSplitter, decoded
from natsmon.stream.source import Source

NO_COMMANDS = "a stream from a pipe takes no commands; natsmon view --ssh does"
_CHUNK = 256 * 1024
_FOREIGN = 1_000
"""Lines without an event after which a stream is not read further."""
_NO_EVENTS = "no line is an event; the stream of natsmon --json has one on every line"


class Pipe(Source):
    """A source without a way back for commands. The file's flags stay unchanged: other processes may share it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[bytes] = []
        """Lines that were read already."""
        self._splitter = LineSplitter()
        self._readable = asyncio.Event()
        self._stopped = False
        self._foreign: int | None = 0
        """Lines before the first event; None once there was one."""

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        for event in self._decode(self._before):
            yield event
        async for chunk in self._chunks():
            for event in self._decode(self._splitter.feed(chunk)):
                yield event
            if self._foreign is not None and self._foreign >= _FOREIGN:
                self.exit_reason = _NO_EVENTS
                return
        for event in self._decode([self._splitter.rest()]):
            yield event
        self.exit_reason = await self.ending()

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Chunks until the file ends or ``kill`` is called."""
        loop = asyncio.get_running_loop()
        try:
            while await self._wait_readable(loop) and (chunk := self._read()):
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

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, _CHUNK)
        except OSError:  # the terminal was closed
            return b""

    def _decode(self, lines: Iterable[bytes]) -> Iterator[ev.AnyEvent]:
        for line in lines:
            event = decoded(line)
            if event is None:
                self._foreign = self._foreign + 1 if self._foreign is not None else None
            else:
                self._foreign = None
                if self.tap is not None:
                    self.tap(line + b"\n")
                yield event

    async def ending(self) -> str:
        """How the stream ended, when it did not end normally."""
        return _NO_EVENTS if self._foreign else "the stream ended without its last line"

    def kill(self) -> None:
        self._stopped = True
        self._readable.set()
