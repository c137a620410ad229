"""The probe under test: its events as they arrive, and every echo that it received."""

import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self, TypeVar

from natsmon.config.settings import Settings, to_line
from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from tests.soak.probe_child import ECHO

E = TypeVar("E", bound=ev.Event)
WITHIN = 45.0
"""Seconds after which what should have come will not; a stream's replicas may take fifteen to elect a leader."""


class Stuck(TimeoutError):
    """Something that had to happen did not."""


class Claims:
    """The probe, started, and its events so far. ``until`` moves on through that, as a reader does."""

    def __init__(self, settings: Settings) -> None:
        self.echoes: list[int] = []
        """The number of every echo, in order, as often as it arrived."""
        self.tally = ev.Tally(t=0.0)
        self.events: list[Any] = []
        """All but the tallies, of which there are too many."""
        self.off: list[ev.Tally] = []
        """Tallies whose sums are wrong."""
        self.server = ""
        """The URL it is connected to, or was last."""
        self.connected = False
        self.over = False
        self._received: set[int] = set()
        self._read = 0
        self._changed = threading.Condition()
        self._settings = settings
        self._thread = threading.Thread(target=self._listen, name="claims", daemon=True)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:  # an interrupt may come at any moment
            self.__exit__()
            raise
        return self

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.soak.probe_child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # a terminal's ctrl-c is for the harness
        )
        self._thread.start()
        self._write(to_line(self._settings))

    def __exit__(self, *_: object) -> None:
        """The probe closes when its standard input ends."""
        if self._process is None:
            return
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._thread.ident is not None:
            self._thread.join()
        self._process.stdout.close()

    def execute(self, command: commands.AnyCommand) -> None:
        self._write(codec.encode_command(command))

    def end(self) -> None:
        """Close it, and wait for its last event."""
        self.execute(commands.Close())
        self.wait_for(lambda: self.over, "the end of the stream")

    def until_connected(self) -> None:
        """Until it is; events before that are passed over."""

        def look() -> bool:
            self._read = len(self.events)
            return self.connected

        self.wait_for(look, "a connection")

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in list(self.events) if isinstance(event, kind)]

    def until(self, kind: type[E], met: Callable[[E], bool] = lambda _: True) -> E:
        """The next event of a kind that meets the condition; what came before it is passed over."""
        found: list[E] = []

        def look() -> bool:
            while self._read < len(self.events) and not found:
                event = self.events[self._read]
                self._read += 1
                if isinstance(event, kind) and met(event):
                    found.append(event)
            return bool(found)

        self.wait_for(look, kind.__name__)
        return found[0]

    def until_echo(self, after: int) -> None:
        """The echo of a message younger than this number."""
        self.wait_for(lambda: bool(self.echoes) and max(self.echoes[-64:]) > after, f"an echo after {after}")

    def received(self, seq: int) -> bool:
        return seq in self._received

    def wait_for(self, met: Callable[[], bool], what: str) -> None:
        with self._changed:
            done = self._changed.wait_for(lambda: met() or self.over, WITHIN)
            if not done or not met():
                ended = "the probe ended" if self.over else f"{WITHIN:g} s went by"
                raise Stuck(f"{ended} without {what}; the last tally is {self.tally}; its last events:\n{self}")

    def __str__(self) -> str:
        """The last of it."""
        shown = [event for event in self.events if not isinstance(event, ev.Rtt)]
        return "\n".join(f"    {event}" for event in shown[-20:])

    def _write(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended, which the end of its output shows
            self._process.stdin.write(line)

    def _listen(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        with open(self._process.stdout.fileno(), "rb", closefd=False) as stream:
            for line in stream:
                with self._changed:
                    self._take(line)
                    self._changed.notify_all()
        with self._changed:
            self.over = True
            self._changed.notify_all()

    def _take(self, line: bytes) -> None:
        if line.startswith(ECHO):
            seq = int(line[len(ECHO) :])
            self.echoes.append(seq)
            self._received.add(seq)
            return
        event = codec.decode_event(line)
        assert event is not None, line
        if isinstance(event, ev.Connected):
            self.server = event.server
            self.connected = True
        if isinstance(event, ev.Disconnected):
            self.connected = False
        if isinstance(event, ev.Tally):
            self.tally = event
            if not adds_up(event):
                self.off.append(event)
        else:
            self.events.append(event)


def adds_up(tally: ev.Tally) -> bool:
    """Whether what was attempted is the sum of its parts, and what was sent of its own."""
    parts = (
        tally.sent,
        tally.buffered,
        tally.rejected,
        tally.delivered,
        tally.in_flight,
        tally.lost,
        tally.undelivered,
    )
    return (
        tally.attempted == tally.sent + tally.buffered + tally.rejected
        and tally.sent == tally.delivered + tally.in_flight + tally.undelivered + tally.lost + tally.unverified
        and min(parts) >= 0
    )
