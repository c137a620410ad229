"""Dials: begun, stage by stage, ended; and the waits between them."""

from natsmon.state.known import Known
from natsmon.state.records import AddressTry, Dial, StageRecord, Stretch
from natsmon.stream import events as ev


def dial_start(state: Known, event: ev.DialStart) -> None:
    state.waiting = None
    stretch(state, waiting=False)
    abandon_dial(state)
    state.dial_count += 1
    state.dials.append(
        Dial(
            id=event.dial,
            began=state.now,
            attempt=event.attempt,
            round=event.round,
            server=event.server,
            why=event.why,
            timeout=event.timeout,
        )
    )
    if (outage := state.outage) is not None:
        outage.dials += 1


def abandon_dial(state: Known) -> None:
    """The end of the dial under way was not told, and it is over all the same."""
    if (dial := state.dial) is not None:
        dial.total = dial.elapsed(state.now)
        finish(state, dial, "cancelled")


def dial_stage(state: Known, event: ev.DialStage) -> None:
    dial = state.find_dial(event.dial)
    if dial is None or (event.outcome == "started" and dial.outcome is not None):
        return
    if event.stage == "tcp" and event.address:
        race(state, dial, event)
        return
    record = dial.stages.get(event.stage)
    if record is None:
        record = dial.stages[event.stage] = StageRecord(event.stage, max(0.0, state.now - event.elapsed))
    record.outcome = event.outcome
    record.elapsed = max(0.0, event.elapsed)
    record.cause, record.text = event.cause, event.text
    if dial.outcome is None:
        dial.stage_reached = event.stage


def race(state: Known, dial: Dial, event: ev.DialStage) -> None:
    """One address of the race that is the tcp stage began or ended."""
    tried = next((a for a in dial.addresses if a.address == event.address and a.outcome == "started"), None)
    if tried is None:
        tried = AddressTry(event.address, max(0.0, state.now - event.elapsed))
        dial.addresses.append(tried)
    tried.outcome = event.outcome
    tried.elapsed = max(0.0, event.elapsed)
    tried.cause, tried.text = event.cause, event.text


def dial_tls(state: Known, event: ev.DialTls) -> None:
    if (dial := state.find_dial(event.dial)) is not None:
        dial.tls = event


def dial_info(state: Known, event: ev.DialInfo) -> None:
    if (dial := state.find_dial(event.dial)) is not None:
        dial.info = event


def dial_connect(state: Known, event: ev.DialConnect) -> None:
    if (dial := state.find_dial(event.dial)) is not None:
        dial.connect = event


def dial_end(state: Known, event: ev.DialEnd) -> None:
    dial = state.find_dial(event.dial)
    if dial is None:
        return
    dial.stage_reached = event.stage or dial.stage_reached
    dial.cause, dial.text = event.cause, event.text
    dial.total = max(0.0, event.total)
    finish(state, dial, event.outcome)


def dial_finding(state: Known, event: ev.DialFinding) -> None:
    if (dial := state.find_dial(event.dial)) is not None:
        dial.finding = event


def finish(state: Known, dial: Dial, outcome: ev.DialOutcome) -> None:
    """Nothing of a dial that has ended is under way."""
    dial.outcome = outcome
    unfinished: ev.StageOutcome = "cancelled" if outcome == "cancelled" else "failed"
    parts: list[StageRecord | AddressTry] = [*dial.stages.values(), *dial.addresses]
    for part in parts:
        if part.outcome == "started":
            part.outcome = "complete" if outcome == "connected" else unfinished
            part.elapsed = max(0.0, state.now - part.began)


def waiting(state: Known, event: ev.Waiting) -> None:
    abandon_dial(state)
    state.waiting = event
    stretch(state, waiting=True)


def stretch(state: Known, *, waiting: bool) -> None:
    """Same status, but from dialing to waiting or back."""
    last = state.timeline[-1]
    if last.waiting != waiting:
        state.timeline.append(Stretch(state.now, state.status, last.forced, waiting))
