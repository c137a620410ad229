"""A connection that is up by name only: nothing has come from the server for longer than there should be between."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise

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


class Record:
    """Where the PONGs kept leave a gap; of echoes it is not kept when they came."""

    def __init__(self, moment: Moment, since: float) -> None:
        state = moment.state
        self._moment = moment
        self._patience = patience(state)
        self._now_silent = seconds(moment) is not None
        heard = [t for t, _ in state.rtts]
        self._known_from = heard[0] if len(heard) == state.limits.rtts else 0.0
        self._heard = heard[bisect_left(heard, since - self._patience) :]

    def within(self, began: float, until: float) -> Iterator[tuple[float, float]]:
        """The silent parts of a stretch of being connected."""
        began = max(began, self._known_from)
        if until - began <= self._patience:
            return
        heard = self._heard[bisect_left(self._heard, began) : bisect_right(self._heard, until)]
        for first, last in pairwise((began, *heard, until)):
            if last - first > self._patience and (last < self._moment.now or self._now_silent):
                yield first, last


def patience(state: State) -> float:
    """Seconds without a word after which it is silence."""
    return max(LEAST, _INTERVALS * state.ping_interval)
