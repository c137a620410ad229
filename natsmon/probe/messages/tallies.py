"""When totals are emitted: soon after a change that no other event carries, and regularly in any case."""

import asyncio
from collections.abc import Callable

from natsmon.probe.messages.latency_samples import LatencySamples
from natsmon.probe.messages.ledger import Ledger
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit

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
        ledger = self._ledger
        samples = self._latencies.take()
        if samples is not None:
            self._emit(samples)
        self._emit(
            ev.Tally(
                attempted=ledger.attempted,
                sent=ledger.sent,
                buffered=ledger.buffered,
                rejected=ledger.rejected,
                delivered=ledger.delivered,
                in_flight=ledger.in_flight,
                undelivered=ledger.undelivered,
                unverified=ledger.unverified,
                lost=ledger.lost,
                late=ledger.late,
                duplicate=ledger.duplicate,
                out_of_order=ledger.out_of_order,
                bytes=ledger.bytes,
                buffered_bytes=ledger.buffered_bytes,
                resent=ledger.resent,
                suppressed=ledger.suppressed,
            )
        )
        self._emitted()
