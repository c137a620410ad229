"""When totals and latencies are emitted: soon after a change that no other event carries, and regularly in any case."""

import asyncio
from collections import Counter
from collections.abc import Callable

from natsmon.probe.messages.ledger import Ledger
from natsmon.probe.timer import Timer
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit
from natsmon.stream.latency_buckets import quantised

_TOTALS = [name for name in ev.Tally.__struct_fields__ if name not in ev.Event.__struct_fields__]
TALLY_EVERY = 0.1
CHECKPOINT_EVERY = 5.0
"""Seconds between two tallies while single messages carry every change."""


class LatencySamples:
    """Collects the latencies of echoes, in seconds."""

    def __init__(self) -> None:
        self._seconds: list[float] = []
        self.add: Callable[[float], None] = self._seconds.append

    def take(self) -> ev.Latencies | None:
        """The samples added since the last call, in buckets; none without one."""
        if not self._seconds:
            return None
        counts: Counter[int] = Counter()
        for seconds, many in Counter(self._seconds).items():  # at full speed many are equal: they were read at once
            counts[quantised(seconds)] += many
        longest = round(max(self._seconds), 6)
        self._seconds.clear()
        return ev.Latencies(kind="echo", counts=sorted(counts.items()), longest=longest)


class Tallies:
    """Emits the totals of a ledger, and the latencies since they were last emitted."""

    def __init__(self, ledger: Ledger, emit: Emit) -> None:
        self.latencies = LatencySamples()
        self.on_emitted: Callable[[], None] = lambda: None
        """Called after each tally."""
        self._ledger = ledger
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._timer = Timer(self.emit_now)

    @property
    def due(self) -> bool:
        """Whether a tally is scheduled."""
        return self._timer.at is not None

    def changed(self, *, within: float = TALLY_EVERY) -> None:
        """Emit a tally within these seconds; several changes make one."""
        at = self._loop.time() + within
        if self._timer.at is None or self._timer.at > at:
            self._timer.set(at)

    def emit_now(self) -> None:
        """Emit a tally now, and the latencies since the last one."""
        self._timer.stop()
        samples = self.latencies.take()
        if samples is not None:
            self._emit(samples)
        self._emit(ev.Tally(**{name: getattr(self._ledger, name) for name in _TOTALS}))
        self.on_emitted()
