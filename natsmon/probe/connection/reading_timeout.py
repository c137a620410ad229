"""Timeout that lets pending input be read first after the process was suspended."""

import asyncio
from collections.abc import Callable

_DELAYED = 0.05
"""Seconds; a later timer was delayed by a stopped process, or a suspended machine."""
_READING = 0.1
"""Seconds for reading pending input."""


class ReadingTimeout:
    """Calls back once each time it is set; setting it again replaces the time."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._at = 0.0

    def set(self, at: float) -> None:
        """Call back at this time of the loop's clock."""
        self.stop()
        self._at = at
        self._timer = self._loop.call_at(at, self._wake)

    def stop(self) -> None:
        """Do not call back."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _wake(self) -> None:
        if self._loop.time() - self._at > _DELAYED:
            self._timer = self._loop.call_later(_READING, self._callback)
        else:
            self._callback()
