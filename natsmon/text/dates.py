"""Moments on the calendar. A server or a file may claim one that no calendar has; that is told, too."""

import math
import time
from collections.abc import Callable

_Zone = Callable[[float], time.struct_time]


def utc(form: str, epoch: float) -> str:
    """As ``time.strftime`` has it; ``epoch`` is in seconds."""
    return _told(form, epoch, time.gmtime)


def local(form: str, epoch: float) -> str:
    return _told(form, epoch, time.localtime)


def day(epoch: float) -> str:
    return utc("%Y-%m-%d", epoch)


def stamp(epoch: float) -> str:
    return utc("%Y-%m-%d %H:%M:%S UTC", epoch)


def _told(form: str, epoch: float, zone: _Zone) -> str:
    try:
        return time.strftime(form, zone(epoch))
    except (OverflowError, ValueError, OSError):
        return f"{epoch:g} s after 1970"


def local_millis(epoch: float) -> str:
    """Local date and time to the millisecond, rounded down: the one format of a log's times."""
    epoch = round(epoch, 6)
    return local(f"%Y-%m-%d %H:%M:%S.{milliseconds(epoch)}", epoch)


def milliseconds(seconds: float) -> str:
    """The three digits behind the second, rounded down to the microsecond first: 0.1234999 is 123."""
    return f"{int(round(seconds % 1, 6) * 1000) % 1000:03}" if math.isfinite(seconds) else "---"
