"""A stream that comes through a pipe: from a program elsewhere, or out of a file."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

import msgspec

from natsmon.stream import events as ev
from natsmon.text.units import LONGEST

NO_COMMANDS = "a stream from a pipe takes no commands; natsmon view --ssh does"
_CHUNK = 256 * 1024
_LONGEST_LINE = 32 * 1024 * 1024
"""Bytes; what is longer is no event, and is let go."""


class Incoming:
    """What comes from a file descriptor, whose mode is left as it is: others may hold it, too."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._something = asyncio.Event()
        self._stopped = False

    def stop(self) -> None:
        self._stopped = True
        self._something.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Until it ends, or is stopped."""
        loop = asyncio.get_running_loop()
        try:
            while await self._readable(loop):
                if not (chunk := self._read()):
                    return
                yield chunk
        finally:
            loop.remove_reader(self._fd)

    async def _readable(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Waits until reading will not. False when it was stopped."""

        def ready() -> None:
            loop.remove_reader(self._fd)  # or it would be told again before it is read, and once too often
            self._something.set()

        self._something.clear()
        try:
            loop.add_reader(self._fd, ready)
        except PermissionError:  # a regular file: there is nothing to wait for
            await asyncio.sleep(0)
        else:
            if not self._stopped:
                await self._something.wait()
        return not self._stopped

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, _CHUNK)
        except OSError:  # a terminal that has gone
            return b""


class Lines:
    """Cuts what comes in pieces into lines, their ends included."""

    def __init__(self) -> None:
        self._rest = b""

    def cut(self, chunk: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > _LONGEST_LINE:
            self._rest = b""
        return [line + b"\n" for line in lines]

    def last(self) -> list[bytes]:
        """One without an end."""
        rest, self._rest = self._rest, b""
        return [rest + b"\n"] if rest else []


def decoded(line: bytes) -> ev.AnyEvent | None:
    """None for what is no event, is of a kind that is not known here, or happened at no time there is."""
    try:
        event = ev.decode_event(line)
    except msgspec.DecodeError:
        return None
    return event if event is not None and -LONGEST < event.t < LONGEST else None


class Pipe:
    """A source that is heard and cannot be spoken to."""

    can_restart = False

    def __init__(self, fd: int, lines: Lines | None = None, before: Iterable[bytes] = ()) -> None:
        """``before`` are lines that were read already, ``lines`` has what was read of the next."""
        self.obituary = ""
        self.tap: Callable[[bytes], None] | None = None
        self._incoming = Incoming(fd)
        self._lines = lines or Lines()
        self._before = list(before)

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        for event in self._told(self._before):
            yield event
        async for chunk in self._incoming.chunks():
            for event in self._told(self._lines.cut(chunk)):
                yield event
        for event in self._told(self._lines.last()):
            yield event
        self.obituary = await self.last_words()

    def _told(self, lines: Iterable[bytes]) -> Iterator[ev.AnyEvent]:
        for line in lines:
            event = decoded(line)
            if event is not None:
                if self.tap is not None:
                    self.tap(line)
                yield event

    async def last_words(self) -> str:
        """How it ended, should it not have ended as a stream does."""
        return "the stream broke off"

    def send(self, command: ev.AnyCommand) -> None:
        """There is nobody to take it."""

    def kill(self) -> None:
        self._incoming.stop()
