"""The connection: its status, what is known of the server on it, and its end."""

from natsmon.state.known import DISCOVERED_KEPT, Known
from natsmon.state.outages import end_outage, outage_before
from natsmon.state.records import ConnectionRecord, OutageRecord, Stretch
from natsmon.stream import events as ev


def status(state: Known, event: ev.StatusChanged) -> None:
    if event.status == state.status:
        state.status_cause = event.cause or state.status_cause
        return
    state.seconds_in[state.status] = state.seconds_in.get(state.status, 0.0) + max(0.0, state.now - state.status_since)
    state.status = event.status
    state.status_since = state.now
    state.status_cause = event.cause
    if event.status not in ("CONNECTED", "DRAINING"):
        end_connection(state)
    state.timeline.append(Stretch(state.now, event.status, event.cause == "forced"))
    if event.status == "CLOSED":
        state.waiting = None
        end_outage(state, after="")
    elif event.status in ("CONNECTING", "CONNECTED"):
        state.waiting = None
        state.closed = None


def connected(state: Known, event: ev.Connected) -> None:
    state.connected = event
    state.ever_connected = True
    state.account = event.account
    state.user = None
    state.waiting = None
    if state.session is None or state.session.proof != "none":
        state.blind = ""
    end_connection(state)
    state.connections.append(
        ConnectionRecord(began=state.now, server=event.server, server_name=event.server_name, cid=event.cid)
    )
    end_outage(state, after=event.server)


def subscribed(state: Known, event: ev.Subscribed) -> None:
    if (connection := state.connection) is not None and connection.subscribed is None:
        connection.subscribed = state.now
        if (outage := outage_before(state, connection)) is not None:
            outage.subscribed = state.now


def first_echo(state: Known, event: ev.FirstEcho) -> None:
    if (connection := state.connection) is not None and connection.first_echo is None:
        connection.first_echo = state.now
        if (outage := outage_before(state, connection)) is not None:
            outage.first_echo = state.now


def disconnected(state: Known, event: ev.Disconnected) -> None:
    state.last_disconnect = event
    silent_since = state.silent.since if state.silent is not None else None
    blind = bool(state.blind)
    if (connection := state.connection) is not None:
        connection.cause = event.cause
    end_connection(state)
    if state.outage is None:
        state.outage_count += 1
        state.outages.append(
            OutageRecord(
                began=state.now,
                cause=event.cause,
                text=event.text,
                reason=event.reason,
                before=event.server,
                silent_since=silent_since,
                blind=blind,
            )
        )


def end_connection(state: Known) -> None:
    state.keepalive = state.silent = None
    state.lame_duck = ""
    if state.session is None or state.session.proof != "none":
        state.blind = ""  # the next server may let us hear
    if (connection := state.connection) is not None:
        connection.ended = state.now


def account(state: Known, event: ev.Account) -> None:
    state.account = event.account


def user_info(state: Known, event: ev.UserInfo) -> None:
    state.user = event
    state.account = event.account or state.account


def pool(state: Known, event: ev.Pool) -> None:
    state.pool = event.members


def discovered(state: Known, event: ev.Discovered) -> None:
    state.discovered = list(dict.fromkeys([*state.discovered, *event.servers]))[-DISCOVERED_KEPT:]


def lame_duck(state: Known, event: ev.LameDuck) -> None:
    state.lame_duck = event.server
    if (connection := state.connection) is not None and connection.lame_duck is None:
        connection.lame_duck = state.now


def keepalive(state: Known, event: ev.Keepalive) -> None:
    state.keepalive = event if state.connection is not None else None


def silent(state: Known, event: ev.Silent) -> None:
    state.silent = event if state.connection is not None else None


def heard(state: Known, event: ev.Heard) -> None:
    state.silent = None


def closed(state: Known, event: ev.Closed) -> None:
    state.closed = event
