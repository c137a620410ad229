"""The line when messages stop being delivered, and when they are delivered again: no event has that."""

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.wording.health import health
from natsmon.wording.narration.words import Line


def tally(event: ev.Tally | ev.Observed | ev.Rtt, state: State) -> Line:
    """A line where what is delivered has just changed."""
    note = state.delivery
    if note.changed != state.now or not (note.before or note.missing):
        return None
    again = f"messages are {'observed' if state.observing else 'delivered'} again"
    if not note.missing:
        return "good", f"all {again}" if note.before == "part" else again
    found = health(state, state.now)
    if note.missing == "part" and note.before:
        return "warn", f"{again}; {found.phrase}"
    return "bad" if note.missing == "all" else "warn", f"{found.word}: {found.phrase}"


observed = rtt = tally
