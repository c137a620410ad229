"""Every event as one line in plain words.

Somebody who knows the program of the article "Using Custom Dialers in the NATS Go Client" finds each of its
lines again, with the server, the attempt, the cause and the time it took added. The log and the dashboard
tell the same story because both tell this one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from natsmon import events as ev
from natsmon import units
from natsmon.diagnosis import diagnose
from natsmon.plaintext import printable
from natsmon.state import Dial, State

Kind = Literal["good", "bad", "warn", "info", "dim"]

_TEXT_LIMIT = 300
"""Characters of one text of a server; its longest errors are shorter."""
_NAME_LIMIT = 64
_SHORT_ID = 8
_NAMES_SHOWN = 5
_WHY = {"initial": "initial connect", "reconnect": "reconnect", "forced": "reconnect as asked"}


@dataclass(frozen=True, slots=True)
class Line:
    t: float
    text: str
    kind: Kind


class Narrator:
    """Tells events. Does no I/O and reads no clock: the same events give the same lines."""

    def tell(self, event: ev.AnyEvent, state: State) -> Line | None:
        """The line of an event; None for one that needs none. ``state`` is what it was folded into already."""
        words = _WORDS.get(type(event))
        said: tuple[Kind, str] | None = words(event, state) if words else None
        if said is None:
            return None
        kind, text = said
        return Line(event.t, printable(text), kind)


Said = tuple[Kind, str] | None


def _clip(text: str, limit: int = _TEXT_LIMIT) -> str:
    return text if len(text) <= limit else text[:limit] + "…"


def _plural(number: int, noun: str) -> str:
    return f"{units.grouped(number)} {noun}" if number == 1 else f"{units.grouped(number)} {noun}s"


def _reason(stage: ev.Stage | None, cause: str, text: str) -> str:
    """The cause in its own word, and what is known of it."""
    text = _clip(text) or diagnose(stage, cause).happened
    if cause.replace("_", " ") in text.casefold():
        return text
    return f"{cause}, {text}" if cause else text


def _session(event: ev.Session, state: State) -> Said:
    version = event.versions.get("natsmon", "")
    if not event.subject:
        messages = "no messages"
    elif event.interval > 0:
        messages = f"publishing on {event.subject} every {units.brief(event.interval)}"
    else:
        messages = f"publishing on {event.subject} at full speed"
    servers = ", ".join(event.servers[:4]) + (f" and {len(event.servers) - 4} more" if len(event.servers) > 4 else "")
    return "info", f"natsmon {version} as {_clip(event.name, _NAME_LIMIT)!r}: {servers}, {messages}"


def _status(event: ev.StatusChanged, state: State) -> Said:
    return ("info", "shutting down: draining the connection") if event.status == "DRAINING" else None


def _dial_start(event: ev.DialStart, state: State) -> Said:
    why = _WHY.get(event.why, event.why)
    return "info", f"attempting to connect to {event.server}: attempt {event.attempt}, round {event.round}, {why}"


def _dial_stage(event: ev.DialStage, state: State) -> Said:
    if event.outcome != "complete":
        return None
    took = units.elapsed(event.elapsed)
    dial = _dial(state, event.dial)
    if event.stage == "dns" and event.address and dial is not None and not _is_literal(dial.server):
        return "dim", f"resolved {_host(dial.server)} to {_clip(event.address)} in {took}"
    if event.stage == "tcp" and (event.address or not (dial and dial.addresses)):
        where = event.address or (dial.server if dial else "the server")
        return "info", f"TCP connection established to {where} in {took}"
    return None


def _dial_tls(event: ev.DialTls, state: State) -> Said:
    if not event.trusted:
        return _refused_certificate(event, state)
    said = f"TLS established: {event.version}, {event.cipher}"
    if event.chain:
        own = event.chain[0]
        names = ", ".join(own.names[:3]) or own.subject
        said += f", certificate for {_clip(names, _NAME_LIMIT)} good until {_day(own.not_after)}"
    return "info", said


def _refused_certificate(event: ev.DialTls, state: State) -> Said:
    """The certificate behind a failed handshake, fetched afterwards to be shown."""
    dial = _dial(state, event.dial)
    server = dial.server if dial else "the server"
    if not event.chain:
        return "info", f"{server} shows a certificate; natsmon[tls] is needed to read one that is not trusted"
    return "info", f"{server} shows {certificate_in_words(event.chain[0])}"


def certificate_in_words(own: ev.Certificate) -> str:
    """``a certificate for NAMES, issued by ISSUER, good from DAY until DAY``."""
    names = ", ".join(own.names[:_NAMES_SHOWN]) or own.subject or "no name"
    more = f" and {len(own.names) - _NAMES_SHOWN} more" if len(own.names) > _NAMES_SHOWN else ""
    issuer = _clip(own.issuer, _NAME_LIMIT) or "nobody"
    return (
        f"a certificate for {_clip(names)}{more}, issued by {issuer}, "
        f"good from {_day(own.not_before)} until {_day(own.not_after)}"
    )


def _day(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):  # no calendar has such a day; a certificate may claim it
        return f"{seconds:g} s after 1970"


def _dial_end(event: ev.DialEnd, state: State) -> Said:
    dial = _dial(state, event.dial)
    server = event.server or (dial.server if dial else "the server")
    attempt = f"attempt {dial.attempt} on {server}" if dial else f"attempt on {server}"
    where = f" in {event.stage}" if event.stage else ""
    after = units.elapsed(event.total)
    match event.outcome:
        case "connected":
            return None
        case "cancelled":
            return "warn", f"{attempt} cancelled{where} after {after}"
        case "timeout":
            reason = _clip(event.text) or diagnose(event.stage, "timeout").happened
            said = f"{attempt} timed out{where} after {after}: {reason}"
        case _:
            said = f"{attempt} failed{where} after {after}: {_reason(event.stage, event.cause, event.text)}"
    advice = diagnose(event.stage, event.cause).advice
    if advice and not _told_before(event, server, state):
        said += f" ({advice})"
    return "bad", said


def _dial_finding(event: ev.DialFinding, state: State) -> Said:
    dial = _dial(state, event.dial)
    server = dial.server if dial else "the server"
    known = diagnose("info", event.cause)
    advice = f" ({known.advice})" if known.advice else ""
    return "warn", f"a second look at {server}: {known.happened}: {_clip(event.text)}{advice}"


def _told_before(event: ev.DialEnd, server: str, state: State) -> bool:
    """Whether the dial before this one failed the same way: advice helps once."""
    before = next((d for d in reversed(state.dials) if d.id < event.dial and d.server == server), None)
    return before is not None and (before.stage_reached, before.cause) == (event.stage, event.cause)


def _waiting(event: ev.Waiting, state: State) -> Said:
    parts = units.brief(event.base) + (f" + {units.brief(event.jitter)} jitter" if event.jitter > 0 else "")
    return "dim", f"next dial {event.server} in {units.elapsed(event.delay)} ({parts})"


def _connected(event: ev.Connected, state: State) -> Said:
    name = event.server_name
    if not name or name == event.server_id:  # a server without a name calls itself by its long id
        name = event.server_id[:_SHORT_ID] + "…" if len(event.server_id) > _SHORT_ID else event.server_id
    facts = [
        " ".join(part for part in ("server", _clip(name, _NAME_LIMIT), _clip(event.version, _NAME_LIMIT)) if part),
        f"cluster {_clip(event.cluster, _NAME_LIMIT)}" if event.cluster else "",
        f"cid {event.cid}" if event.cid else "",
        f"account {_clip(event.account, _NAME_LIMIT)}" if event.account else "",
        _clip(event.tls, _NAME_LIMIT),
        _took(state),
    ]
    return "good", f"connected to {event.server}: {', '.join(fact for fact in facts if fact)}"


def _took(state: State) -> str:
    """``in 3.1 ms (tcp 0.20 ms, …)`` of the dial that led here."""
    dial = state.dials[-1] if state.dials else None
    if dial is None or dial.outcome != "connected":
        return ""
    seconds = {stage: dial.stages[stage].elapsed for stage in ev.STAGES if stage in dial.stages}
    won = next((tried for tried in dial.addresses if tried.outcome == "complete"), None)
    if won is not None:
        seconds.setdefault("tcp", won.elapsed)
    stages = ", ".join(f"{stage} {units.elapsed(seconds[stage])}" for stage in ev.STAGES if stage in seconds)
    return f"in {units.elapsed(dial.total)}" + (f" ({stages})" if stages else "")


_NOBODY = ["a user without a name", "account $G"]


def _silent(event: ev.Silent, state: State) -> Said:
    owed = f", {_plural(event.missed, 'message')} not echoed" if event.missed else ""
    return "warn", f"{event.server or 'the server'} is silent for {units.elapsed(event.t - event.since)}{owed}"


def _heard(event: ev.Heard, state: State) -> Said:
    return "good", f"the server speaks again after {units.elapsed(event.silence)} of silence"


def _blind(event: ev.Blind, state: State) -> Said:
    return "warn", f"what becomes of messages is not known: {_clip(event.why)}"


def _read_back(event: ev.ReadBack, state: State) -> Said:
    kept = event.complete and not (event.missing or event.twice)
    found = f"{units.grouped(event.stored)} of {_plural(event.acknowledged, 'acknowledged message')} stored"
    wrong = f", {units.grouped(event.missing)} missing, {units.grouped(event.twice)} stored twice"
    text = f": {_clip(event.text)}" if event.text else ""
    unread = "" if event.complete else ", and it could not be read to its end"
    return "good" if kept else "bad", f"stream {_clip(event.stream, _NAME_LIMIT)}: {found}{wrong}{unread}{text}"


def _user_info(event: ev.UserInfo, state: State) -> Said:
    bounds = [
        ("publishes", event.publish_allow, event.publish_deny),
        ("subscribes", event.subscribe_allow, event.subscribe_deny),
    ]
    facts = [f"user {_clip(event.user, _NAME_LIMIT)}" if event.user else "a user without a name"]
    if event.account:
        facts.append(f"account {_clip(event.account, _NAME_LIMIT)}")
    for verb, allow, deny in bounds:
        if allow:
            facts.append(f"{verb} only to {_clip(', '.join(allow), _NAME_LIMIT)}")
        if deny:
            facts.append(f"{verb} not to {_clip(', '.join(deny), _NAME_LIMIT)}")
    if event.expires:
        facts.append(f"until {_moment(event.expires)}")
    # Without accounts there is nothing to know.
    return ("dim", f"to the server we are {', '.join(facts)}") if facts != _NOBODY else None


def _moment(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s after 1970"


def _close_reason(event: ev.CloseReason, state: State) -> Said:
    known = diagnose(None, event.cause) if event.cause and event.cause != "unknown" else None
    meaning = f": {known.happened}" if known else ""
    advice = f" ({known.advice})" if known and known.advice else ""
    whose = "the server" if event.source in ("", "the server") else event.source
    return "info", f"{whose} says why connection {event.cid} was closed: {_clip(event.reason)}{meaning}{advice}"


def _disconnected(event: ev.Disconnected, state: State) -> Said:
    began = next((stretch.began for stretch in reversed(state.timeline) if stretch.status == "CONNECTED"), None)
    held = f" after {units.elapsed(event.t - began)}" if began is not None else ""
    server = f" from {event.server}" if event.server else ""
    reason = f"; the server's reason: {_clip(event.reason)}" if event.reason else ""
    kind: Kind = "warn" if event.cause == "forced" else "bad"
    return kind, f"disconnected{server}{held}: {_reason(None, event.cause, event.text)}{reason}"


def _reconnected(event: ev.Reconnected, state: State) -> Said:
    before = f", before that on {event.before}" if event.before != event.after else ", the same server"
    attempts = _plural(event.attempts, "attempt")
    return "good", f"reconnected to {event.after} after {units.elapsed(event.downtime)} and {attempts}{before}"


def _outage(event: ev.Outage, state: State) -> Said:
    counts = [(event.buffered, "buffered"), (event.rejected, "rejected"), (event.duplicate, "duplicate")]
    counts.append((event.unknown, "with a fate unknown"))
    cost = [f"{units.grouped(number)} {what}" for number, what in counts if number]
    lost = f"{units.grouped(event.lost)} lost"
    kind: Kind = "warn" if event.lost or event.rejected else "info"
    seen = (
        f", noticed {units.elapsed(event.detected_after)} after the last sign of life"
        if event.detected_after and event.cause != "forced"
        else ""
    )
    return kind, f"outage of {units.elapsed(event.ended - event.began)}{seen}: messages {', '.join([*cost, lost])}"


def _published(event: ev.Published, state: State) -> Said:
    match event.fate:
        case "sent":
            return "info", f"published {event.seq}" + (f" on {event.subject}" if event.subject else "")
        case "buffered":
            return "warn", f"not ready yet: message {event.seq} buffered while {state.status}"
    if event.why == "refused":
        return None  # as every message is; an error of the connection has said so, once
    return "bad", f"not ready yet: message {event.seq} rejected while {state.status}, the reconnect buffer is full"


def _echoed(event: ev.Echoed, state: State) -> Said:
    return "dim", f"message {event.seq} echoed after {units.elapsed(event.latency)}"


def _discovered(event: ev.Discovered, state: State) -> Said:
    return "info", f"discovered {_plural(len(event.servers), 'server')}: {_clip(', '.join(event.servers))}"


def _lame_duck(event: ev.LameDuck, state: State) -> Said:
    return "warn", f"{event.server} is in lame duck mode: it will shut down, and close this connection before"


def _async_error(event: ev.AsyncError, state: State) -> Said:
    return "bad", f"error on the connection: {_clip(event.text)}"


def _paused(event: ev.Paused, state: State) -> Said:
    return "info", "publishing paused"


def _resumed(event: ev.Resumed, state: State) -> Said:
    return "info", "publishing resumed"


def _drained(event: ev.Drained, state: State) -> Said:
    if event.complete:
        return "info", f"drained in {units.elapsed(event.seconds)}"
    return "warn", f"not drained after {units.elapsed(event.seconds)}: closing nevertheless"


def _closed(event: ev.Closed, state: State) -> Said:
    reason = _clip(event.text) or {"closed": "", "drained": "drained, as asked"}.get(event.cause, event.cause)
    if event.cause == "gave_up":
        return "bad", f"connection closed, giving up: {reason}" if event.text else "connection closed, giving up"
    return "info", "connection closed" + (f": {reason}" if reason else "")


def _ignored(event: ev.Ignored, state: State) -> Said:
    return "warn", f"{event.command.replace('_', ' ') or 'command'} ignored: {_clip(event.why)}"


def _gap(event: ev.Gap, state: State) -> Said:
    return "warn", f"{_plural(event.events, 'event')} left out: this reader did not keep up; totals are not affected"


def _end(event: ev.End, state: State) -> Said:
    tally = state.tally
    sums = [
        f"{units.grouped(tally.sent)} published",
        f"{units.grouped(tally.echoed)} echoed",
        f"{units.grouped(tally.lost)} lost",
    ]
    others = (tally.in_flight, "without an echo"), (tally.buffered, "never sent"), (tally.rejected, "rejected")
    sums += [f"{units.grouped(number)} {what}" for number, what in others if number]
    sums.append(_plural(state.reconnects, "reconnect"))
    why = f" ({_clip(event.why)})" if event.why else ""
    kind: Kind = "bad" if event.exit_code else "info"
    return kind, f"ended after {units.elapsed(event.t)}{why}: {', '.join(sums)}"


def _dial(state: State, number: int) -> Dial | None:
    return next((dial for dial in reversed(state.dials) if dial.id == number), None)


def _host(server: str) -> str:
    return server.rpartition("://")[2].rpartition(":")[0]


def _is_literal(server: str) -> bool:
    """Whether a server is named by its address, which has no name to resolve."""
    host = _host(server)
    return host.startswith("[") or host.replace(".", "").isdecimal()


_WORDS: dict[type, Callable[[Any, State], Said]] = {
    ev.Session: _session,
    ev.StatusChanged: _status,
    ev.DialStart: _dial_start,
    ev.DialStage: _dial_stage,
    ev.DialTls: _dial_tls,
    ev.DialEnd: _dial_end,
    ev.DialFinding: _dial_finding,
    ev.Waiting: _waiting,
    ev.Connected: _connected,
    ev.Silent: _silent,
    ev.Heard: _heard,
    ev.Blind: _blind,
    ev.ReadBack: _read_back,
    ev.UserInfo: _user_info,
    ev.Disconnected: _disconnected,
    ev.Reconnected: _reconnected,
    ev.Outage: _outage,
    ev.CloseReason: _close_reason,
    ev.Published: _published,
    ev.Echoed: _echoed,
    ev.Discovered: _discovered,
    ev.LameDuck: _lame_duck,
    ev.AsyncError: _async_error,
    ev.Paused: _paused,
    ev.Resumed: _resumed,
    ev.Drained: _drained,
    ev.Closed: _closed,
    ev.Ignored: _ignored,
    ev.Gap: _gap,
    ev.End: _end,
}
"""``Tally`` and ``Rtt`` are not here: ten of them a second would bury what happens. ``Pool`` is for a screen."""
