"""Lines of a connection: its identity, what the server sends meanwhile, its loss and the cost of the outage."""

from natsmon.dial.causes import Cause
from natsmon.state import State
from natsmon.state.server_names import address
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.plain_text import NAME_LIMIT, clip, clip_middle
from natsmon.wording.cause_table import diagnose, explained
from natsmon.wording.narration.dials import took
from natsmon.wording.narration.words import Kind, Line, server, server_at

_SHORT_ID = 8


def status(event: ev.StatusChanged, state: State) -> Line:
    if event.status != "DRAINING":
        return None
    why = {"replaced": "switching: ", "closing": "shutting down: "}.get(event.cause, "")
    return "info", f"{why}draining the connection"


def connected(event: ev.Connected, state: State) -> Line:
    facts = [
        _server_facts(event),
        f"cluster {clip(event.cluster, NAME_LIMIT)}" if event.cluster else "",
        f"cid {event.cid}" if event.cid else "",
        f"account {clip(event.account, NAME_LIMIT)}" if event.account else "",
        clip(event.tls, NAME_LIMIT),
        took(state),
    ]
    known = ", ".join(fact for fact in facts if fact)
    text = f"connected to {server_at(event.server, state)}" + (f": {known}" if known else "")
    if before := _other_server_before(event, state):
        return "warn", f"{text}; another server than before on that address: {before}"
    return "good", text


def _other_server_before(event: ev.Connected, state: State) -> str:
    """The server that was on this address before, where its cluster or, without one, its name differs."""
    before = next((p for p in reversed(state.periods) if p.server == event.server and p.began < event.t), None)
    if before is None or before.cluster == event.cluster != "":
        return ""
    if not (before.cluster or event.cluster) and before.server_name in ("", event.server_name):
        return ""
    name = clip_middle(before.server_name) or "a server"
    return f"{name} of cluster {clip(before.cluster, NAME_LIMIT)}" if before.cluster else name


def account(event: ev.Account, state: State) -> Line:
    """Only where the PROXY protocol is on the way: the first INFO has no address of the client then."""
    dial = state.dials[-1] if state.dials else None
    known = dial is None or dial.info is None or dial.info.info.get("client_ip")
    if known or not event.client_ip:
        return None
    return "dim", f"the server sees this client at {clip(event.client_ip, NAME_LIMIT)}, by the PROXY protocol"


def _server_facts(event: ev.Connected) -> str:
    """Its version; of a server without a name also the beginning of its id."""
    version = clip(event.version, NAME_LIMIT)
    if event.server_id and event.server_name in ("", event.server_id):
        return f"server {clip(event.server_id, _SHORT_ID)} {version}".rstrip()
    return f"version {version}" if version else ""


def identity(event: ev.Identity, state: State) -> Line:
    who = [f"authenticated as {clip(event.user, NAME_LIMIT)}" if event.user else "authenticated without a user name"]
    if event.account:
        who.append(f"account {clip(event.account, NAME_LIMIT)}")
    if event.expires:
        who.append(f"until {dates.stamp(event.expires)}")
    bounds = [
        ("may publish only to", event.publish_allow),
        ("may not publish to", event.publish_deny),
        ("may subscribe only to", event.subscribe_allow),
        ("may not subscribe to", event.subscribe_deny),
    ]
    limits = [f"{words} {clip(', '.join(subjects), NAME_LIMIT)}" for words, subjects in bounds if subjects]
    if clock := dates.clock_difference(event.clock_ahead):
        limits.append(clock)
    if not (event.user or event.expires or limits) and event.account in ("", "$G"):
        return None  # a server without accounts
    return "dim", "; ".join([", ".join(who), *limits])


def discovered(event: ev.Discovered, state: State) -> Line:
    count = units.plural(len(event.servers) + event.omitted, "server")
    servers = clip(", ".join(map(address, event.servers)))
    return "info", f"discovered {count}: {servers}{units.and_more(event.omitted)}"


def lame_duck(event: ev.LameDuck, state: State) -> Line:
    return (
        "warn",
        f"{server(event.server, state)} sent a lame duck notice: it sends clients away, as before it shuts down",
    )


def async_error(event: ev.AsyncError, state: State) -> Line:
    return "bad", f"error on the connection: {clip(event.text)}"


def setting_failed(event: ev.SettingFailed, state: State) -> Line:
    return "bad", f"--{event.setting}: {clip(event.text)}"


def silent(event: ev.Silent, state: State) -> Line:
    pending = f", {units.plural(event.missed, 'message')} unanswered" if event.missed else ""
    return "warn", f"no answer from {server(event.server, state)} for {units.elapsed(event.t - event.since)}{pending}"


def silence_ended(event: ev.SilenceEnded, state: State) -> Line:
    return "good", f"the server answers again after {units.elapsed(event.seconds)} of silence"


def disconnected(event: ev.Disconnected, state: State) -> Line:
    if state.status == "CLOSED":
        return "info", "connecting again: manual reconnect"
    period = state.periods[-1] if state.periods else None
    facts = [
        server(event.server, state) if event.server else "",
        f"connected for {units.elapsed(event.t - period.began)}" if period is not None else "",
        f"the server's reason: {clip(event.reason)}" if event.reason else "",
    ]
    where = ", ".join(fact for fact in facts if fact)
    where = f" ({where})" if where else ""
    if event.cause == Cause.MANUAL:
        return "warn", f"connection dropped: manual reconnect{where}"
    text = "" if event.cause == Cause.EOF else event.text  # the phrase has the same meaning
    return "bad", f"connection lost: {explained(diagnose(None, event.cause), text)}{where}"


def reconnected(event: ev.Reconnected, state: State) -> Line:
    row = state.find_outage(event.outage)
    same = row.same_server if row is not None else event.before == event.after
    name = clip_middle(row.before_name) if row is not None else ""
    before = ", the same server" if same else f", before that on {name or server(event.before, state)}"
    attempts = units.plural(event.attempts, "attempt")
    return (
        "good",
        f"reconnected to {server(event.after, state)} after {units.elapsed(event.downtime)} and {attempts}{before}",
    )


def outage(event: ev.Outage, state: State) -> Line:
    row = state.find_outage(event.outage)
    known = row is None or row.lost_if_known is not None
    cost = [f"{event.lost:,} lost" if known else "losses not known"]
    cost += units.counts(
        (event.buffered, "buffered"),
        (event.rejected, "rejected"),
        (event.duplicate, "duplicate"),
        (event.late, "late"),
        (event.unverified, "not verified"),
    )
    kind: Kind = "warn" if event.lost or event.rejected else "info"
    if row is not None and row.corrected:
        detected = ", corrected"
    elif event.detected_after:
        detected = f", detected {units.elapsed(event.detected_after)} after the last data"
    else:
        detected = ""
    manual = row.manual if row is not None else event.manual
    what = "manual reconnect" if manual else "outage"
    return kind, f"{', '.join(cost)}: {what} of {units.elapsed(event.ended - event.began)}{detected}"


def close_reason(event: ev.CloseReason, state: State) -> Line:
    known = diagnose(None, event.cause)
    if event.cause == Cause.IDLE_LIMIT:
        return "warn", f"{known.phrase}: {clip(event.reason)} ({known.advice})"
    unknown = Cause(event.cause) is Cause.UNKNOWN
    meaning = "" if unknown else f": {known.meaning}" + (f" ({known.advice})" if known.advice else "")
    source = f", from the monitoring port {event.source}" if event.source else ""
    return "info", f"why connection {event.cid} was closed{source}: {clip(event.reason)}{meaning}"


def drained(event: ev.Drained, state: State) -> Line:
    if event.complete:
        return "info", f"drained in {units.elapsed(event.seconds)}"
    return "warn", f"not drained after {units.elapsed(event.seconds)}: closing nevertheless"


def closed(event: ev.Closed, state: State) -> Line:
    if event.cause == Cause.GAVE_UP:
        return "bad", "connection closed, giving up" + (f": {clip(event.text)}" if event.text else "")
    default = "" if event.cause == Cause.CLOSED else diagnose(None, event.cause).phrase
    reason = clip(event.text) or default
    return "info", "connection closed" + (f": {reason}" if reason else "")
