"""A source that reads a file descriptor: a stream from another program, or from a file."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from natsmon.stream import events as ev
from natsmon.stream.codec import LineSplitter, decoded
from natsmon.stream.commands import AnyCommand

NO_COMMANDS = "a stream from a pipe takes no commands; natsmon view --ssh does"
_CHUNK = 256 * 1024
_FOREIGN = 1_000
"""Lines without an event after which a stream is not read further."""
_NO_EVENTS = "no line is an event; the stream of natsmon --json has one on every line"


class Incoming:
    """Chunks from a file descriptor, whose flags stay unchanged: other processes may share it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._readable_event = asyncio.Event()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        self._readable_event.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Chunks until the file ends or ``stop`` is called."""
        loop = asyncio.get_running_loop()
        try:
            while await self._readable(loop):
                if not (chunk := self._read()):
                    return
                yield chunk
        finally:
            loop.remove_reader(self._fd)

    async def _readable(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Wait until a read does not block; False when stopped."""

        def ready() -> None:
            loop.remove_reader(self._fd)  # else it fires again before the read
            self._readable_event.set()

        self._readable_event.clear()
        try:
            loop.add_reader(self._fd, ready)
        except PermissionError:  # a regular file is always readable
            await asyncio.sleep(0)
        else:
            if not self._stopped:
                await self._readable_event.wait()
        return not self._stopped

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, _CHUNK)
        except OSError:  # the terminal was closed
            return b""


class Pipe:
    """A source without a way back for commands."""

    can_restart = False

    def __init__(self, fd: int, splitter: LineSplitter | None = None, before: Iterable[bytes] = ()) -> None:
        """``before`` are lines that were read already; ``splitter`` holds the beginning of the next."""
        self.exit_reason = ""
        self.tap: Callable[[bytes], None] | None = None
        self.on_stray: Callable[[str], None] | None = None
        self._incoming = Incoming(fd)
        self._splitter = splitter or LineSplitter()
        self._before = list(before)
        self._foreign: int | None = 0
        """Lines before the first event; None once there was one."""

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        for event in self._decode(self._before):
            yield event
        async for chunk in self._incoming.chunks():
            for event in self._decode(self._splitter.feed(chunk)):
                yield event
            if self._foreign is not None and self._foreign >= _FOREIGN:
                self.exit_reason = _NO_EVENTS
                return
        for event in self._decode([self._splitter.rest()]):
            yield event
        self.exit_reason = await self.ending()

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

    def send(self, command: AnyCommand) -> None:
        """Dropped: a pipe takes no commands."""

    def kill(self) -> None:
        self._incoming.stop()
