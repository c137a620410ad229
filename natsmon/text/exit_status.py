"""The end of a child process in words."""

import signal


def ended(returncode: int) -> str:
    """``exit status 3``, or ``killed by SIGKILL``; of a return code as ``subprocess`` gives it."""
    if returncode >= 0:
        return f"exit status {returncode}"
    try:
        return f"killed by {signal.Signals(-returncode).name}"
    except ValueError:
        return f"killed by signal {-returncode}"
