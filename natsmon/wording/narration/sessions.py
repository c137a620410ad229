"""Lines of the session: its connections, its clock, its end."""

from natsmon.state import State
from natsmon.state.server_names import address
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.text.plain_text import NAME_LIMIT, clip
from natsmon.wording.narration.words import Kind, Line, amounts

_END_REASONS = {
    "asked": "quit by user",
    "signal": "signal",
    "count": "--count reached",
    "duration": "--duration reached",
}


def connection(event: ev.Connection, state: State) -> Line:
    version = state.session.versions.get("natsmon", "")
    if not event.subject:
        messages = f"publishing to the stream {clip(event.stream, NAME_LIMIT)}" if event.stream else "no messages"
    elif event.observing:
        messages = f"observing {event.subject}"
    else:
        messages = f"publishing on {event.subject} {units.pace(event.interval)}"
    servers = ", ".join(map(address, event.servers[:4])) + units.and_more(len(event.servers) - 4)
    if event.replaces is not None:
        context = f" to context {clip(event.context, NAME_LIMIT)}" if event.context else ""
        return "info", f"switched{context}: {servers}, {messages}"
    return "info", f"natsmon {version} as {clip(event.name, NAME_LIMIT)!r}: {servers}, {messages}"


def answer(event: ev.Answer, state: State) -> Line:
    if event.outcome == "done":
        return None
    return "warn", f"{event.command.replace('_', ' ') or 'command'} ignored: {clip(event.reason)}"


def clock(event: ev.Clock, state: State) -> Line:
    if event.suspended:
        return "warn", f"the machine was suspended for {units.elapsed(event.suspended)}"
    return "info", "the machine's clock was set"


def gap(event: ev.Gap, state: State) -> Line:
    lines = units.plural(sum(event.dropped.values()), "line")
    return "warn", f"{lines} dropped: this reader did not keep up; totals and latencies are not affected"


def note(event: ev.Note, state: State) -> Line:
    return event.kind, clip(event.text)


def _published(state: State) -> list[str]:
    tally, echoed = state.tally, "acknowledged" if state.acknowledged else "echoed"
    sums = [f"{tally.sent:,} published"]
    if tally.delivered or tally.lost or not state.was_unverified:
        sums += [f"{tally.delivered:,} {echoed}", f"{tally.lost:,} lost"]
    return sums + amounts(tally, "resent", "suppressed", "undelivered", "unverified", "buffered", "rejected")


def _observed(counted: ev.Observed | None) -> list[str]:
    counted = counted or ev.Observed(t=0.0)
    sums = [units.plural(counted.messages, "message"), f"from {units.plural(counted.publishers, 'publisher')}"]
    return sums + amounts(counted, "missing", "duplicate", "out_of_order")


def end_reason(reason: str) -> str:
    """The reason of an ``end`` event in words; a reason without them as it is."""
    return _END_REASONS.get(reason, reason)


def end(event: ev.End, state: State) -> Line:
    sums = _observed(state.observed) if state.observing else _published(state)
    sums.append(units.plural(state.reconnects, "reconnect") if state.ever_connected else "never connected")
    why = f" ({clip(end_reason(event.reason))})" if event.reason else ""
    kind: Kind = "bad" if event.exit_code else "info"
    return kind, f"ended after {units.elapsed(event.t)}{why}: {', '.join(sums)}"
