"""Timer: one callback, whose time may be changed. After a suspend the loop can read pending input first."""

import asyncio
from collections.abc import Callable

_DELAYED = 0.05
"""Seconds; a later timer was delayed by a stopped process, or a suspended machine."""
_READING = 0.1
"""Seconds for reading pending input."""
_TURNS = 3
"""Turns of the loop after which what was in the socket is parsed: one reads it, the next parses it."""


class Timer:
    """Calls back once each time it is set; setting it again replaces the time.

    With ``reads_first``, pending input is read before: the answer may be in it. A late timer waits 0.1 s for that.
    """

    def __init__(self, callback: Callable[[], None], *, reads_first: bool = False) -> None:
        self.at: float | None = None
        """When it calls back, on the loop's clock; None unless it is set."""
        self._callback = callback
        self._reads_first = reads_first
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.Handle | None = None
        self._grid = self._loop.time()

    def set(self, at: float) -> None:
        self.stop()
        self.at = at
        self._handle = self._loop.call_at(at, self._wake)

    def set_in(self, seconds: float) -> None:
        self.set(self._loop.time() + seconds)

    def set_on_grid(self, interval: float) -> None:
        """Set it to the next multiple of the interval since it was made: being late once moves no later time."""
        self._grid += interval * max(1, int((self._loop.time() - self._grid) / interval) + 1)
        self.set(self._grid)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = self.at = None

    def _wake(self) -> None:
        if not self._reads_first or self.at is None:
            self._call_back()
        elif self._loop.time() - self.at > _DELAYED:
            self._handle = self._loop.call_later(_READING, self._call_back_after, _TURNS)
        else:
            self._call_back_after(_TURNS)

    def _call_back_after(self, turns: int) -> None:
        """Call back some turns of the loop later: the process may have been stopped until just now."""
        if turns:
            self._handle = self._loop.call_soon(self._call_back_after, turns - 1)
        else:
            self._call_back()

    def _call_back(self) -> None:
        self._handle = self.at = None
        self._callback()
