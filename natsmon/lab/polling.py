"""Wait for what sends no event: the state of another process."""

import time
from collections.abc import Callable

_PERIOD = 0.005


def wait_until(met: Callable[[], bool], what: str, within: float = 10.0) -> None:
    """Ask every 5 ms until a condition is met.

    Args:
        met: The condition.
        what: What is waited for, for the message of the error.
        within: Seconds.

    Raises:
        TimeoutError: It was not met in time.
    """
    deadline = time.monotonic() + within
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} within {within:g} s")
        time.sleep(_PERIOD)
