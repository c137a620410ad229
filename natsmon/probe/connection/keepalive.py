"""Keeping the connection alive: a PING each interval, and a loss when too many of them have no PONG.

The rule is nats.go's (``processPingTimer``): any PONG settles all PINGs, and one more than ``max_out`` without
one means that the connection is stale, which is ``max_out`` to ``max_out`` + 1 intervals after it died.
Different from there, a connection that still brings bytes is not given up: its PONG is behind them.
"""

import asyncio
import time

from natsmon.probe.connection.read_first_timer import Alarm
from natsmon.protocol.link import Link
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

_TOLD_EVERY = 1.0
"""Seconds between two tellings while every PING is answered before the next."""


class Keepalive:
    """Sends PINGs on a grid in time, counts those that are out, tells the arithmetic and ends a stale link."""

    def __init__(self, interval: float, max_out: int, emit: Emit) -> None:
        self._interval = interval
        self._max_out = max_out
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._alarm = Alarm(self._tick)
        self._link: Link | None = None
        self._due = 0.0
        self._ticked = 0.0
        self._outstanding = 0
        self._told = 0
        self._told_at = 0.0

    def link_up(self, link: Link) -> None:
        self._link = link
        self._outstanding = 0
        self._due = self._loop.time()
        link.on_pong(self._answered)
        self._wait()
        self._tell()

    def link_down(self) -> None:
        self._alarm.stop()
        if self._link is not None:
            self._link.on_pong(None)
            self._link = None

    def _wait(self) -> None:
        now = self._loop.time()
        self._ticked = time.monotonic()
        self._due += self._interval * max(1, int((now - self._due) / self._interval) + 1)
        self._alarm.set(self._due)

    def _tick(self) -> None:
        link = self._link
        assert link is not None, "the alarm is stopped with the link"
        if self._outstanding < self._max_out:
            self._outstanding += 1
            link.send_ping()
        elif link.last_read < self._ticked:
            pings = "1 PING" if self._max_out == 1 else f"{self._max_out:,} PINGs"
            link.lose("stale", f"no PONG for {pings}")
            return
        self._wait()
        self._tell_what_matters()

    def _answered(self) -> None:
        if self._outstanding:
            self._outstanding = 0
            self._tell_what_matters()

    def _tell_what_matters(self) -> None:
        """One PING that is out is nothing to speak of, unless there was time to; nobody is left with a count."""
        settled = self._told > 0 and self._outstanding == 0
        if settled or self._outstanding > 1 or self._emit.now() - self._told_at >= _TOLD_EVERY:
            self._tell()

    def _tell(self) -> None:
        now = self._emit.now()
        self._told, self._told_at = self._outstanding, now
        left = self._due - self._loop.time() + (self._max_out - self._outstanding) * self._interval
        self._emit(
            ev.Keepalive(
                interval=self._interval,
                max_out=self._max_out,
                outstanding=self._outstanding,
                stale_at=round(now + left, 4),
            )
        )
