"""When the totals are told: soon after something changed that nothing else tells, and now and then in any case."""

import asyncio

from natsmon.probe.connection.dial_attempt import Clock, Emit
from natsmon.probe.messages.latency_samples import Latencies
from natsmon.probe.messages.ledger import Ledger
from natsmon.stream import events as ev

TALLY_EVERY = 0.1
CHECKPOINT_EVERY = 5.0
"""Seconds between two tallies that say what single messages have said already."""


class Tallies:
    def __init__(self, ledger: Ledger, latencies: Latencies, emit: Emit, moment: Clock) -> None:
        self._ledger = ledger
        self._latencies = latencies
        self._emit = emit
        self._moment = moment
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def due(self) -> bool:
        """One follows."""
        return self._timer is not None

    def changed(self, *, within: float = TALLY_EVERY) -> None:
        """A tally follows within these seconds; many changes make one."""
        at = self._loop.time() + within
        if self._timer is not None:
            if self._timer.when() <= at:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(at, self.tell)

    def tell(self) -> None:
        """One, now."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        ledger = self._ledger
        told = self._latencies.take()
        self._emit(
            ev.Tally(
                t=self._moment(),
                attempted=ledger.attempted,
                sent=ledger.sent,
                buffered=ledger.buffered,
                rejected=ledger.rejected,
                echoed=ledger.echoed,
                in_flight=ledger.in_flight,
                lost=ledger.lost,
                late=ledger.late,
                duplicate=ledger.duplicate,
                out_of_order=ledger.out_of_order,
                bytes=ledger.bytes,
                buffered_bytes=ledger.buffered_bytes,
                resent=ledger.resent,
                suppressed=ledger.suppressed,
                latency=told.percentiles if told is not None else None,
                latencies=told.counts if told is not None else [],
            )
        )
