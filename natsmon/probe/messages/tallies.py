"""When totals are emitted: soon after a change that no other event carries, and regularly in any case."""

import asyncio
from collections.abc import Callable

from natsmon.probe.messages.latency_samples import LatencySamples
from natsmon.probe.messages.ledger import Ledger
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

_TOTALS = [name for name in ev.Tally.__struct_fields__ if name not in ev.Event.__struct_fields__]
TALLY_EVERY = 0.1
CHECKPOINT_EVERY = 5.0
"""Seconds between two tallies while single messages carry every change."""


class Tallies:
    """Emits the totals of a ledger. ``emitted`` is called after each tally."""

    def __init__(self, ledger: Ledger, latencies: LatencySamples, emit: Emit, emitted: Callable[[], None]) -> None:
        self._ledger = ledger
        self._latencies = latencies
        self._emit = emit
        self._emitted = emitted
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def due(self) -> bool:
        """Whether a tally is scheduled."""
        return self._timer is not None

    def changed(self, *, within: float = TALLY_EVERY) -> None:
        """Emit a tally within these seconds; several changes make one."""
        at = self._loop.time() + within
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self.emit_now)

    def emit_now(self) -> None:
        """Emit a tally now, and the latencies since the last one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        samples = self._latencies.take()
        if samples is not None:
            self._emit(samples)
        self._emit(ev.Tally(**{name: getattr(self._ledger, name) for name in _TOTALS}))
        self._emitted()
