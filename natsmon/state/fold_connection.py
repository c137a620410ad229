"""Fold of the connection's own events: status, server, identity, pool, keepalive."""

from sys import intern
from typing import TYPE_CHECKING

from natsmon.state.fold_outages import end_outage
from natsmon.state.records import ConnectedPeriod, Stretch, address
from natsmon.stream import events as ev
from natsmon.text.plain_text import clip

if TYPE_CHECKING:
    from natsmon.state.state import State

_ERRORS_KEPT = 20


def connection(state: "State", event: ev.Connection) -> None:
    if state.connection is None:
        state.began = event.t
    state.connection = event


def status(state: "State", event: ev.StatusChanged) -> None:
    if event.status == state.status:
        state.status_cause = event.cause or state.status_cause
        return
    if event.status in ("CONNECTING", "RECONNECTING") and state.status not in ("DISCONNECTED", "CONNECTING"):
        state.attempts = 0
    state.seconds_in[state.status] = state.seconds_in.get(state.status, 0.0) + max(0.0, state.now - state.status_since)
    state.status = event.status
    state.status_since = state.now
    state.status_cause = event.cause
    if event.status not in ("CONNECTED", "DRAINING"):
        end_period(state)
    silent = state.silent is not None
    state.timeline.append(Stretch(state.now, event.status, event.cause == "manual", silent=silent))
    if event.status == "CLOSED":
        state.waiting = None
        end_outage(state, after="")
    elif event.status in ("CONNECTING", "RECONNECTING", "CONNECTED"):
        state.waiting = None
        state.closed = None


def connected(state: "State", event: ev.Connected) -> None:
    outage = state.outage
    state.connected = event
    state.ever_connected = True
    state.account = event.account
    state.identity = None
    state.waiting = None
    state.errors = {}
    name = name_server(state, event.server, event.server_name, event.server_id)
    _verify_again(state)
    silence_ended(state)
    end_period(state)
    state.periods.append(
        ConnectedPeriod(
            began=state.now,
            server=intern(event.server),
            server_name=name,
            cluster=intern(event.cluster),
            version=intern(event.version),
            outage=outage.id if outage is not None else 0,
        )
    )
    end_outage(state, after=event.server, name=name)


def name_server(state: "State", server: str, name: object, server_id: object) -> str:
    """Keep the newest name, and return it; empty for a server that has its id as its name, another one each start."""
    names, where = state.server_names, address(server)
    names.pop(where, None)
    if not isinstance(name, str) or name in ("", server_id):
        return ""
    names[where] = name = intern(clip(name))
    if len(names) > state.limits.servers:
        del names[next(iter(names))]
    return name


def subscribed(state: "State", event: ev.Subscribed) -> None:
    if (period := state.period) is not None and period.subscribed is None:
        period.subscribed = state.now
        if (outage := state.find_outage(period.outage)) is not None:
            outage.subscribed = state.now


def first_echo(state: "State", event: ev.FirstEcho) -> None:
    if (period := state.period) is not None and period.first_echo is None:
        period.first_echo = state.now
        if (outage := state.find_outage(period.outage)) is not None:
            outage.first_echo = state.now


def end_period(state: "State") -> None:
    """The connection to the server ended: drop what was true of it alone."""
    end_silence(state)
    state.keepalive = None
    state.lame_duck = ""
    _verify_again(state)  # the next server may allow us to subscribe
    if (period := state.period) is not None:
        period.ended = state.now


def end_silence(state: "State") -> None:
    state.silent_before = state.silent_seconds(state.now)
    state.silent = None


def _verify_again(state: "State") -> None:
    if state.connection is None or state.connection.verification != "none":
        state.unverified = ""


def account(state: "State", event: ev.Account) -> None:
    state.account = event.account or state.account


def identity(state: "State", event: ev.Identity) -> None:
    state.identity = event
    state.account = event.account or state.account


def pool(state: "State", event: ev.Pool) -> None:
    for member in event.changed:
        state.pool[member.server] = member
    for server in event.removed:
        state.pool.pop(server, None)
    state.pool_size = event.size
    here = state.connected.server if state.connected is not None else ""
    while len(state.pool) > state.limits.servers:
        oldest = (server for server, member in state.pool.items() if member.discovered and server != here)
        del state.pool[next(oldest, None) or next(iter(state.pool))]


def lame_duck(state: "State", event: ev.LameDuck) -> None:
    state.lame_duck = event.server
    if (period := state.period) is not None and period.lame_duck is None:
        period.lame_duck = state.now


def async_error(state: "State", event: ev.AsyncError) -> None:
    state.errors.pop(event.text, None)
    state.errors[event.text] = state.now
    if len(state.errors) > _ERRORS_KEPT:
        del state.errors[next(iter(state.errors))]
    if event.text in state.error_counts or len(state.error_counts) < state.limits.errors:
        state.error_counts[event.text] = state.error_counts.get(event.text, 0) + 1


def keepalive(state: "State", event: ev.Keepalive) -> None:
    state.keepalive = event if state.period is not None else None


def silent(state: "State", event: ev.Silent) -> None:
    if state.period is None:
        return
    if state.silent is None:
        began = min(max(event.since, state.timeline[-1].began), state.now)
        state.timeline.append(Stretch(began, state.status, silent=True))
    state.silent = event


def silence_ended(state: "State", event: ev.SilenceEnded | None = None) -> None:
    if state.silent is not None:
        state.timeline.append(Stretch(state.now, state.status))
    end_silence(state)


def closed(state: "State", event: ev.Closed) -> None:
    state.closed = event
