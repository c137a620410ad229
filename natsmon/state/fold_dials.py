"""Fold of dials, stage by stage, and of the waits between them."""

from collections.abc import Iterator
from sys import intern
from typing import TYPE_CHECKING

from natsmon.state.fold_connection import name_server
from natsmon.state.fold_outages import count_manual
from natsmon.state.records import Dial, DialPart, Stretch
from natsmon.stream import events as ev
from natsmon.stream.codec import encode

if TYPE_CHECKING:
    from natsmon.state.state import State


def dial_start(state: "State", event: ev.DialStart) -> None:
    state.waiting = None
    stretch(state, waiting=False)
    abandon_dial(state)
    state.dial_count = max(state.dial_count, event.dial)
    state.attempts = event.attempt
    state.dials.append(
        Dial(
            id=event.dial,
            began=state.now,
            attempt=event.attempt,
            pool_pass=event.pool_pass,
            server=intern(event.server),
            reason=event.reason,
            discovered=event.discovered,
            timeout=event.timeout,
        )
    )
    if (outage := state.outage) is not None:
        outage.dials += 1


def abandon_dial(state: "State") -> None:
    """The dial in progress is over, although its end was not in the stream."""
    if (dial := state.dial) is not None:
        dial.total = dial.elapsed(state.now)
        finish(state, dial, "cancelled")


def dial_stage(state: "State", event: ev.DialStage) -> None:
    dial = state.find_dial(event.dial)
    if dial is None or (event.outcome == "started" and dial.outcome is not None):
        return
    began = max(0.0, state.now - event.elapsed)
    if event.stage == "tcp" and event.address:  # one address of the stage
        part = next((a for a in dial.addresses if a.name == event.address and a.outcome == "started"), None)
        if part is None:
            part = DialPart(intern(event.address), began)
            dial.addresses.append(part)
    else:
        part = dial.stages.get(event.stage)
        if part is None:
            part = dial.stages[event.stage] = DialPart(event.stage, began)
        if dial.outcome is None:
            dial.stage_reached = event.stage
    part.outcome = event.outcome
    part.elapsed = max(0.0, event.elapsed)
    part.cause, part.text = event.cause, intern(event.text)


def dial_tls(state: "State", event: ev.DialTls) -> None:
    if (dial := _with_room(state, event)) is not None:
        dial.tls = event


def dial_info(state: "State", event: ev.DialInfo) -> None:
    if (dial := _with_room(state, event)) is not None:
        dial.info = event
        dial.name = name_server(state, dial.server, event.info.get("server_name"), event.info.get("server_id"))


def dial_connect(state: "State", event: ev.DialConnect) -> None:
    if (dial := _with_room(state, event)) is not None:
        dial.connect = event


def _with_room(state: "State", event: ev.DialTls | ev.DialInfo | ev.DialConnect) -> Dial | None:
    """The dial that keeps this event; those of older dials are dropped for it. None for one that is too long."""
    dial, size, most = state.find_dial(event.dial), len(encode(event)), state.limits.dial_details
    if dial is None or size > most:
        return None
    dial.details += size
    total = 0
    for each in reversed(state.dials):
        if each.id < state.details_from:
            break
        total += each.details
        if total > most and each is not dial:
            each.info = each.connect = each.tls = None
            each.details = 0
            state.details_from = max(state.details_from, each.id + 1)
    return dial


def dial_end(state: "State", event: ev.DialEnd) -> None:
    dial = state.find_dial(event.dial)
    if dial is None:
        return
    dial.stage_reached = event.stage or dial.stage_reached
    dial.cause, dial.text = event.cause, intern(event.text)
    dial.total = max(0.0, event.total)
    finish(state, dial, event.outcome)
    if dial.failed:
        if state.explained >= state.dials[0].id:
            dial.found_cause = next((each.found_cause for each in _failed_alike(state, dial)), "")
            state.explained = dial.id if dial.found_cause else state.explained
        count_manual(state)


def dial_finding(state: "State", event: ev.DialFinding) -> None:
    """The dials that failed alike meanwhile are explained, too."""
    if (dial := state.find_dial(event.dial)) is not None:
        dial.finding = event
        state.explained = state.dials[-1].id
        for each in (dial, *_failed_alike(state, dial)):
            each.found_cause = event.cause


def _failed_alike(state: "State", dial: Dial) -> Iterator[Dial]:
    """The other dials of its server with the same failure, newest first, back to one that connected."""
    for each in reversed(state.dials):
        if each.server == dial.server and each is not dial:
            if each.outcome == "connected":
                return
            if (each.stage_reached, each.cause) == (dial.stage_reached, dial.cause):
                yield each


def finish(state: "State", dial: Dial, outcome: ev.DialOutcome) -> None:
    """End every part of a dial that has ended."""
    dial.outcome = outcome
    unfinished: ev.StageOutcome = "cancelled" if outcome == "cancelled" else "failed"
    for part in dial.parts:
        if part.outcome == "started":
            part.outcome = "complete" if outcome == "connected" else unfinished
            part.elapsed = max(0.0, state.now - part.began)


def waiting(state: "State", event: ev.Waiting) -> None:
    abandon_dial(state)
    state.waiting = event
    stretch(state, waiting=True)


def stretch(state: "State", *, waiting: bool) -> None:
    """Begin a stretch when dialing changes to waiting, or back, in the same status."""
    last = state.timeline[-1]
    if last.waiting != waiting:
        state.timeline.append(Stretch(state.now, state.status, last.manual, waiting))
