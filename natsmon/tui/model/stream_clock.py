"""The stream's clock as a view sees it, and the age of the view's data."""

from collections.abc import Callable

from natsmon.state.limits import NO_DATA_AFTER

_DRIFT = 0.0002
"""Seconds a second by which two clocks may drift apart."""
_BLOCKED_FROM = 1.0
"""Seconds between two looks above which the view itself was suspended or blocked."""


class StreamClock:
    """The present on the stream's clock: the view's clock minus an offset.

    The event that took the shortest time to arrive gives the offset. It may rise as fast as clocks drift apart, and a
    ``clock`` event resets it. After ``stop`` the clock stands still.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._offset: float | None = None
        self._offset_at = 0.0
        self._newest = 0.0
        self._stopped: float | None = None
        self._looked = self._runs_since = clock()

    def received(self, t: float, *, reset: bool = False) -> None:
        """Take over the time of an event that has just arrived."""
        now = self._clock()
        offset = now - t
        drifted = self._offset is not None and offset > self._offset + _DRIFT * (now - self._offset_at)
        if self._offset is None or reset or not drifted:
            self._offset, self._offset_at = offset, now
        self._newest = max(self._newest, t)

    def stop(self) -> None:
        self._stopped = self.now(0.0)

    def look(self) -> None:
        """Note that the view's loop runs. Called at each frame."""
        now = self._clock()
        if now - self._looked > _BLOCKED_FROM:
            self._runs_since = now
        self._looked = now

    @property
    def data_age(self) -> float:
        """Seconds since the newest event; while the view may not have read its backlog yet, at most since then."""
        if self._offset is None or self._stopped is not None:
            return 0.0
        now = self._clock()
        age = max(0.0, now - self._offset - self._newest)
        return min(age, now - self._runs_since) if age > NO_DATA_AFTER else age

    def now(self, at_least: float) -> float:
        """The present; it stands still while the data is old, and after the stream has ended."""
        if self._stopped is not None:
            return max(self._stopped, at_least)
        return max(at_least, min(self.running(at_least), self._newest + NO_DATA_AFTER))

    def running(self, at_least: float) -> float:
        """The present, for a line of the view's own: it goes on when data is old or the stream has ended."""
        if self._offset is None:
            return at_least
        return max(self._clock() - self._offset, at_least)
