"""The real dashboard on a real probe, with a tap on the stream between them.

``python -m benchmarks.tapped_dashboard FD TYPE ...``: settings on the first line read from FD, commands on
those that follow; the events of the given types are written to it as well as shown.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, suppress
from typing import Self

from benchmarks.event_pipe import EventPipe
from natsmon.config.settings import Settings, from_line, to_line
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.stream.probe_child import ProbeChild
from tests.harness import processes
from tests.harness.unseen_terminal import UnseenTerminal


class TappedProbe(ProbeChild):
    def __init__(self, settings: Settings, tap: int, kinds: frozenset[str]) -> None:
        super().__init__(settings)
        self._tap = tap
        self._kinds = kinds

    async def events(self) -> AsyncIterator[ev.AnyEvent]:
        loop = asyncio.get_running_loop()
        loop.add_reader(self._tap, self._pass_on)
        try:
            async for event in super().events():
                if str(event.__struct_config__.tag) in self._kinds:
                    with suppress(OSError):
                        os.write(self._tap, codec.encode(event))
                yield event
        finally:
            loop.remove_reader(self._tap)

    def _pass_on(self) -> None:
        lines = os.read(self._tap, 1 << 16)
        if not lines:
            asyncio.get_running_loop().remove_reader(self._tap)
        for line in lines.splitlines():
            self.send(codec.decode_command(line))


class TappedDashboard:
    """Its process, in a terminal without a user, and the other end of its tap."""

    def __init__(
        self, settings: Settings, kinds: Sequence[type[ev.Event]], *, size: tuple[int, int] = (120, 36)
    ) -> None:
        self._settings = settings
        self._kinds = [str(kind.__struct_config__.tag) for kind in kinds]
        self._size = size

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            ours, theirs = socket.socketpair()
            stack.callback(ours.close)
            with theirs:
                ours.sendall(to_line(self._settings))
                command = [sys.executable, "-m", "benchmarks.tapped_dashboard", str(theirs.fileno()), *self._kinds]
                self.terminal = stack.enter_context(UnseenTerminal(command, size=self._size, fds=[theirs.fileno()]))
            self.pipe = EventPipe(ours.fileno(), ours.fileno())
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def view_pid(self) -> int:
        return self.terminal.pid

    @property
    def probe_pid(self) -> int:
        probes = processes.children(self.terminal.pid)
        if len(probes) != 1:
            raise subprocess.SubprocessError(f"the dashboard has {len(probes)} child processes")
        return probes[0]


def main() -> int:
    from natsmon.tui.app import run

    tap = int(sys.argv[1])
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(tap, 1)
    return run(TappedProbe(from_line(line), tap, frozenset(sys.argv[2:])))


if __name__ == "__main__":
    sys.exit(main())
