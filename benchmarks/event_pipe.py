"""The two ends of a stream as a measurement needs them: each line with the moment it was written or read."""

import os
import select
import time
from collections import deque
from collections.abc import Callable, Iterator

from natsmon.stream import codec, commands
from natsmon.stream import events as ev

WAIT = 20.0


class EventPipe:
    """Commands to one file descriptor, events from another."""

    def __init__(self, events: int, commands: int) -> None:
        self._events = events
        self._commands = commands
        self._rest = b""
        self._read: deque[tuple[float, bytes]] = deque()

    def send(self, command: commands.AnyCommand) -> float:
        """Returns the moment just before it was written, by ``perf_counter``."""
        line = codec.encode_command(command)
        at = time.perf_counter()
        os.write(self._commands, line)
        return at

    def until(self, met: Callable[[ev.AnyEvent], bool], within: float = WAIT) -> tuple[ev.AnyEvent, float]:
        """The first event that meets a condition, and the moment it was read, by ``perf_counter``."""
        for event, at in self.during(within):
            if met(event):
                return event, at
        raise TimeoutError(f"not within {within:g} s: {getattr(met, '__name__', met)}")

    def until_status(self, status: ev.Status, within: float = WAIT) -> float:
        """When the line of the event was read."""

        def is_status(event: ev.AnyEvent) -> bool:
            return isinstance(event, ev.StatusChanged) and event.status == status

        is_status.__name__ = status
        return self.until(is_status, within)[1]

    def during(self, seconds: float) -> Iterator[tuple[ev.AnyEvent, float]]:
        """The events that come within a time, each with the moment it was read."""
        deadline = time.perf_counter() + seconds
        while True:
            while self._read:
                at, line = self._read.popleft()
                event = codec.decode_event(line)
                if event is not None:
                    yield event, at
            left = deadline - time.perf_counter()
            if left <= 0:
                return
            self._fill(left)

    def discard(self, seconds: float) -> None:
        """Let time pass; what comes is read, and thrown away."""
        deadline = time.perf_counter() + seconds
        self._read.clear()
        while (left := deadline - time.perf_counter()) > 0:
            self._fill(left)
            self._read.clear()

    def _fill(self, within: float) -> None:
        if not select.select([self._events], [], [], within)[0]:
            return
        data = os.read(self._events, 1 << 16)
        at = time.perf_counter()
        if not data:
            raise EOFError("the stream of events has ended")
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._read.extend((at, line) for line in lines)
