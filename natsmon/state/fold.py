"""The fold itself: which event changes what."""

from collections.abc import Callable
from typing import Any

from natsmon.state import connections, dials, messages, outages, snapshot
from natsmon.state.known import Known
from natsmon.stream import events as ev


class State(Known):
    """The fold over one connection's events. Read its attributes; change it with ``apply`` alone."""

    def apply(self, event: ev.AnyEvent) -> None:
        """Fold one event in. Any order of events leaves the state consistent."""
        if event.conn != self.conn:
            return
        if not isinstance(event, ev.Note):  # a view's clock, which may be ahead of the stream's
            self.now = max(self.now, event.t)
        fold = FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)


def session(state: Known, event: ev.Session) -> None:
    state.session = event


def gap(state: Known, event: ev.Gap) -> None:
    state.gaps += max(0, event.events)


def end(state: Known, event: ev.End) -> None:
    state.end = event


FOLDS: dict[type, Callable[[Known, Any], None]] = {
    ev.Session: session,
    ev.StatusChanged: connections.status,
    ev.DialStart: dials.dial_start,
    ev.DialStage: dials.dial_stage,
    ev.DialTls: dials.dial_tls,
    ev.DialInfo: dials.dial_info,
    ev.DialConnect: dials.dial_connect,
    ev.DialEnd: dials.dial_end,
    ev.DialFinding: dials.dial_finding,
    ev.Waiting: dials.waiting,
    ev.Connected: connections.connected,
    ev.Account: connections.account,
    ev.UserInfo: connections.user_info,
    ev.Subscribed: connections.subscribed,
    ev.FirstEcho: connections.first_echo,
    ev.Blind: messages.blind,
    ev.Keepalive: connections.keepalive,
    ev.Silent: connections.silent,
    ev.Heard: connections.heard,
    ev.Disconnected: connections.disconnected,
    ev.Reconnected: outages.reconnected,
    ev.Outage: outages.outage,
    ev.CloseReason: outages.close_reason,
    ev.Pool: connections.pool,
    ev.Published: messages.published,
    ev.Echoed: messages.echoed,
    ev.ReadBack: messages.read_back,
    ev.Observed: messages.observed,
    ev.Tally: messages.tally,
    ev.Rtt: messages.rtt,
    ev.Discovered: connections.discovered,
    ev.LameDuck: connections.lame_duck,
    ev.Paused: messages.paused,
    ev.Resumed: messages.resumed,
    ev.Closed: connections.closed,
    ev.Gap: gap,
    ev.Snapshot: snapshot.restored,
    ev.End: end,
}
