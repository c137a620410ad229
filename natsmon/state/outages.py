"""Outages: from the loss of a connection to the next one, and the probe's own account of each."""

from natsmon.state.known import Known
from natsmon.state.records import ConnectionRecord, OutageRecord
from natsmon.stream import events as ev


def end_outage(state: Known, after: str) -> None:
    if (outage := state.outage) is not None:
        outage.ended = state.now
        outage.after = after


def outage_before(state: Known, connection: ConnectionRecord) -> OutageRecord | None:
    """The outage that this connection ended."""
    return next((o for o in reversed(state.outages) if o.ended == connection.began), None)


def reconnected(state: Known, event: ev.Reconnected) -> None:
    state.reconnects += 1


def outage(state: Known, event: ev.Outage) -> None:
    """The probe's own account of an outage replaces what was gathered of it on the way."""
    row = state.outage_of(event.began)
    if row is None:
        state.outage_count += 1
        row = OutageRecord(began=event.began, cause=event.cause)
        later: list[OutageRecord] = []
        while state.outages and (state.outages[-1].ended is None or state.outages[-1].began > event.began):
            later.append(state.outages.pop())
        state.outages += [row, *reversed(later)]
    row.ended = max(event.ended, row.began)
    row.cause, row.text = event.cause, event.text
    row.before, row.after = event.before, event.after
    row.detected_after, row.dials = max(0.0, event.detected_after), event.dials
    row.buffered, row.rejected = event.buffered, event.rejected
    row.corrected = row.corrected or (row.settled and event.lost < row.lost)
    row.lost, row.unknown, row.late, row.duplicate = event.lost, event.unknown, event.late, event.duplicate
    row.servers, row.lost_seqs = event.servers, event.lost_seqs
    row.settled = True


def close_reason(state: Known, event: ev.CloseReason) -> None:
    """The server's word on a connection that was lost stands beside ours."""
    row = state.outage_of(event.began)
    if row is not None:
        row.reason = event.reason
