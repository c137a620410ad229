"""Everything known of one connection, as attributes, with the questions that they answer.

``State.apply`` is the only way anything on a screen changes. It does no I/O and reads no clock, so that the dashboard,
the log, the report and a replay agree. Times are the stream's, in seconds since the session began; so is ``now``.
"""

from collections import deque
from collections.abc import Iterator

import msgspec

from natsmon.state.delivery import DeliveryNote
from natsmon.state.latency_series import LatencySeries
from natsmon.state.limits import FULL, Limits
from natsmon.state.message_rates import MessageRates
from natsmon.state.records import ConnectedPeriod, Dial, OutageRecord, Stretch
from natsmon.state.session_record import SessionRecord
from natsmon.stream import events as ev


class State(msgspec.Struct):
    """The fold of one connection's events. Each attribute after ``limits`` is a section of a snapshot."""

    conn: int = 0
    session: SessionRecord = msgspec.field(default_factory=SessionRecord)
    limits: Limits = FULL
    now: ev.Seconds = 0.0
    connection: ev.Connection | None = None
    """What it connects to and how; none before its first event."""
    began: ev.Seconds = 0.0
    """When it was opened, as ``t``."""
    replaced_by: ev.Count | None = None
    """The connection that was opened in its place; no event of it follows, and none of the session applies."""
    status: ev.Status = "DISCONNECTED"
    status_since: ev.Seconds = 0.0
    status_cause: str = ""
    connected: ev.Connected | None = None
    """The server it is connected to, or was connected to last."""
    ever_connected: bool = False
    dials: deque[Dial] = msgspec.field(default_factory=deque)
    """Oldest first; the last one may be in progress."""
    dial_count: ev.Count = 0
    """Dials so far, counted by the number of the newest: also those that are not in the stream."""
    details_from: ev.Count = 0
    """The number of the oldest dial whose INFO, CONNECT and certificates are kept."""
    explained: ev.Count = 0
    """The number of the newest dial whose cause a second look has found, or may have."""
    attempts: ev.Count = 0
    """Dials since the start, or since the loss."""
    waiting: ev.Waiting | None = None
    outages: deque[OutageRecord] = msgspec.field(default_factory=deque)
    """Oldest first, manual reconnects included; the last one may still last."""
    outage_costs: dict[str, ev.Count] = {}
    """Messages that all outages cost so far, by kind, such as ``lost``; also of those whose record was dropped."""
    last_outage: ev.Count = 0
    """The number of the newest outage or manual reconnect."""
    manual_reconnects: ev.Count = 0
    periods: deque[ConnectedPeriod] = msgspec.field(default_factory=deque)
    """Times CONNECTED, oldest first; the last one may still last."""
    reconnects: ev.Count = 0
    last_disconnect: ev.Disconnected | None = None
    account: str = ""
    """The account of the connection; empty when unknown."""
    identity: ev.Identity | None = None
    pool: dict[str, ev.PoolMember] = {}
    """Members by URL."""
    server_names: dict[str, str] = {}
    """By address, the newest name of each server, from its INFO; not of those without a name of their own."""
    pool_size: ev.Count = 0
    """Servers in the pool; ask ``pool_omitted``."""
    lame_duck: str = ""
    """The server that sent a lame duck notice, while connected to it."""
    keepalive: ev.Keepalive | None = None
    silent: ev.Silent | None = None
    silent_before: ev.Seconds = 0.0
    """Seconds of silence that are over; ask ``silent_seconds``."""
    unverified: str = ""
    """Why delivery is not verified now; empty when it is."""
    was_unverified: str = ""
    """Why delivery was not verified at some time of the run; empty when it always was."""
    audit: ev.Audit | None = None
    observed: ev.Observed | None = None
    tally: ev.Tally = ev.Tally()
    rates: MessageRates = msgspec.field(default_factory=MessageRates)
    echoes: LatencySeries = msgspec.field(default_factory=LatencySeries)
    """From publish to echo, or to acknowledgement."""
    pings: LatencySeries = msgspec.field(default_factory=LatencySeries)
    """From PING to PONG, corrected for PINGs that were not sent."""
    rtts: deque[tuple[ev.Seconds, ev.Seconds]] = msgspec.field(default_factory=deque)
    """(t, seconds) of the latest round trips."""
    delivery: DeliveryNote = msgspec.field(default_factory=DeliveryNote)
    """What the log shows of messages that are not delivered."""
    errors: dict[str, ev.Seconds] = {}
    """Asynchronous errors of this connection to the server, and when each was received last."""
    error_counts: dict[str, ev.Count] = {}
    """Asynchronous errors of the run, and how often each was received."""
    paused: bool = False
    closed: ev.Closed | None = None
    dropped: ev.Count = 0
    """Lines that the probe dropped because this reader did not keep up."""
    timeline: deque[Stretch] = msgspec.field(default_factory=lambda: deque([Stretch(0.0, "DISCONNECTED")]))
    seconds_in: dict[ev.Status, ev.Seconds] = {}
    """Spent in each status before this one; ask ``status_seconds``."""
    manual_seconds: ev.Seconds = 0.0
    """RECONNECTING for manual reconnects that are over."""

    def __post_init__(self) -> None:
        """Bound what is kept."""
        limits = self.limits
        self.dials = deque(self.dials, limits.dials)
        self.outages = deque(self.outages, limits.outages)
        self.periods = deque(self.periods, limits.periods)
        self.rtts = deque(self.rtts, limits.rtts)
        self.timeline = deque(self.timeline, limits.stretches)
        for kept in (self.rates, self.echoes, self.pings):
            kept.bound(limits)

    def apply(self, event: ev.AnyEvent) -> None:
        """Fold one event of this connection, or of its session. Any order of events leaves the state consistent."""
        kind = type(event)
        if event.t > self.now and kind is not ev.Note:  # a note has a view's clock
            self.now = event.t
        fold = FOLDS.get(kind)
        if fold is not None:
            fold(self, event)

    @property
    def end(self) -> ev.End | None:
        """The last event of the session, once it has ended."""
        return self.session.end

    @property
    def pool_omitted(self) -> int:
        """Servers of the pool that are not kept."""
        return max(0, self.pool_size - len(self.pool))

    @property
    def acknowledged(self) -> bool:
        """Whether a stream acknowledges the messages."""
        return self.connection is not None and self.connection.verification == "ack"

    @property
    def observing(self) -> bool:
        """Whether messages of other publishers are counted, and none published."""
        return self.connection is not None and self.connection.observing

    @property
    def dial(self) -> Dial | None:
        """The dial in progress."""
        return self.dials[-1] if self.dials and self.dials[-1].outcome is None else None

    @property
    def connected_dial(self) -> Dial | None:
        """The newest dial that connected."""
        return next((dial for dial in reversed(self.dials) if dial.outcome == "connected"), None)

    @property
    def period(self) -> ConnectedPeriod | None:
        """The time CONNECTED that lasts."""
        return self.periods[-1] if self.periods and self.periods[-1].ended is None else None

    @property
    def outage(self) -> OutageRecord | None:
        """The outage, or manual reconnect, that lasts."""
        return self.outages[-1] if self.outages and self.outages[-1].ended is None else None

    @property
    def outage_count(self) -> int:
        """Outages so far, without manual reconnects; also those that are not in the stream."""
        return max(0, self.last_outage - self.manual_reconnects)

    def status_seconds(self, status: ev.Status, now: float) -> float:
        """Seconds spent in a status so far."""
        running = max(0.0, now - self.status_since) if status == self.status else 0.0
        return self.seconds_in.get(status, 0.0) + running

    def downtime(self, now: float) -> float:
        """Seconds of all outages so far, without manual reconnects."""
        manual = self.manual_seconds
        if self.outage is not None and self.outage.manual:
            manual += self.outage.downtime(now)
        return max(0.0, self.status_seconds("RECONNECTING", now) - manual)

    @property
    def since(self) -> ev.Seconds:
        """When the status changed to what it is; before the first connection, when one was first wanted."""
        if self.ever_connected or self.status == "CLOSED":
            return self.status_since
        began = self.status_since
        for stretch in reversed(self.timeline):
            if stretch.status not in ("CONNECTING", "DISCONNECTED"):
                break
            if stretch.status == "CONNECTING":  # before the first of these no connection was wanted
                began = stretch.began
        return began

    def silences(self, now: float) -> Iterator[tuple[float, float]]:
        """Each time that a due answer was missing, from and until when, also where the connection was not lost."""
        since: float | None = None
        for stretch in self.timeline:
            if since is not None and not stretch.silent:
                yield since, stretch.began
                since = None
            elif since is None and stretch.silent:
                since = stretch.began
        if since is not None:
            yield since, now

    def silent_seconds(self, now: float) -> float:
        """Seconds CONNECTED without a due answer so far."""
        return self.silent_before + (max(0.0, now - self.silent.since) if self.silent is not None else 0.0)

    def delivery_rate(self, now: float) -> float | None:
        """Messages delivered, or observed, each second of the last minute; None without one, or within a second.

        A message that was due stands for the time until the next one: of three in the first two seconds, each is one a
        second.
        """
        observed = ev.Tally(delivered=self.observed.messages) if self.observed is not None else None
        last = self.rates.last_minute(now, observed or self.tally)
        interval = self.connection.interval if self.connection is not None else 0.0
        seconds = max(min(last.seconds, now - self.began), last.attempted * interval)
        return last.delivered / seconds if (last.sent or observed) and seconds >= 1 else None

    def wall(self, t: float) -> float:
        """The wall clock at a time of the stream, seconds since the epoch."""
        return self.session.wall(t)

    def find_outage(self, outage: int) -> OutageRecord | None:
        """The record of an outage, by its number."""
        found = next((each for each in reversed(self.outages) if each.id <= outage), None)
        return found if found is not None and found.id == outage else None

    def find_dial(self, dial: int) -> Dial | None:
        """The record of a dial, by its number."""
        return next((each for each in reversed(self.dials) if each.id == dial), None)


from natsmon.state.fold import FOLDS  # noqa: E402 - the folds are written for State
