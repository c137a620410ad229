"""The fold: which function applies which event to a State."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from natsmon.state import fold_connection, fold_dials, fold_messages, fold_outages
from natsmon.stream import events as ev

if TYPE_CHECKING:
    from natsmon.state.state import State


def _gap(state: "State", event: ev.Gap) -> None:
    state.dropped += sum(event.dropped.values())


FOLDS: dict[type, Callable[["State", Any], None]] = {
    ev.Gap: _gap,
    ev.Connection: fold_connection.connection,
    ev.StatusChanged: fold_connection.status,
    ev.DialStart: fold_dials.dial_start,
    ev.DialStage: fold_dials.dial_stage,
    ev.DialTls: fold_dials.dial_tls,
    ev.DialInfo: fold_dials.dial_info,
    ev.DialConnect: fold_dials.dial_connect,
    ev.DialEnd: fold_dials.dial_end,
    ev.DialFinding: fold_dials.dial_finding,
    ev.Waiting: fold_dials.waiting,
    ev.Connected: fold_connection.connected,
    ev.Account: fold_connection.account,
    ev.Identity: fold_connection.identity,
    ev.Subscribed: fold_connection.subscribed,
    ev.FirstEcho: fold_connection.first_echo,
    ev.Unverified: fold_messages.unverified,
    ev.Keepalive: fold_connection.keepalive,
    ev.Silent: fold_connection.silent,
    ev.SilenceEnded: fold_connection.silence_ended,
    ev.Disconnected: fold_outages.disconnected,
    ev.Reconnected: fold_outages.reconnected,
    ev.Outage: fold_outages.outage,
    ev.CloseReason: fold_outages.close_reason,
    ev.Pool: fold_connection.pool,
    ev.Published: fold_messages.published,
    ev.Echoed: fold_messages.echoed,
    ev.Latencies: fold_messages.latencies,
    ev.Audit: fold_messages.audit,
    ev.Observed: fold_messages.observed,
    ev.Tally: fold_messages.tally,
    ev.Rtt: fold_messages.rtt,
    ev.LameDuck: fold_connection.lame_duck,
    ev.AsyncError: fold_connection.async_error,
    ev.Paused: fold_messages.paused,
    ev.Resumed: fold_messages.resumed,
    ev.Closed: fold_connection.closed,
}
