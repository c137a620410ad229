"""Whether messages get through, from the totals: the headline shows it, and the log when it changes."""

from typing import TYPE_CHECKING, Literal

import msgspec

from natsmon.stream import events as ev

if TYPE_CHECKING:
    from natsmon.state.state import State

Missing = Literal["", "part", "all"]
_UNDELIVERED_FOR = 2.5
"""Seconds without a delivery, while messages fail, after which nothing gets through."""
_NEVER_DELIVERED_FOR = 0.5
"""The same, when none has ever been delivered."""
_MIXED_FOR = 10.0
"""The same, when deliveries and failures alternated in the last minute."""
_MINUTE = 60.0
_CHECK_EVERY = 1.0
"""Seconds of the stream between two looks for the log."""


class DeliveryNote(msgspec.Struct, gc=False):
    """What the log has noted of it."""

    checked: ev.Seconds = 0.0
    changed: ev.Seconds = 0.0
    before: Missing = ""
    missing: Missing = ""
    since: ev.Seconds = 0.0
    """While all is missing: the last delivery, or the connect."""
    missed: ev.Seconds = 0.0
    """Seconds CONNECTED without a delivery, of the times that have ended."""

    def change(self, missing: Missing, now: float, since: float) -> None:
        """Note that ``missing`` holds from ``now`` on, after a delivery or a connect at ``since``."""
        if self.missing == "all":
            self.missed += max(0.0, now - self.since)
        self.missing, self.since = missing, since


def is_missing(state: "State", now: float) -> Missing:
    """What was not delivered: in the last minute a part of the messages, or all until now."""
    if _nothing_arrives(state, now):
        return "all"
    last = state.rates.last_minute(now, state.tally)
    return "part" if last.undelivered + last.rejected > 0 else ""


def _nothing_arrives(state: "State", now: float) -> bool:
    """Not where nothing is due."""
    rates = state.rates
    if state.observing:
        return state.observed is not None and state.observed.refused != ""
    waited = now - max(rates.delivered_at, state.status_since)
    patience = _UNDELIVERED_FOR if rates.delivered_at else _NEVER_DELIVERED_FOR
    mixed = rates.mixed_at > 0 and now - rates.mixed_at < _MINUTE
    has_stopped = state.paused and rates.delivered_at > state.status_since  # no delivery is due any more
    failing = rates.failed_since > 0 and not has_stopped and waited >= (_MIXED_FOR if mixed else patience)
    pending = state.acknowledged and state.tally.in_flight > 0
    unacknowledged = pending and now - rates.pending_since >= _UNDELIVERED_FOR
    stuck = (state.tally.buffered > 0 or unacknowledged) and not state.paused and waited >= patience
    return failing or stuck


def note_delivery(state: "State") -> None:
    """Note a change, once a second while the server answers; a new connection begins without a note."""
    note = state.delivery
    if state.status != "CONNECTED":
        note.change("", state.status_since, 0.0)
        return
    suspect = note.missing or state.rates.failed_at or state.tally.buffered or state.acknowledged or state.observing
    if not suspect or state.silent is not None or state.now - note.checked < _CHECK_EVERY:
        return
    note.checked = state.now
    found = is_missing(state, state.now)
    if found != note.missing:
        note.before, note.changed = note.missing, state.now
        note.change(found, state.now, max(state.rates.delivered_at, state.status_since))


def without_delivery(state: "State", now: float) -> float:
    """Seconds CONNECTED in which messages were due and none was delivered."""
    note = state.delivery
    return note.missed + (max(0.0, now - note.since) if note.missing == "all" else 0.0)
