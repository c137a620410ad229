"""Attempts in words: which one it is, and of how many."""

from natsmon.state import State


def attempt_number(number: int, state: State, *, initial: bool) -> str:
    """``attempt 3 of 60``, in the initial connect or in one that follows a loss."""
    most = most_attempts(state, initial=initial)
    return f"attempt {number:,}" + (f" of {most:,}" if most else "")


def most_attempts(state: State, *, initial: bool) -> int:
    """0 for no limit, or for one of each of several servers. The initial connect has a first attempt beside them."""
    connection = state.connection
    if connection is None or connection.max_reconnects < 0 or max(len(state.pool), len(connection.servers)) > 1:
        return 0
    return connection.max_reconnects + 1 if initial else max(1, connection.max_reconnects)
