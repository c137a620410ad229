"""Schedule: when messages are due, on a grid in time. Being late once moves no later message."""

import asyncio
from collections.abc import Callable

from natsmon.probe.timer import Timer

CATCH_UP = 0.1
"""Seconds of schedule that are made up for after the loop was late; what is older is left out."""
_AT_ONCE = 256
"""Messages published in one turn of the loop."""
_ON_TIME = 0.01
"""Seconds after it was due within which a message is on time."""
_GRAIN = 0.001
"""Seconds: uvloop's timers count these, and may be early by as much. Such a message is published, and not waited for:
the loop would spin until it is due."""


class Schedule:
    """Calls ``publish`` each ``interval`` seconds with the time a message was due; False when there is none.

    ``now`` and that time are of the stream's clock.
    """

    def __init__(self, interval: float, now: Callable[[], float], publish: Callable[[float], bool]) -> None:
        self._interval = interval
        self._now = now
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timer = Timer(self._tick)

    def start(self, after: float = 0.0) -> None:
        """Begin with a message in so many seconds; without effect when it runs."""
        if self._timer.at is None:
            self._due = self._loop.time() + after
            self._timer.set(self._due)

    def stop(self) -> None:
        self._timer.stop()

    def _tick(self) -> None:
        interval, now = self._interval, self._loop.time()
        if self._due < now - max(interval, CATCH_UP):
            self._due += interval * int((now - self._due) / interval)
        offset = now - self._now()
        self._timer.set(self._due)  # ``publish`` may stop it
        for _ in range(_AT_ONCE):  # the rest is due at once, but what the server sends is read before
            if self._due > now + _GRAIN:
                break
            # A message that is late counts from when it was due; the grain of a timer is not lateness.
            if not self._publish(self._due - offset if now - self._due > _ON_TIME else self._now()):
                self._due = now + max(interval, CATCH_UP)
                break
            self._due += interval
        if self._timer.at is not None:
            self._timer.set(self._due)
