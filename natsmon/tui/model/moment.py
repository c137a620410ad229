"""What a panel is given to draw: the state, the present on the stream's clock, and how the stream fares."""

from collections.abc import Callable
from typing import Literal

import msgspec

from natsmon.state import State

Stream = Literal["live", "leaving", "ended", "died"]


class Moment(msgspec.Struct, frozen=True, eq=False):
    state: State
    now: float
    stream: Stream = "live"
    exit_reason: str = ""
    can_restart: bool = False
    recording: str = ""
    """The size of the recording that is being made; empty without one."""
    unable: str = ""
    """Why no command reaches a probe from here, whatever its state; empty where they do."""

    @property
    def dialing(self) -> bool:
        """True from the wish for a connection until there is one, or until it is given up."""
        return self.state.status in ("CONNECTING", "RECONNECTING") and not self.over

    @property
    def over(self) -> bool:
        return self.stream in ("ended", "died")


class StreamClock:
    """The stream's own clock, seen from here.

    A stream's times are seconds since its beginning, so an event's age is unknown; but none arrives before
    it happened, and the promptest of them sets the clock. It stands still once the stream is over, so that
    nothing is counted on that nobody measured.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._offset: float | None = None
        self._stopped: float | None = None

    def hear(self, t: float) -> None:
        offset = self._clock() - t
        if self._offset is None or offset < self._offset:
            self._offset = offset

    def stop(self) -> None:
        self._stopped = self.now(0.0)

    def now(self, at_least: float) -> float:
        return max(self._stopped, at_least) if self._stopped is not None else self.running(at_least)

    def running(self, at_least: float) -> float:
        """The same clock, had it not been stopped."""
        if self._offset is None:
            return at_least
        return max(self._clock() - self._offset, at_least)
