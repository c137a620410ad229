"""PING to PONG round trips, timed in the process that owns the connection."""

import asyncio

from natsmon import events as ev
from natsmon.probe.attempt import Clock, Emit
from natsmon.probe.link import Link


class RoundTrips:
    """One round trip every ``interval`` seconds while there is a link; the next PING waits for the last PONG."""

    def __init__(self, interval: float, emit: Emit, clock: Clock) -> None:
        self._interval = interval
        self._emit = emit
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def link_up(self, link: Link) -> None:
        self.link_down()
        if self._interval > 0:
            self._task = asyncio.get_running_loop().create_task(self._measure(link))

    def link_down(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _measure(self, link: Link) -> None:
        while link.open:
            seconds = round(await link.ping(), 6)
            self._emit(ev.Rtt(t=self._clock(), seconds=seconds))
            await asyncio.sleep(self._interval)
