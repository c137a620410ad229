"""Keepalive: a PING each interval, and a loss when too many of them have no PONG.

The rule is nats.go's (``processPingTimer``): any PONG settles all PINGs, and one more than ``max_out`` without one
means that the connection is stale, ``max_out`` to ``max_out`` + 1 intervals after it stopped answering. Different from
there, data that still arrives postpones this once by an interval: the PONG may be behind it.
"""

import asyncio
import time

from natsmon.config.settings import Settings
from natsmon.probe.timer import Timer
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

_EMIT_EVERY = 1.0
"""Seconds between two events while every PING is answered before the next."""


class Keepalive:
    """Sends PINGs on a grid in time, counts those without a PONG, emits the state, and ends a stale connection."""

    def __init__(self, connection: ServerConnection, settings: Settings, emit: Emit) -> None:
        self._connection = connection
        self._interval = settings.ping_interval
        self._max_out = settings.max_pings_out
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._timer = Timer(self._tick, reads_first=True)
        self._ticked = 0.0
        self._outstanding = 0
        self._postponed = False
        """The loss was postponed because data arrived."""
        self._emitted = 0
        """Outstanding PINGs, as emitted last."""
        self._emitted_at = 0.0
        connection.on_pong = self._answered
        self._wait()
        self._emit_state()

    def stop(self) -> None:
        self._timer.stop()

    def _wait(self) -> None:
        self._ticked = time.monotonic()
        self._timer.set_on_grid(self._interval)

    def _tick(self) -> None:
        if self._outstanding < self._max_out:
            self._outstanding += 1
            self._connection.ping()
        elif self._postponed or self._connection.last_read < self._ticked:
            pings = "1 PING" if self._max_out == 1 else f"{self._max_out:,} PINGs"
            self._connection.lose("stale", f"no PONG for {pings}")
            return
        else:
            self._postponed = True
        self._wait()
        self._emit_changes()

    def _answered(self) -> None:
        self._postponed = False
        if self._outstanding:
            self._outstanding = 0
            self._emit_changes()

    def _emit_changes(self) -> None:
        """One outstanding PING is normal and emitted once a second; more of them, and their end, at once."""
        settled = self._emitted > 0 and self._outstanding == 0
        if settled or self._outstanding > 1 or self._emit.now() - self._emitted_at >= _EMIT_EVERY:
            self._emit_state()

    def _emit_state(self) -> None:
        now = self._emit.now()
        self._emitted, self._emitted_at = self._outstanding, now
        due = self._timer.at or self._loop.time()
        left = due - self._loop.time() + (self._max_out - self._outstanding) * self._interval
        self._emit(
            ev.Keepalive(
                interval=self._interval,
                max_out=self._max_out,
                outstanding=self._outstanding,
                stale_at=round(now + left, 4),
            )
        )
