"""A source with a fixed stream that remembers the commands it was sent. It stands in for the pipe, not for NATS."""

import asyncio
from collections.abc import AsyncIterator, Callable

from msgspec.structs import replace

from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from tests.tui.streams import Stream


class Recorded:
    """Emits its events at once, then waits for more, or ends.

    ``clock`` is the view's clock: it stands at the time of the last event, so nothing moves by itself.
    """

    can_restart = True

    def __init__(self, stream: Stream, *, ends: bool = False, exit_reason: str = "") -> None:
        self.stream = stream
        self.sent: list[commands.AnyCommand] = []
        self.exit_reason = exit_reason
        self.killed = False
        self.starts = 0
        self.tap: Callable[[bytes], None] | None = None
        self.on_stray: Callable[[str], None] | None = None
        self.t = 0.0
        self._ends = ends
        self._more: asyncio.Queue[ev.AnyEvent | None] = asyncio.Queue()

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        self.starts += 1
        if self.starts > 1:
            self._ends = False
        for known in self.stream.events:
            self.t = known.t
            self._tap(known)
            yield known
        behind, self.t = self.t, self.stream.t
        if behind < self.t and not self._ends:
            yield ev.Alive(t=self.t)
        if self._ends:
            return
        while (event := await self._more.get()) is not None:
            self.t = max(self.t, event.t)
            self._tap(event)
            yield event

    def _tap(self, event: ev.AnyEvent) -> None:
        if self.tap is not None:
            self.tap(codec.encode(event))

    @property
    def sent_commands(self) -> list[commands.AnyCommand]:
        """The commands sent, without their ids."""
        return [replace(command, id="", conn=None) for command in self.sent]

    def emit(self, *events: ev.AnyEvent | None) -> None:
        """Further events; None ends the stream."""
        for event in events:
            self._more.put_nowait(event)

    def clock(self) -> float:
        return self.t

    def send(self, command: commands.AnyCommand) -> None:
        self.sent.append(command)

    def kill(self) -> None:
        self.killed = True


class FakeDemo:
    """Records the faults that are caused."""

    def __init__(self) -> None:
        self.applied: list[tuple[str, str | None]] = []
        """Each fault, and the server connected to."""

    def faults(self) -> list[tuple[str, str, str]]:
        return [("kill", "k", "kill the server"), ("start", "s", "start a server")]

    def apply(self, fault: str, server: str | None = None) -> str:
        self.applied.append((fault, server))
        return f"{fault}: done"
