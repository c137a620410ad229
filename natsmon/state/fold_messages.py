"""Fold of messages, and of the latencies of echoes and PINGs."""

from typing import TYPE_CHECKING

from msgspec.structs import replace

from natsmon.state.delivery import note_delivery
from natsmon.stream import events as ev

if TYPE_CHECKING:
    from natsmon.state.state import State


def gap(state: "State", event: ev.Gap) -> None:
    state.dropped += sum(event.dropped.values())


def paused(state: "State", event: ev.Paused) -> None:
    state.paused = True


def resumed(state: "State", event: ev.Resumed) -> None:
    state.paused = False


def unverified(state: "State", event: ev.Unverified) -> None:
    state.unverified = state.was_unverified = event.reason


def verified(state: "State", event: ev.Verified) -> None:
    state.unverified = ""


def published(state: "State", event: ev.Published) -> None:
    """Counted at once; the next tally has the same totals."""
    counted, rates = state.tally, state.rates
    if state.now >= rates.until:
        rates.begin_slice(state.now, counted)
    attempted = counted.attempted + 1
    if event.outcome == "sent":
        size = event.size or (state.connection.size if state.connection is not None else 0)
        unverified = bool(state.unverified)
        if counted.in_flight == 0:
            rates.pending_since = state.now
        state.tally = replace(
            counted,
            t=event.t,
            attempted=attempted,
            sent=counted.sent + 1,
            in_flight=counted.in_flight + (not unverified),
            unverified=counted.unverified + unverified,
            bytes=counted.bytes + size,
        )
        rates.accept(state.now, state.tally)
    elif event.outcome == "buffered":
        state.tally = replace(counted, t=event.t, attempted=attempted, buffered=counted.buffered + 1)
    else:
        state.tally = replace(counted, t=event.t, attempted=attempted, rejected=counted.rejected + 1)
        rates.fail(state.now, state.tally, 1)


def echoed(state: "State", event: ev.Echoed) -> None:
    """Counted at once; the next tally has the same totals."""
    counted, rates = state.tally, state.rates
    if state.now >= rates.until:
        rates.begin_slice(state.now, counted)
    if counted.in_flight > 0:
        delivered, in_flight = counted.delivered + 1, counted.in_flight - 1
        state.tally = replace(counted, t=event.t, delivered=delivered, in_flight=in_flight)
        rates.deliver(state.now)
    state.echoes.record(state.now, event.latency)


def latencies(state: "State", event: ev.Latencies) -> None:
    series = state.echoes if event.kind == "echo" else state.pings
    series.add(state.now, event.counts, event.longest)


def tally(state: "State", event: ev.Tally) -> None:
    state.rates.change(state.now, state.tally, event)
    state.tally = event
    note_delivery(state)


def observed(state: "State", event: ev.Observed) -> None:
    before = state.observed.messages if state.observed is not None else 0
    state.rates.change(state.now, ev.Tally(delivered=before), ev.Tally(delivered=event.messages))
    state.observed = event
    note_delivery(state)


def audit(state: "State", event: ev.Audit) -> None:
    state.audit = event


def rtt(state: "State", event: ev.Rtt) -> None:
    seconds = max(0.0, event.seconds)
    state.rtts.append((state.now, seconds))
    state.pings.record(state.now, seconds)
    if event.omitted:
        state.pings.correct(state.now, seconds, event.omitted, event.interval)
    note_delivery(state)
