"""Wait for what sends no event: the state of another process."""

import time
from collections.abc import Callable, Sequence

from natsmon.lab.nats_server import NatsServer
from tests.harness.time_limits import WAIT

_PERIOD = 0.005


def wait_until(met: Callable[[], bool], what: str, within: float = WAIT) -> None:
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


def wait_until_formed(servers: Sequence[NatsServer]) -> None:
    """Wait until each running server advertises as many servers to its clients.

    Raises:
        TimeoutError: The cluster has not formed in time.
    """
    wait_until(lambda: all(_advertises(server, len(servers)) for server in servers), "cluster")


def _advertises(server: NatsServer, size: int) -> bool:
    try:
        return len(server.info().get("connect_urls", ())) == size
    except OSError:
        return False
