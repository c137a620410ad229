"""A connection that is up by name only: nothing has come from the server for longer than there should be between."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from natsmon.state import RTTS_KEPT, State
from natsmon.tui.moment import Moment

LEAST = 3.0
"""Seconds without a word that are nobody's concern, however often there is a PING."""
_INTERVALS = 3
_DEFAULT_INTERVAL = 1.0


def seconds(moment: Moment) -> float | None:
    """How long neither PONG nor echo has come; none while that is not too long, or there is no connection."""
    state = moment.state
    if state.status != "CONNECTED" or moment.over:
        return None
    heard = max(state.status_since, state.latency_at, state.rtts[-1][0] if state.rtts else 0.0)
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
        self._known_from = heard[0] if len(heard) == RTTS_KEPT else 0.0
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
    setting = state.session.settings.get("rtt-interval") if state.session else None
    return max(LEAST, _INTERVALS * _interval(setting[0] if setting else ""))


@lru_cache(maxsize=4)
def _interval(text: str) -> float:
    if not text:
        return _DEFAULT_INTERVAL
    from natsmon.units import parse_duration  # not before the first paint

    try:
        return parse_duration(text)
    except ValueError:
        return _DEFAULT_INTERVAL
