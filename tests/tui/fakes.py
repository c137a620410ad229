"""A source that tells a fixed stream and remembers what it was sent. It stands in for the pipe, not for NATS."""

import asyncio
from collections.abc import AsyncIterator, Callable

from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from tests.tui.streams import Stream


class Recorded:
    """Tells its events at once, then stays silent until told more, or ends.

    ``clock`` is the view's clock: it stands at the time of the last event told, so nothing moves by itself.
    """

    can_restart = True

    def __init__(self, stream: Stream, *, ends: bool = False, exit_reason: str = "") -> None:
        self.stream = stream
        self.sent: list[commands.AnyCommand] = []
        self.exit_reason = exit_reason
        self.killed = False
        self.starts = 0
        self.tap: Callable[[bytes], None] | None = None
        self.t = 0.0
        self._ends = ends
        self._more: asyncio.Queue[ev.AnyEvent | None] = asyncio.Queue()

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        self.starts += 1
        if self.starts > 1:
            self._ends = False
        for told in self.stream.events:
            self.t = told.t
            self._tap(told)
            yield told
        self.t = self.stream.t
        if self._ends:
            return
        while (event := await self._more.get()) is not None:
            self.t = max(self.t, event.t)
            self._tap(event)
            yield event

    def _tap(self, event: ev.AnyEvent) -> None:
        if self.tap is not None:
            self.tap(codec.encode(event))

    def tell(self, *events: ev.AnyEvent | None) -> None:
        """Further events; None ends the stream."""
        for event in events:
            self._more.put_nowait(event)

    def clock(self) -> float:
        return self.t

    def send(self, command: commands.AnyCommand) -> None:
        self.sent.append(command)

    def kill(self) -> None:
        self.killed = True


class Server:
    """What the demo would kill."""

    def __init__(self) -> None:
        self.calls = 0
        self.asked: list[str | None] = []
        """The servers we were on."""

    def servers(self) -> list[tuple[str, str, str]]:
        return [("demo-1", "nats://127.0.0.1:4222", "running")]

    def apply(self, fault: str, server: str | None = None) -> str:
        self.calls += 1
        self.asked.append(server)
        return f"{fault}ed the server"
