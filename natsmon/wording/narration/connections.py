"""A connection: whose it is, what the server says meanwhile, how it ends, and what the outage cost."""

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.plain_text import NAME_LIMIT, clip
from natsmon.wording.cause_table import diagnose
from natsmon.wording.narration.dials import took
from natsmon.wording.narration.words import Kind, Said, Words, explained

_SHORT_ID = 8
_NOBODY = ["a user without a name", "account $G"]


def _status(event: ev.StatusChanged, state: State) -> Said:
    return ("info", "shutting down: draining the connection") if event.status == "DRAINING" else None


def _connected(event: ev.Connected, state: State) -> Said:
    name = event.server_name
    if not name or name == event.server_id:  # a server without a name calls itself by its long id
        name = event.server_id[:_SHORT_ID] + "…" if len(event.server_id) > _SHORT_ID else event.server_id
    facts = [
        " ".join(part for part in ("server", clip(name, NAME_LIMIT), clip(event.version, NAME_LIMIT)) if part),
        f"cluster {clip(event.cluster, NAME_LIMIT)}" if event.cluster else "",
        f"cid {event.cid}" if event.cid else "",
        f"account {clip(event.account, NAME_LIMIT)}" if event.account else "",
        clip(event.tls, NAME_LIMIT),
        took(state),
    ]
    return "good", f"connected to {event.server}: {', '.join(fact for fact in facts if fact)}"


def _user_info(event: ev.Identity, state: State) -> Said:
    bounds = [
        ("publishes", event.publish_allow, event.publish_deny),
        ("subscribes", event.subscribe_allow, event.subscribe_deny),
    ]
    facts = [f"user {clip(event.user, NAME_LIMIT)}" if event.user else "a user without a name"]
    if event.account:
        facts.append(f"account {clip(event.account, NAME_LIMIT)}")
    for verb, allow, deny in bounds:
        if allow:
            facts.append(f"{verb} only to {clip(', '.join(allow), NAME_LIMIT)}")
        if deny:
            facts.append(f"{verb} not to {clip(', '.join(deny), NAME_LIMIT)}")
    if event.expires:
        facts.append(f"until {dates.stamp(event.expires)}")
    # Without accounts there is nothing to know.
    return ("dim", f"to the server we are {', '.join(facts)}") if facts != _NOBODY else None


def _discovered(event: ev.Discovered, state: State) -> Said:
    return "info", f"discovered {units.plural(len(event.servers), 'server')}: {clip(', '.join(event.servers))}"


def _lame_duck(event: ev.LameDuck, state: State) -> Said:
    return "warn", f"{event.server} is in lame duck mode: it will shut down, and close this connection before"


def _async_error(event: ev.AsyncError, state: State) -> Said:
    return "bad", f"error on the connection: {clip(event.text)}"


def _silent(event: ev.Silent, state: State) -> Said:
    owed = f", {units.plural(event.missed, 'message')} unanswered" if event.missed else ""
    silence = units.elapsed(event.t - event.since)
    return "warn", f"{event.server or 'the server'} has said nothing for {silence}{owed}"


def _heard(event: ev.SilenceEnded, state: State) -> Said:
    return "good", f"the server speaks again after {units.elapsed(event.seconds)} of silence"


def _disconnected(event: ev.Disconnected, state: State) -> Said:
    period = state.periods[-1] if state.periods else None
    held = f" after {units.elapsed(event.t - period.began)}" if period is not None else ""
    server = f" from {event.server}" if event.server else ""
    reason = f"; the server's reason: {clip(event.reason)}" if event.reason else ""
    kind: Kind = "warn" if event.cause == "manual" else "bad"
    return kind, f"disconnected{server}{held}: {explained(None, event.cause, event.text)}{reason}"


def _reconnected(event: ev.Reconnected, state: State) -> Said:
    before = f", before that on {event.before}" if event.before != event.after else ", the same server"
    attempts = units.plural(event.attempts, "attempt")
    return "good", f"reconnected to {event.after} after {units.elapsed(event.downtime)} and {attempts}{before}"


def _outage(event: ev.Outage, state: State) -> Said:
    counts = [
        (event.buffered, "buffered"),
        (event.rejected, "rejected"),
        (event.duplicate, "duplicate"),
        (event.late, "late"),
        (event.unverified, "not verified"),
    ]
    cost = [f"{units.grouped(number)} {what}" for number, what in counts if number]
    row = state.find_outage(event.outage)
    known = row is None or row.lost_if_known is not None
    lost = f"{units.grouped(event.lost)} lost" if known else "losses not known"
    kind: Kind = "warn" if event.lost or event.rejected else "info"
    if row is not None and row.corrected:
        seen = ", corrected"
    elif event.detected_after and event.cause != "manual":
        seen = f", noticed {units.elapsed(event.detected_after)} after the last sign of life"
    else:
        seen = ""
    return kind, f"outage of {units.elapsed(event.ended - event.began)}{seen}: messages {', '.join([*cost, lost])}"


def _close_reason(event: ev.CloseReason, state: State) -> Said:
    known = diagnose(None, event.cause) if event.cause and event.cause != "unknown" else None
    meaning = f": {known.happened}" if known else ""
    advice = f" ({known.advice})" if known and known.advice else ""
    whose = "the server" if event.source in ("", "the server") else event.source
    return "info", f"{whose} says why connection {event.cid} was closed: {clip(event.reason)}{meaning}{advice}"


def _drained(event: ev.Drained, state: State) -> Said:
    if event.complete:
        return "info", f"drained in {units.elapsed(event.seconds)}"
    return "warn", f"not drained after {units.elapsed(event.seconds)}: closing nevertheless"


def _closed(event: ev.Closed, state: State) -> Said:
    reason = clip(event.text) or {"closed": "", "drained": "drained, as asked"}.get(event.cause, event.cause)
    if event.cause == "gave_up":
        return "bad", f"connection closed, giving up: {reason}" if event.text else "connection closed, giving up"
    return "info", "connection closed" + (f": {reason}" if reason else "")


WORDS: Words = {
    ev.StatusChanged: _status,
    ev.Connected: _connected,
    ev.Identity: _user_info,
    ev.Discovered: _discovered,
    ev.LameDuck: _lame_duck,
    ev.AsyncError: _async_error,
    ev.Silent: _silent,
    ev.SilenceEnded: _heard,
    ev.Disconnected: _disconnected,
    ev.Reconnected: _reconnected,
    ev.Outage: _outage,
    ev.CloseReason: _close_reason,
    ev.Drained: _drained,
    ev.Closed: _closed,
}
