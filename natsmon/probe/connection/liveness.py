"""Whether and how fast a server answers: keepalive, silence and round trips; and whether idle connections are cut."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from natsmon.config.settings import Settings
from natsmon.dial.causes import Cause
from natsmon.probe.timer import Timer
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit
from natsmon.text import units

_EMIT_EVERY = 1.0
"""Seconds between two events of the keepalive while every PING is answered before the next."""
_MISSED = 1.9
"""Intervals between messages: two are without an echo then, and the third has not been sent yet."""
_LEAST = 1.0
"""Seconds of silence: longer than two retransmissions of a lost packet (0.2 and 0.4 s), a garbage collector's pause, or
a satellite connection."""
_MOST = 1.9
"""Seconds of silence: with long intervals, one missed answer is enough."""
_MOST_OUT = 16
"""PINGs of round trips without a PONG; those due beyond are counted as omitted."""

_LOSSES = 3
"""Losses in a row that are alike."""
_SHORTEST = 1.0
"""Seconds; shorter idle times are ignored."""
_ALIKE = 0.1
"""Share by which their idle times may differ."""
_CUTS = (Cause.EOF, Cause.RESET, Cause.WS_CLOSED)


class Keepalive:
    """Sends PINGs on a grid in time, counts those without a PONG, emits the state, and ends a stale connection.

    The rule is nats.go's (``processPingTimer``): any PONG settles all PINGs, and one more than ``max_out`` without one
    means that the connection is stale, ``max_out`` to ``max_out`` + 1 intervals after it stopped answering. Different
    from there, data that still arrives postpones this once by an interval: the PONG may be behind it.
    """

    def __init__(self, connection: ServerConnection, settings: Settings, emit: Emit) -> None:
        self._connection = connection
        self._interval = settings.ping_interval
        self._max_out = settings.max_pings_out
        self._emit = emit
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
            self._connection.lose("stale", f"no PONG for {units.plural(self._max_out, 'PING')}")
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
        clock = asyncio.get_running_loop().time()
        left = (self._timer.at or clock) - clock + (self._max_out - self._outstanding) * self._interval
        self._emit(
            ev.Keepalive(
                interval=self._interval,
                max_out=self._max_out,
                outstanding=self._outstanding,
                stale_at=round(now + left, 4),
            )
        )


def patience(settings: Settings) -> float:
    """Seconds to wait for an answer: never more than half of what makes the connection stale."""
    wanted = min(max(_MISSED * settings.interval, _LEAST), _MOST)
    return min(wanted, settings.ping_interval * settings.max_pings_out / 2)


class Silence:
    """An answer is due and has not arrived, long before the connection counts as stale.

    A message that is to come back, or a PING, asks for an answer; a delivered message and a PONG are answers. Other
    data is none: in a one-way stall, or behind the messages of others, the server may still not process what we send.
    ``flying`` returns how many messages are in flight.
    """

    def __init__(self, connection: ServerConnection, settings: Settings, flying: Callable[[], int], emit: Emit) -> None:
        self._connection = connection
        self._patience = patience(settings)
        self._flying = flying
        self._emit = emit
        self._timer = Timer(self._check, reads_first=True)
        self._since = 0.0
        self._timer.set_in(self._patience)

    def stop(self) -> None:
        self._timer.stop()
        self._connection.on_answer = None

    def _check(self) -> None:
        """Requests sent after this have time until the next check, so that none is needed in between."""
        connection, flying = self._connection, self._flying()
        now = time.monotonic()
        asked = connection.asked_since(messages=flying > 0)
        left = self._patience - (now - asked if asked is not None else 0.0)
        if left > 0:
            self._timer.set_in(left)
            return
        self._since = connection.last_answer
        connection.on_answer = self._answered
        since = round(self._emit.stream_time(self._since), 4)
        self._emit(ev.Silent(since=since, missed=flying, server=connection.server.url))

    def _answered(self) -> None:
        self._connection.on_answer = None
        self._emit(ev.SilenceEnded(seconds=round(self._connection.last_answer - self._since, 4)))
        self._timer.set_in(self._patience)


@dataclass(slots=True)
class _Ping:
    sent: float
    omitted: int = 0


class RoundTrips:
    """Times a PING each ``interval`` seconds, in the process that owns the connection; none with 0.

    A PING is sent whenever one is due, also while the last one is not answered: no answer moves the schedule. Otherwise
    a stall of five seconds would be one sample instead of five ("coordinated omission").
    """

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


class IdleLimit:
    """Learns the time after which something on the way cuts idle connections: a load balancer, a firewall, a NAT."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._idle: list[float] = []
        self._emitted = False

    def lost(self, loss: ev.Disconnected, idle: float) -> None:
        """Count a loss, which has been emitted; ``idle`` is seconds since the last data in either direction."""
        if loss.cause not in _CUTS or idle < _SHORTEST:
            self._idle.clear()
            return
        self._idle = [*self._idle, idle][-_LOSSES:]
        shortest, longest = min(self._idle), max(self._idle)
        if len(self._idle) < _LOSSES or longest - shortest > _ALIKE * longest or self._emitted:
            return
        self._emitted = True
        reason = f"closed after {units.elapsed(shortest)} without data each time: an idle limit of a load balancer"
        learned = ev.CloseReason(outage=loss.outage, reason=reason, cause=Cause.IDLE_LIMIT, server=loss.server)
        self._emit(learned, at=loss.t)  # the status changes at that time too, and is emitted next
