"""Emitter: stamps every event with its time and connection, and passes it to the sinks.

It alone reads the clock. The monotonic clock gives ``t``; the wall clock is compared with it at every event, so that a
``Clock`` event follows a suspend of the machine or a change of its clock.
"""

import math
import time
from collections.abc import Sequence

from msgspec.structs import force_setattr

from natsmon.stream import events as ev
from natsmon.stream.codec import encode
from natsmon.stream.sink import Sink

DRIFT = 0.5
"""Seconds by which wall clock and monotonic clock may drift apart before a ``Clock`` event."""
_OFTEN = (ev.Published, ev.Echoed, ev.Rtt, ev.Tally, ev.Latencies, ev.Observed, ev.Keepalive)
"""Stamped to a tenth of a millisecond, which keeps their lines short."""


class Emitter:
    """The one source of events of a session."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = list(sinks)
        self.last = 0.0
        """``t`` of the newest event."""
        self._began = time.monotonic()
        self._offset = 0.0
        self._asleep = 0.0

    def now(self) -> float:
        """Seconds since the session began, to the microsecond."""
        return round(time.monotonic() - self._began, 6)

    def stream_time(self, monotonic: float) -> float:
        """A reading of ``time.monotonic()`` as ``t``."""
        return monotonic - self._began

    def begin(self, session: str, versions: dict[str, str]) -> None:
        self._offset, self._asleep = _wall_offset(), _suspended()
        self.emit(ev.Session(id=session, started=round(self._offset + self._began, 6), versions=versions), at=0.0)

    def emit(self, event: ev.AnyEvent, *, conn: int = 0, at: float | None = None) -> float:
        """Stamp an event that was not emitted before, and pass it to every sink; its ``t``.

        ``at`` is its time, when that is known better than now. Session events have no ``conn``.
        """
        t = self.now() if at is None else at
        if at is None:
            self._check_clock(t)
            if isinstance(event, _OFTEN):
                t = max(math.floor(t * 10_000) / 10_000, self.last)
        force_setattr(event, "t", t)
        if conn and not isinstance(event, ev.SessionEvent):
            force_setattr(event, "conn", conn)
        self.last = max(self.last, t)
        line = encode(event)
        for sink in self.sinks:
            sink.put(event, line)
        return t

    def _check_clock(self, t: float) -> None:
        if abs(_wall_offset() - self._offset) <= DRIFT:
            return
        offset = _wall_offset()  # once more: this process may have had no processor between the two readings
        if abs(offset - self._offset) <= DRIFT:
            return
        asleep, self._asleep, self._offset = self._asleep, _suspended(), offset
        wall = round(offset + self._began + t, 6)
        self.emit(ev.Clock(wall=wall, suspended=round(max(0.0, self._asleep - asleep), 3)), at=t)


class Emit:
    """Emits the events of one connection, and is the only clock of its components."""

    def __init__(self, emitter: Emitter, conn: int) -> None:
        self._emitter = emitter
        self.conn = conn
        self.now = emitter.now
        self.stream_time = emitter.stream_time

    def __call__(self, event: ev.AnyEvent, *, at: float | None = None) -> float:
        """Emit an event, at a time of the stream or now; its ``t``."""
        return self._emitter.emit(event, conn=self.conn, at=at)


def _wall_offset() -> float:
    """Wall clock minus monotonic clock, in seconds."""
    return time.time() - time.monotonic()


def _suspended() -> float:
    """Seconds that the machine has been suspended since it started; 0 where the system does not count them."""
    if not hasattr(time, "CLOCK_BOOTTIME"):
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - time.monotonic()
