"""Learns the time after which something on the way cuts idle connections: a load balancer, a firewall, a NAT."""

from natsmon.dial.causes import Cause
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit
from natsmon.text import units

_LOSSES = 3
"""Losses in a row that are alike."""
_SHORTEST = 1.0
"""Seconds; shorter idle times are ignored."""
_ALIKE = 0.1
"""Share by which their idle times may differ."""
_CUTS = (Cause.EOF, Cause.RESET, Cause.WS_CLOSED)


class IdleLimit:
    """Compares how long a connection was idle at each loss."""

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
