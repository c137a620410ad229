"""What is known of one connection: a pure fold of events.

``State.apply(event)`` is the only way anything on a screen changes. It does no I/O and reads no clock, so
the dashboard, the log, a report and a replay at any speed agree by construction. Times are the stream's
own, seconds since the session began; ``now`` arguments are on the same clock.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec.structs import replace

from natsmon import events as ev

DIALS_KEPT = 250
OUTAGES_KEPT = 1_000
RTTS_KEPT = 3_600
STRETCHES_KEPT = 2_000
DISCOVERED_KEPT = 1_000
CONNECTIONS_KEPT = 1_000


class StageRecord(msgspec.Struct):
    """One stage of a dial; ``outcome`` is ``started`` while it is under way."""

    stage: ev.Stage
    began: float
    outcome: ev.StageOutcome = "started"
    elapsed: float = 0.0
    cause: str = ""
    text: str = ""


class AddressTry(msgspec.Struct):
    """One address raced in the ``tcp`` stage."""

    address: str
    began: float
    outcome: ev.StageOutcome = "started"
    elapsed: float = 0.0
    cause: str = ""
    text: str = ""


class Dial(msgspec.Struct):
    """One try at one server, from DNS to PONG; ``outcome`` is none while it is under way."""

    id: int
    began: float
    attempt: int = 0
    round: int = 0
    server: str = ""
    why: ev.Why = "initial"
    timeout: float = 0.0
    stages: dict[ev.Stage, StageRecord] = {}
    addresses: list[AddressTry] = []
    tls: ev.DialTls | None = None
    info: ev.DialInfo | None = None
    connect: ev.DialConnect | None = None
    finding: ev.DialFinding | None = None
    outcome: ev.DialOutcome | None = None
    stage_reached: ev.Stage | None = None
    cause: str = ""
    text: str = ""
    total: float = 0.0

    def elapsed(self, now: float) -> float:
        return self.total if self.outcome else max(0.0, now - self.began)


class OutageRecord(msgspec.Struct):
    """One time CONNECTED ended against the user's will or by a forced reconnect; ``ended`` is none while it lasts."""

    began: float
    cause: str
    text: str = ""
    reason: str = ""
    before: str = ""
    after: str = ""
    ended: float | None = None
    detected_after: float = 0.0
    dials: int = 0
    buffered: int = 0
    rejected: int = 0
    lost: int = 0
    unknown: int = 0
    late: int = 0
    duplicate: int = 0
    servers: int = 0
    lost_seqs: list[tuple[int, int]] = []
    silent_since: float | None = None
    """The last word of the server, where it fell silent before it was given up."""
    subscribed: float | None = None
    """When our subscription was in force again."""
    first_echo: float | None = None
    settled: bool = False
    """True once the ledger of this outage is closed: what was lost is certain."""

    def downtime(self, now: float) -> float:
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


class ConnectionRecord(msgspec.Struct):
    """One time CONNECTED, from its beginning to its end; ``ended`` is none while it lasts."""

    began: float
    server: str
    server_name: str = ""
    cid: int = 0
    subscribed: float | None = None
    first_echo: float | None = None
    lame_duck: float | None = None
    """When the server said that it will leave."""
    ended: float | None = None
    cause: str = ""
    """Why it ended; empty while it lasts, and where it was drained."""

    def seconds(self, now: float) -> float:
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of time in one status, dialing or waiting to dial; it lasts until the next one begins."""

    began: float
    status: ev.Status
    forced: bool = False
    waiting: bool = False
    """True between two dials, when nothing is under way but time."""


class State:
    """The fold over one connection's events. Read its attributes; change it with ``apply`` alone."""

    def __init__(self, conn: int = 0) -> None:
        self.conn = conn
        self.now = 0.0
        self.session: ev.Session | None = None
        self.status: ev.Status = "DISCONNECTED"
        self.status_since = 0.0
        self.status_cause = ""
        self.connected: ev.Connected | None = None
        """The server we are on, or were on last."""
        self.ever_connected = False
        self.dials: deque[Dial] = deque(maxlen=DIALS_KEPT)
        """Oldest first; the last one may be under way."""
        self.dial_count = 0
        self.waiting: ev.Waiting | None = None
        self.outages: deque[OutageRecord] = deque(maxlen=OUTAGES_KEPT)
        """Oldest first; the last one may still last."""
        self.outage_count = 0
        self.connections: deque[ConnectionRecord] = deque(maxlen=CONNECTIONS_KEPT)
        """Oldest first; the last one may still last."""
        self.reconnects = 0
        self.last_disconnect: ev.Disconnected | None = None
        self.account = ""
        """The account the connection is in, or was in last; empty when the server did not say."""
        self.user: ev.UserInfo | None = None
        """Who we are to the server we are on, where it tells."""
        self.pool: list[ev.PoolMember] = []
        self.discovered: list[str] = []
        self.lame_duck = ""
        """The server that announced its shutdown, while we are on it."""
        self.keepalive: ev.Keepalive | None = None
        """The PING arithmetic of the connection that is up."""
        self.silent: ev.Silent | None = None
        """The server we are on says nothing, though it owes us an answer."""
        self.blind = ""
        """Why the fates of messages are not known; empty where they are."""
        self.read_back: ev.ReadBack | None = None
        self.observed: ev.Observed | None = None
        self.tally = ev.Tally(t=0.0)
        self.latency: tuple[float, float, float, float] | None = None
        """p50, p90, p99, max of the most recent echoes."""
        self.latency_at = 0.0
        self.rtts: deque[tuple[float, float]] = deque(maxlen=RTTS_KEPT)
        """(t, seconds) of the latest PING to PONG round trips."""
        self.rtt_max: float | None = None
        self.paused = False
        self.closed: ev.Closed | None = None
        self.end: ev.End | None = None
        self.gaps = 0
        """Events the probe left out because this view did not keep up."""
        self.timeline: deque[Stretch] = deque([Stretch(0.0, "DISCONNECTED")], maxlen=STRETCHES_KEPT)
        self._seconds: dict[ev.Status, float] = {}

    # -- the fold ---------------------------------------------------------------------------------

    def apply(self, event: ev.AnyEvent) -> None:
        """Fold one event in. Any order of events leaves the state consistent."""
        if event.conn != self.conn:
            return
        self.now = max(self.now, event.t)
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def _session(self, event: ev.Session) -> None:
        self.session = event

    def _status(self, event: ev.StatusChanged) -> None:
        if event.status == self.status:
            self.status_cause = event.cause or self.status_cause
            return
        self._seconds[self.status] = self._seconds.get(self.status, 0.0) + max(0.0, self.now - self.status_since)
        self.status = event.status
        self.status_since = self.now
        self.status_cause = event.cause
        if event.status not in ("CONNECTED", "DRAINING"):
            self._end_connection()
        self.timeline.append(Stretch(self.now, event.status, event.cause == "forced"))
        if event.status == "CLOSED":
            self.waiting = None
            self._end_outage(after="")
        elif event.status in ("CONNECTING", "CONNECTED"):
            self.waiting = None
            self.closed = None

    def _dial_start(self, event: ev.DialStart) -> None:
        self.waiting = None
        self._stretch(waiting=False)
        self._abandon_dial()
        self.dial_count += 1
        self.dials.append(
            Dial(
                id=event.dial,
                began=self.now,
                attempt=event.attempt,
                round=event.round,
                server=event.server,
                why=event.why,
                timeout=event.timeout,
            )
        )
        if (outage := self.outage) is not None:
            outage.dials += 1

    def _abandon_dial(self) -> None:
        """The end of the dial under way was not told, and it is over all the same."""
        if (dial := self.dial) is not None:
            dial.total = dial.elapsed(self.now)
            self._finish(dial, "cancelled")

    def _dial_stage(self, event: ev.DialStage) -> None:
        dial = self._find_dial(event.dial)
        if dial is None or (event.outcome == "started" and dial.outcome is not None):
            return
        if event.stage == "tcp" and event.address:
            self._race(dial, event)
            return
        record = dial.stages.get(event.stage)
        if record is None:
            record = dial.stages[event.stage] = StageRecord(event.stage, max(0.0, self.now - event.elapsed))
        record.outcome = event.outcome
        record.elapsed = max(0.0, event.elapsed)
        record.cause, record.text = event.cause, event.text
        if dial.outcome is None:
            dial.stage_reached = event.stage

    def _race(self, dial: Dial, event: ev.DialStage) -> None:
        """One address of the race that is the tcp stage began or ended."""
        tried = next((a for a in dial.addresses if a.address == event.address and a.outcome == "started"), None)
        if tried is None:
            tried = AddressTry(event.address, max(0.0, self.now - event.elapsed))
            dial.addresses.append(tried)
        tried.outcome = event.outcome
        tried.elapsed = max(0.0, event.elapsed)
        tried.cause, tried.text = event.cause, event.text

    def _dial_tls(self, event: ev.DialTls) -> None:
        if (dial := self._find_dial(event.dial)) is not None:
            dial.tls = event

    def _dial_info(self, event: ev.DialInfo) -> None:
        if (dial := self._find_dial(event.dial)) is not None:
            dial.info = event

    def _dial_connect(self, event: ev.DialConnect) -> None:
        if (dial := self._find_dial(event.dial)) is not None:
            dial.connect = event

    def _dial_end(self, event: ev.DialEnd) -> None:
        dial = self._find_dial(event.dial)
        if dial is None:
            return
        dial.stage_reached = event.stage or dial.stage_reached
        dial.cause, dial.text = event.cause, event.text
        dial.total = max(0.0, event.total)
        self._finish(dial, event.outcome)

    def _dial_finding(self, event: ev.DialFinding) -> None:
        if (dial := self._find_dial(event.dial)) is not None:
            dial.finding = event

    def _finish(self, dial: Dial, outcome: ev.DialOutcome) -> None:
        """Nothing of a dial that has ended is under way."""
        dial.outcome = outcome
        unfinished: ev.StageOutcome = "cancelled" if outcome == "cancelled" else "failed"
        parts: list[StageRecord | AddressTry] = [*dial.stages.values(), *dial.addresses]
        for part in parts:
            if part.outcome == "started":
                part.outcome = "complete" if outcome == "connected" else unfinished
                part.elapsed = max(0.0, self.now - part.began)

    def _waiting(self, event: ev.Waiting) -> None:
        self._abandon_dial()
        self.waiting = event
        self._stretch(waiting=True)

    def _stretch(self, *, waiting: bool) -> None:
        """Same status, but from dialing to waiting or back."""
        last = self.timeline[-1]
        if last.waiting != waiting:
            self.timeline.append(Stretch(self.now, self.status, last.forced, waiting))

    def _connected(self, event: ev.Connected) -> None:
        self.connected = event
        self.ever_connected = True
        self.lame_duck = ""
        self.account = event.account
        self.user = None
        self.waiting = None
        self._end_connection()
        self.connections.append(
            ConnectionRecord(began=self.now, server=event.server, server_name=event.server_name, cid=event.cid)
        )
        self._end_outage(after=event.server)

    def _account(self, event: ev.Account) -> None:
        self.account = event.account

    def _user_info(self, event: ev.UserInfo) -> None:
        self.user = event
        self.account = event.account or self.account

    def _pool(self, event: ev.Pool) -> None:
        self.pool = event.members

    def _close_reason(self, event: ev.CloseReason) -> None:
        """The server's word on a connection that was lost stands beside ours."""
        row = self._outage_of(event.began)
        if row is not None:
            row.reason = event.reason

    def _end_connection(self) -> None:
        self.keepalive = self.silent = None
        if (connection := self.connection) is not None:
            connection.ended = self.now

    def _subscribed(self, event: ev.Subscribed) -> None:
        if (connection := self.connection) is not None and connection.subscribed is None:
            connection.subscribed = self.now
            if (outage := self._outage_before(connection)) is not None:
                outage.subscribed = self.now

    def _first_echo(self, event: ev.FirstEcho) -> None:
        if (connection := self.connection) is not None and connection.first_echo is None:
            connection.first_echo = self.now
            if (outage := self._outage_before(connection)) is not None:
                outage.first_echo = self.now

    def _outage_before(self, connection: ConnectionRecord) -> OutageRecord | None:
        """The outage that this connection ended."""
        return next((o for o in reversed(self.outages) if o.ended == connection.began), None)

    def _blind(self, event: ev.Blind) -> None:
        self.blind = event.why

    def _keepalive(self, event: ev.Keepalive) -> None:
        self.keepalive = event if self.connection is not None else None

    def _silent(self, event: ev.Silent) -> None:
        self.silent = event if self.connection is not None else None

    def _heard(self, event: ev.Heard) -> None:
        self.silent = None

    def _disconnected(self, event: ev.Disconnected) -> None:
        self.last_disconnect = event
        silent_since = self.silent.since if self.silent is not None else None
        if (connection := self.connection) is not None:
            connection.cause = event.cause
        self._end_connection()
        if self.outage is None:
            self.outage_count += 1
            self.outages.append(
                OutageRecord(
                    began=self.now,
                    cause=event.cause,
                    text=event.text,
                    reason=event.reason,
                    before=event.server,
                    silent_since=silent_since,
                )
            )

    def _end_outage(self, after: str) -> None:
        if (outage := self.outage) is not None:
            outage.ended = self.now
            outage.after = after

    def _reconnected(self, event: ev.Reconnected) -> None:
        self.reconnects += 1

    def _outage(self, event: ev.Outage) -> None:
        """The probe's own account of an outage replaces what was gathered of it on the way."""
        row = self._outage_of(event.began)
        if row is None:
            self.outage_count += 1
            row = OutageRecord(began=event.began, cause=event.cause)
            under_way = [self.outages.pop()] if self.outage is not None else []
            self.outages += [row, *under_way]
        row.ended = max(event.ended, row.began)
        row.cause, row.text = event.cause, event.text
        row.before, row.after = event.before, event.after
        row.detected_after, row.dials = max(0.0, event.detected_after), event.dials
        row.buffered, row.rejected = event.buffered, event.rejected
        row.lost, row.unknown, row.late, row.duplicate = event.lost, event.unknown, event.late, event.duplicate
        row.servers, row.lost_seqs = event.servers, event.lost_seqs
        row.settled = True

    def _published(self, event: ev.Published) -> None:
        """Counted at once; the next tally says the same."""
        counted = self.tally
        sent, buffered, rejected = (event.fate == fate for fate in ("sent", "buffered", "rejected"))
        self.tally = replace(
            counted,
            t=event.t,
            attempted=counted.attempted + 1,
            sent=counted.sent + sent,
            buffered=counted.buffered + buffered,
            rejected=counted.rejected + rejected,
            in_flight=counted.in_flight + sent,
            bytes=counted.bytes + (max(0, event.size) if sent else 0),
        )

    def _echoed(self, event: ev.Echoed) -> None:
        counted = self.tally
        in_flight = max(0, counted.in_flight - 1)
        self.tally = replace(
            counted, t=event.t, echoed=counted.echoed + counted.in_flight - in_flight, in_flight=in_flight
        )

    def _read_back(self, event: ev.ReadBack) -> None:
        self.read_back = event

    def _observed(self, event: ev.Observed) -> None:
        self.observed = event

    def _tally(self, event: ev.Tally) -> None:
        self.tally = event
        if event.latency is not None:
            self.latency = event.latency
            self.latency_at = self.now

    def _rtt(self, event: ev.Rtt) -> None:
        seconds = max(0.0, event.seconds)
        self.rtts.append((self.now, seconds))
        self.rtt_max = max(seconds, self.rtt_max or 0.0)

    def _discovered(self, event: ev.Discovered) -> None:
        self.discovered = list(dict.fromkeys([*self.discovered, *event.servers]))[-DISCOVERED_KEPT:]

    def _lame_duck(self, event: ev.LameDuck) -> None:
        self.lame_duck = event.server
        if (connection := self.connection) is not None and connection.lame_duck is None:
            connection.lame_duck = self.now

    def _paused(self, event: ev.Paused) -> None:
        self.paused = True

    def _resumed(self, event: ev.Resumed) -> None:
        self.paused = False

    def _closed(self, event: ev.Closed) -> None:
        self.closed = event

    def _gap(self, event: ev.Gap) -> None:
        self.gaps += max(0, event.events)

    def _end(self, event: ev.End) -> None:
        self.end = event

    # -- questions --------------------------------------------------------------------------------

    @property
    def dial(self) -> Dial | None:
        """The dial under way."""
        return self.dials[-1] if self.dials and self.dials[-1].outcome is None else None

    @property
    def connection(self) -> ConnectionRecord | None:
        """The connection that is up."""
        return self.connections[-1] if self.connections and self.connections[-1].ended is None else None

    @property
    def outage(self) -> OutageRecord | None:
        """The outage under way."""
        return self.outages[-1] if self.outages and self.outages[-1].ended is None else None

    def status_seconds(self, status: ev.Status, now: float) -> float:
        """Seconds spent in a status so far."""
        running = max(0.0, now - self.status_since) if status == self.status else 0.0
        return self._seconds.get(status, 0.0) + running

    def downtime(self, now: float) -> float:
        """Seconds lost to outages so far: from each loss to the next CONNECTED."""
        return self.status_seconds("RECONNECTING", now)

    def availability(self, now: float) -> float | None:
        """Time connected over time that should have been, 0 to 1, from the first CONNECTED; none before it."""
        if not self.ever_connected:
            return None
        up = self.status_seconds("CONNECTED", now) + self.status_seconds("DRAINING", now)
        down = self.downtime(now)
        return up / (up + down) if up + down > 0 else 1.0

    def rtt_percentiles(self, *wanted: float, since: float = 0.0) -> tuple[float, ...] | None:
        """Round-trip percentiles (0 to 100) in seconds over the samples kept since ``since``; none without one."""
        samples = sorted(seconds for t, seconds in self.rtts if t >= since)
        if not samples:
            return None
        last = len(samples) - 1
        return tuple(samples[round(last * p / 100)] for p in wanted)

    def wall(self, t: float) -> float:
        """The wall clock, seconds since the epoch, at a time of the stream."""
        return (self.session.started if self.session else 0.0) + t

    def _outage_of(self, began: float) -> OutageRecord | None:
        return next((o for o in reversed(self.outages) if abs(o.began - began) < 0.001), None)

    def _find_dial(self, dial: int) -> Dial | None:
        return next((d for d in reversed(self.dials) if d.id == dial), None)


_FOLDS: dict[type, Callable[[State, Any], None]] = {
    ev.Session: State._session,
    ev.StatusChanged: State._status,
    ev.DialStart: State._dial_start,
    ev.DialStage: State._dial_stage,
    ev.DialTls: State._dial_tls,
    ev.DialInfo: State._dial_info,
    ev.DialConnect: State._dial_connect,
    ev.DialEnd: State._dial_end,
    ev.DialFinding: State._dial_finding,
    ev.Waiting: State._waiting,
    ev.Connected: State._connected,
    ev.Account: State._account,
    ev.UserInfo: State._user_info,
    ev.Subscribed: State._subscribed,
    ev.FirstEcho: State._first_echo,
    ev.Blind: State._blind,
    ev.Keepalive: State._keepalive,
    ev.Silent: State._silent,
    ev.Heard: State._heard,
    ev.Disconnected: State._disconnected,
    ev.Reconnected: State._reconnected,
    ev.Outage: State._outage,
    ev.CloseReason: State._close_reason,
    ev.Pool: State._pool,
    ev.Published: State._published,
    ev.Echoed: State._echoed,
    ev.ReadBack: State._read_back,
    ev.Observed: State._observed,
    ev.Tally: State._tally,
    ev.Rtt: State._rtt,
    ev.Discovered: State._discovered,
    ev.LameDuck: State._lame_duck,
    ev.Paused: State._paused,
    ev.Resumed: State._resumed,
    ev.Closed: State._closed,
    ev.Gap: State._gap,
    ev.End: State._end,
}
