"""The line when messages stop being delivered, and when they are delivered again: no event has that."""

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.wording.health import health
from natsmon.wording.narration.words import Kind, Line

_PART = "PARTLY DELIVERED"
_UNDELIVERED: dict[str, Kind] = {"NOT DELIVERING": "bad", _PART: "warn"}
_CHECK_EVERY = 1.0
"""Seconds of the stream between two looks at the health."""


def tally(event: ev.Tally | ev.Observed | ev.Rtt, state: State) -> Line:
    """A line where the health differs from what the log has noted of it, as far as it is about delivery."""
    checked, before = state.delivery_noted
    suspect = before or state.rates.failed_at or state.tally.buffered or state.observing
    if not suspect or state.now - checked < _CHECK_EVERY:
        return None
    found = health(state, state.now)
    word = found.word if found.word in _UNDELIVERED else ""
    state.delivery_noted = state.now, word
    if word == before or (not word and state.status != "CONNECTED"):
        return None
    again = f"messages are {'observed' if state.observing else 'delivered'} again"
    if word == _PART and before:
        return "warn", f"{again}; {found.phrase}"
    if word:
        return _UNDELIVERED[word], f"{word}: {found.phrase}"
    return "good", f"all {again}" if before == _PART else again


observed = rtt = tally
