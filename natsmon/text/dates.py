"""Dates and times as text. Times outside the calendar, which a server or file may contain, are shown in seconds."""

import math
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from natsmon.text import units

_Zone = Callable[[float], time.struct_time]
_DAY = 86_400.0


def utc(form: str, epoch: float) -> str:
    """UTC, in a format of ``time.strftime``; ``epoch`` in seconds."""
    return _formatted(form, epoch, time.gmtime)


def local(form: str, epoch: float, unknown: str = "") -> str:
    """Local time, in a format of ``time.strftime``; ``unknown`` where the calendar does not have it."""
    return _formatted(form, epoch, time.localtime, unknown)


def day(epoch: float) -> str:
    """The date in UTC."""
    return utc("%Y-%m-%d", epoch)


def stamp(epoch: float) -> str:
    """Date and time in UTC."""
    return utc("%Y-%m-%d %H:%M:%S UTC", epoch)


def _formatted(form: str, epoch: float, zone: _Zone, unknown: str = "") -> str:
    try:
        return time.strftime(form, zone(epoch))
    except (OverflowError, ValueError, OSError):
        return unknown or f"{epoch:g} s after 1970"


def local_millis(epoch: float) -> str:
    """Local date and time to the millisecond, rounded down: the one format of a log's times."""
    epoch = round(epoch, 6)
    return local(f"%Y-%m-%d %H:%M:%S.{milliseconds(epoch)}", epoch)


def milliseconds(seconds: float) -> str:
    """The three digits behind the second, rounded down to the microsecond first: 0.1234999 is 123."""
    return f"{int(round(seconds % 1, 6) * 1000) % 1000:03}" if math.isfinite(seconds) else "---"


class RunClock(NamedTuple):
    """The wall clock of a run, in UTC; durations since the session began where the wall clock is unknown."""

    started: float
    """When the session began, in seconds since the epoch; 0 when unknown."""
    seconds: float
    """Its end, in seconds since the session began."""
    began: float = 0.0
    """Its beginning, likewise: later than 0 for a connection that was opened in the session."""
    steps: Sequence[tuple[float, float]] = ()
    """Since when the wall clock is how far ahead of ``started`` and the time: it was set, or the machine suspended."""

    def wall(self, t: float) -> float:
        """Seconds since the epoch at a time of the run."""
        return self.started + t + next((ahead for since, ahead in reversed(self.steps) if since <= t), 0.0)

    def without_steps(self) -> "RunClock":
        """A clock that shows the wall clock all the time, from the beginning to the end of the run."""
        return RunClock(self.started, self.wall(self.seconds) - self.started, self.wall(self.began) - self.started)

    @property
    def _several_days(self) -> bool:
        return self.started > 0 and self.wall(self.began) // _DAY != self.wall(self.seconds) // _DAY

    def at(self, t: float) -> str:
        """A time of the run: ``16:26:16``, ``11-22 16:26:16`` in a run over several days, or ``+1m15s``."""
        if self.started <= 0:
            return f"+{units.elapsed(t)}"
        return utc("%m-%d %H:%M:%S" if self._several_days else "%H:%M:%S", self.wall(t))

    @property
    def span(self) -> str:
        """Beginning and end: ``2026-11-22 16:26:09 to 16:27:24 UTC``."""
        if self.started <= 0:
            return "at an unknown time"
        end = "%Y-%m-%d %H:%M:%S UTC" if self._several_days else "%H:%M:%S UTC"
        began = utc("%Y-%m-%d %H:%M:%S", self.wall(self.began))
        return f"{began} to {utc(end, self.wall(self.seconds))}"


CLOCKS_DIFFER = 2.0
"""Seconds from which a difference of two clocks is shown; less may be the time of the answer."""


def clock_difference(ahead: float) -> str:
    """Compare a server's clock, so many seconds ahead, with this machine's; empty when they agree."""
    if abs(ahead) < CLOCKS_DIFFER:
        return ""
    return f"the server's clock is {units.elapsed(abs(ahead))} {'ahead of' if ahead > 0 else 'behind'} this machine's"
