"""The first line of a stream, its last, and what is said of the stream itself."""

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.text.plain_text import NAME_LIMIT, clip
from natsmon.wording.narration.words import Kind, Said, Words


def _session(event: ev.Session, state: State) -> Said:
    version = event.versions.get("natsmon", "")
    if not event.subject:
        messages = "no messages"
    elif event.observing:
        messages = f"observing {event.subject}"
    else:
        messages = f"publishing on {event.subject} {units.pace(event.interval)}"
    servers = ", ".join(event.servers[:4]) + (f" and {len(event.servers) - 4} more" if len(event.servers) > 4 else "")
    return "info", f"natsmon {version} as {clip(event.name, NAME_LIMIT)!r}: {servers}, {messages}"


def _ignored(event: ev.Ignored, state: State) -> Said:
    return "warn", f"{event.command.replace('_', ' ') or 'command'} ignored: {clip(event.why)}"


def _gap(event: ev.Gap, state: State) -> Said:
    events = units.plural(event.events, "event")
    return "warn", f"{events} left out: this reader did not keep up; totals are not affected"


def _note(event: ev.Note, state: State) -> Said:
    return event.kind, clip(event.text)


def _published(state: State) -> list[str]:
    tally, session = state.tally, state.session
    acknowledged = session is not None and session.proof == "ack"
    echoed, unheard = ("acknowledged", "not acknowledged") if acknowledged else ("echoed", "without an echo")
    sums = [f"{units.grouped(tally.sent)} published"]
    if state.blinded and not (tally.echoed or tally.lost):  # none at all would be more than is known
        unheard = "with a fate unknown"
    else:
        sums += [f"{units.grouped(tally.echoed)} {echoed}", f"{units.grouped(tally.lost)} lost"]
    others = (
        (tally.resent, "sent again"),
        (tally.suppressed, "recognised by the stream"),
        (tally.in_flight, unheard),
        (tally.buffered, "never sent"),
        (tally.rejected, "rejected"),
    )
    return sums + [f"{units.grouped(number)} {what}" for number, what in others if number]


def _observed(counted: ev.Observed | None) -> list[str]:
    counted = counted or ev.Observed(t=0.0)
    sums = [units.plural(counted.messages, "message"), f"from {units.plural(counted.publishers, 'publisher')}"]
    others = (counted.missing, "missing"), (counted.duplicate, "duplicate"), (counted.out_of_order, "out of order")
    return sums + [f"{units.grouped(number)} {what}" for number, what in others if number]


def _end(event: ev.End, state: State) -> Said:
    session = state.session
    observing = session is not None and session.observing
    sums = _observed(state.observed) if observing else _published(state)
    sums.append(units.plural(state.reconnects, "reconnect"))
    why = f" ({clip(event.why)})" if event.why else ""
    kind: Kind = "bad" if event.exit_code else "info"
    return kind, f"ended after {units.elapsed(event.t)}{why}: {', '.join(sums)}"


WORDS: Words = {
    ev.Session: _session,
    ev.Ignored: _ignored,
    ev.Gap: _gap,
    ev.Note: _note,
    ev.End: _end,
}
