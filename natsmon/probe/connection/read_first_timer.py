"""A timer for what has not come: it does not ring before what came meanwhile has been read."""

import asyncio
from collections.abc import Callable

_HELD_UP = 0.05
"""Seconds; a timer that is later than that woke up in a process that was stopped, or a machine that slept."""
_READING = 0.1
"""Seconds to read what has been waiting since."""


class Alarm:
    """Rings once each time it is set; setting it again, or stopping it, forgets the time before."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0

    def set(self, at: float) -> None:
        """``at`` is the loop's time."""
        self.stop()
        self._at = at
        self._timer = self._loop.call_at(at, self._wake)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        if self._loop.time() - self._at > _HELD_UP:
            self._timer = self._loop.call_later(_READING, self._ring)
        else:
            self._ring()
