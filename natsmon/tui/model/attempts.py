"""The tries at a connection that is not there yet: since when, how many, and how the last of them failed."""

from typing import NamedTuple

from natsmon.state import Dial, State
from natsmon.tui.model.moment import Moment


class Series(NamedTuple):
    began: float
    dials: int
    failed: Dial | None
    """The last dial that failed."""


def under_way(moment: Moment) -> Series | None:
    """The series of a first connection, or of a new one after the end of the last; none when there is none."""
    state = moment.state
    if state.status not in ("CONNECTING", "DISCONNECTED") or moment.over or not (state.dials or state.waiting):
        return None
    began = state.status_since
    for stretch in reversed(state.timeline):
        if stretch.status not in ("CONNECTING", "DISCONNECTED"):
            break
        if stretch.status == "CONNECTING":  # before the first of these nothing was wanted
            began = stretch.began
    else:
        if len(state.timeline) == state.limits.stretches:  # it began before what is kept: with the session
            began = 0.0
    return before(state)._replace(began=began)


def before(state: State) -> Series:
    """The dials since the connection was lost, or first wanted, up to the last one made."""
    attempts = state.dials[-1].attempt if state.dials else 0
    recent = [dial for dial, _ in zip(reversed(state.dials), range(attempts), strict=False)]
    failed = next((dial for dial in recent if dial.outcome in ("failed", "timeout")), None)
    return Series(recent[-1].began if recent else state.status_since, attempts, failed)
