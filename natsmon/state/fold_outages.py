"""Fold of outages: from a loss to the next CONNECTED, and the probe's account of what each cost."""

from collections import deque
from sys import intern
from typing import TYPE_CHECKING

from msgspec.structs import replace

from natsmon.state.records import OUTAGE_COSTS, OutageRecord
from natsmon.stream import events as ev

if TYPE_CHECKING:
    from natsmon.state.state import State

_VAGUE = ("eof", "reset", "closed", "unknown")
_SEEN = {**dict.fromkeys(_VAGUE, _VAGUE), "lame_duck": (*_VAGUE, "shutdown")}
"""Causes that a client sees where the server may know more, each with the close reasons that add nothing to it."""


def disconnected(state: "State", event: ev.Disconnected) -> None:
    state.last_disconnect = event
    silent_since = state.silent.since if state.silent is not None else None
    if (period := state.period) is not None:
        period.cause = event.cause
    last = state.periods[-1] if state.periods else None
    if event.outage > state.last_outage:
        end_outage(state, after="")
        state.last_outage = event.outage
        state.manual_reconnects += event.manual
        state.outages.append(
            OutageRecord(
                id=event.outage,
                began=event.t,
                cause=event.cause,
                text=intern(event.text),
                reason=event.reason,
                before=intern(event.server),
                before_name=last.server_name if last is not None and last.server == event.server else "",
                manual=event.manual,
                silent_since=silent_since,
                verifiable=not (state.unverified or state.observing),
            )
        )


def count_manual(state: "State") -> None:
    """A dial of a manual reconnect failed: from its beginning, it counts as an outage."""
    outage = state.outage
    if outage is None or not outage.manual:
        return
    outage.manual = False
    state.manual_reconnects -= 1
    state.timeline = deque(
        (replace(each, manual=False) if each.began >= outage.began else each for each in state.timeline),
        state.timeline.maxlen,
    )


def end_outage(state: "State", after: str, name: str = "") -> None:
    if (outage := state.outage) is not None:
        outage.ended = state.now
        outage.after, outage.after_name = intern(after), name
        if outage.manual:
            state.manual_seconds += outage.downtime(state.now)


def reconnected(state: "State", event: ev.Reconnected) -> None:
    state.reconnects += 1


def outage(state: "State", event: ev.Outage) -> None:
    """The probe's account replaces what was gathered meanwhile."""
    record = state.find_outage(event.outage)
    if record is None:
        oldest = state.outages[0].id if len(state.outages) == state.outages.maxlen else 1
        if event.outage < oldest:
            return  # its record was dropped to make room
        if event.outage > state.last_outage:
            end_outage(state, after="")
            state.last_outage = event.outage
        record = OutageRecord(id=event.outage, began=event.began, manual=event.manual)
        state.manual_reconnects += event.manual
        state.outages = deque(sorted([*state.outages, record], key=lambda each: each.id), state.outages.maxlen)
    for name in OUTAGE_COSTS:
        state.outage_costs[name] = state.outage_costs.get(name, 0) + getattr(event, name) - getattr(record, name)
    record.began, record.ended = event.began, max(event.ended, event.began)
    record.cause, record.text = event.cause, intern(event.text)
    record.before, record.after = intern(event.before), intern(event.after)
    record.detected_after, record.dials = max(0.0, event.detected_after), event.dials
    record.buffered, record.rejected = event.buffered, event.rejected
    record.corrected = record.corrected or (record.settled and event.lost < record.lost)
    record.lost, record.unverified, record.late = event.lost, event.unverified, event.late
    record.duplicate, record.servers, record.lost_seqs = event.duplicate, event.servers, event.lost_seqs
    record.settled = True
    if len(state.outages) > state.limits.lost_seqs:
        state.outages[-1 - state.limits.lost_seqs].lost_seqs = []


def close_reason(state: "State", event: ev.CloseReason) -> None:
    record = state.find_outage(event.outage)
    if record is not None:
        record.reason = event.reason
        if event.cause not in _SEEN.get(record.cause, (event.cause,)):
            record.found_cause = event.cause
