"""A source that reads a file descriptor: a stream from another program, or from a file."""

from collections.abc import AsyncIterator, Iterable, Iterator

from natsmon.stream import events as ev
from natsmon.stream.codec import LineSplitter, decoded
from natsmon.stream.incoming import Incoming
from natsmon.stream.source import Source

NO_COMMANDS = "a stream from a pipe takes no commands; natsmon view --ssh does"
_FOREIGN = 1_000
"""Lines without an event after which a stream is not read further."""
_NOTHING = "nothing came through the pipe; did the program before it start?"
_NO_EVENTS = "no line is an event of natsmon --json; a compressed recording needs zcat before the pipe"


class Pipe(Source):
    """A source without a way back for commands."""

    def __init__(self, fd: int) -> None:
        self._before: list[bytes] = []
        """Lines that were read already."""
        self._splitter = LineSplitter()
        self._incoming = Incoming(fd)
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
        for event in self._decode(filter(None, [self._splitter.rest()])):
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
        if self._foreign is None:
            return "the stream ended without its last line"
        return _NO_EVENTS if self._foreign else _NOTHING

    def kill(self) -> None:
        self._incoming.stop()
