"""How a run ended, as its exit status says it."""

from enum import IntEnum


class Exit(IntEnum):
    ENDED = 0
    """The user or a limit (``--count``, ``--duration``) ended it."""
    GAVE_UP = 1
    """Closed without being asked: no server was left to dial."""
    USAGE = 2
    """Wrong usage or settings; nothing was started."""
    PROBE_DIED = 3
    INTERRUPTED = 130
    """By a signal, before the first connect."""
