"""Lines of single messages, and of their verification."""

from natsmon.state import State
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.text.plain_text import NAME_LIMIT, clip
from natsmon.wording.narration.words import Line


def published(event: ev.Published, state: State) -> Line:
    match event.outcome:
        case "sent":
            subject = event.subject or (state.connection.subject if state.connection is not None else "")
            return "info", f"published {event.seq}" + (f" on {subject}" if subject else "")
        case "buffered":
            return "warn", f"not ready yet: message {event.seq} buffered while {state.status}"
    if event.reason == "refused":
        return None  # the error of the connection has its line, once
    return "bad", f"not ready yet: message {event.seq} rejected while {state.status}, the reconnect buffer is full"


def echoed(event: ev.Echoed, state: State) -> Line:
    how = "acknowledged" if state.acknowledged else "echoed"
    return "dim", f"message {event.seq} {how} after {units.elapsed(event.latency)}"


def first_echo(event: ev.FirstEcho, state: State) -> Line:
    """After an outage only."""
    connection = state.period
    if connection is None or connection.first_echo != state.now or state.find_outage(connection.outage) is None:
        return None
    first = "first acknowledgement" if state.acknowledged else "first echo"
    after = units.elapsed(state.now - connection.began)
    if connection.subscribed is None:
        return "dim", f"{first} {after} after the connect"
    subscribed = units.elapsed(connection.subscribed - connection.began)
    return "dim", f"resubscribed {subscribed} after the connect, {first} after {after}"


def paused(event: ev.Paused, state: State) -> Line:
    return "info", "publishing paused"


def resumed(event: ev.Resumed, state: State) -> Line:
    return "info", "publishing resumed"


def unverified(event: ev.Unverified, state: State) -> Line:
    return "warn", f"delivery not verified: {clip(event.reason)}"


def verified(event: ev.Verified, state: State) -> Line:
    return "good", "delivery is verified again: the server accepts the subscription"


def audit(event: ev.Audit, state: State) -> Line:
    kept = event.complete and not (event.missing or event.twice)
    acknowledged = units.plural(event.acknowledged, "acknowledged message")
    found = f"{event.stored or 0:,} of {acknowledged}"
    wrong = f"{event.missing:,} missing, {event.twice:,} stored twice"
    text = f": {clip(event.text)}" if event.text else ""
    what = f"{found} stored, {wrong}" if event.complete else f"not read to its end, {found} found, {wrong}"
    if event.stored is None:
        what = f"{acknowledged} not checked"
    return "good" if kept else "bad", f"stream {clip(event.stream, NAME_LIMIT)}: {what}{text}"
