"""Moments on the calendar. A server or a file may claim one that no calendar has; that is told, too."""

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
