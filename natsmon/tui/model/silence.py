"""A connection that is up by name only: nothing has come from the server for longer than there should be between."""

from natsmon.state import State
from natsmon.tui.model.moment import Moment

LEAST = 3.0
"""Seconds without a word that are nobody's concern, however often there is a PING."""
_INTERVALS = 3


def seconds(moment: Moment) -> float | None:
    """How long neither PONG nor echo has come; none while that is not too long, or there is no connection.

    A stream that does not say so itself is judged by its PONGs and echoes.
    """
    state = moment.state
    if state.status != "CONNECTED" or moment.over:
        return None
    if state.keepalive is not None:  # who tells of PINGs tells of silence, and knows better
        return max(0.0, moment.now - state.silent.since) if state.silent is not None else None
    heard = max(state.status_since, state.rtts[-1][0] if state.rtts else 0.0)
    quiet = moment.now - heard
    return quiet if quiet > patience(state) else None


def patience(state: State) -> float:
    """Seconds without a word after which it is silence."""
    return max(LEAST, _INTERVALS * state.ping_interval)
