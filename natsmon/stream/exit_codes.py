"""Exit codes of a run, and their meaning for a person."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit status of ``natsmon``; ``natsmon check`` has the codes of monitoring plugins instead."""

    ENDED = 0
    GAVE_UP = 1
    """Also without a connection in ``--duration``, with a forbidden ``--observe``, and where of ``--count`` verified
    messages none was delivered."""
    USAGE = 2
    MONITOR_STOPPED = 3
    INTERRUPTED = 130


EXIT_CODES: dict[int, str] = {
    Exit.ENDED: "ended by you or a limit",
    Exit.GAVE_UP: "gave up",
    Exit.USAGE: "wrong usage",
    Exit.MONITOR_STOPPED: "monitor stopped",
    Exit.INTERRUPTED: "interrupted before the first connect",
}
"""By code, in the words of the help and the documentation."""
