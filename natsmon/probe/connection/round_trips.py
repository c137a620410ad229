"""PING to PONG round trips, timed in the process that owns the connection, on a schedule that no answer moves.

A PING is sent whenever one is due, also while the last one is not answered. Otherwise a stall of five seconds would
be one sample instead of five ("coordinated omission").
"""

import time
from collections import deque
from dataclasses import dataclass

from natsmon.probe.timer import Timer
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

_MOST_OUT = 16
"""PINGs without a PONG; those due beyond are counted as omitted."""


@dataclass(slots=True)
class _Ping:
    sent: float
    omitted: int = 0


class RoundTrips:
    """Sends a PING each ``interval`` seconds on one connection; none with 0."""

    def __init__(self, connection: ServerConnection, interval: float, emit: Emit) -> None:
        self._connection = connection
        self._interval = interval
        self._emit = emit
        self._timer = Timer(self._tick)
        self._out: deque[_Ping] = deque()
        if interval > 0:
            self._tick()

    def stop(self) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        if not self._connection.open:
            return
        if len(self._out) < _MOST_OUT:
            self._out.append(_Ping(time.perf_counter()))
            self._connection.ping(self._answered)
        else:
            self._out[-1].omitted += 1
        self._timer.set_on_grid(self._interval)  # PINGs that were due while this process was stopped are left out

    def _answered(self) -> None:
        ping = self._out.popleft()
        seconds = round(time.perf_counter() - ping.sent, 6)
        self._emit(ev.Rtt(seconds=seconds, omitted=ping.omitted, interval=self._interval if ping.omitted else 0.0))
