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


def sentence(program: str, returncode: int) -> str:
    """``ssh ended with exit status 255``, or ``ssh was killed by SIGKILL``."""
    return f"{program} {'was' if returncode < 0 else 'ended with'} {ended(returncode)}"
