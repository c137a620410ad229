"""Everything that is known of one connection, and the questions it answers; the folds beside this fill it in."""

from collections import deque
from functools import lru_cache

from natsmon.state.latencies import MINUTE, SLICE, Latencies
from natsmon.state.records import ConnectionRecord, Dial, OutageRecord, Stretch
from natsmon.stream import events as ev

DIALS_KEPT = 250
OUTAGES_KEPT = 1_000
RTTS_KEPT = 3_600
STRETCHES_KEPT = 2_000
DISCOVERED_KEPT = 1_000
CONNECTIONS_KEPT = 1_000

PING_INTERVAL = 1.0
"""Seconds between two PINGs where the stream does not say."""
_SAME = 0.001
"""Seconds; moments closer than this are one, told twice."""


class Known:
    """What is remembered. Times are the stream's own, seconds since the session began; so is ``now``."""

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
        self.blinded = ""
        """Why they were not known at some time of the run, this one or an earlier; empty where they always were."""
        self.read_back: ev.ReadBack | None = None
        self.observed: ev.Observed | None = None
        self.tally = ev.Tally(t=0.0)
        self.echoes = Latencies()
        """Publish to echo, or to acknowledgement."""
        self.told_latency: tuple[float, float, float, float] | None = None
        """p50, p90, p99, max in the last tally that had echoes; ask ``latency``."""
        self.latency_at = 0.0
        """When the last echo came."""
        self.pings = Latencies()
        """PING to PONG. A PING that was not sent because the one before had no PONG yet counts as late, too."""
        self.rtts: deque[tuple[float, float]] = deque(maxlen=RTTS_KEPT)
        """(t, seconds) of the latest PING to PONG round trips."""
        self.paused = False
        self.closed: ev.Closed | None = None
        self.end: ev.End | None = None
        self.gaps = 0
        """Events the probe left out because this view did not keep up."""
        self.timeline: deque[Stretch] = deque([Stretch(0.0, "DISCONNECTED")], maxlen=STRETCHES_KEPT)
        self.seconds_in: dict[ev.Status, float] = {}
        """Spent in each status before this one; ask ``status_seconds``."""

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
        return self.seconds_in.get(status, 0.0) + running

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

    @property
    def ping_interval(self) -> float:
        """Seconds from a PONG to the next PING, as the session was told."""
        setting = self.session.settings.get("rtt-interval") if self.session is not None else None
        return _interval(setting[0]) if setting is not None else PING_INTERVAL

    def latency(self, now: float) -> tuple[float, float, float, float] | None:
        """p50, p90, p99, max of the echoes of the last minute; none without one."""
        if not self.echoes.run.count:
            return self.told_latency if now - self.latency_at < MINUTE * SLICE else None
        recent = self.echoes.minute(now)
        p50, p90, p99 = recent.percentiles(50, 90, 99)
        return None if p50 is None or p90 is None or p99 is None else (p50, p90, p99, recent.max)

    def wall(self, t: float) -> float:
        """The wall clock, seconds since the epoch, at a time of the stream."""
        return (self.session.started if self.session else 0.0) + t

    def outage_of(self, began: float) -> OutageRecord | None:
        """The outage that began then; they stand in the order of their beginnings."""
        for outage in reversed(self.outages):
            if abs(outage.began - began) < _SAME:
                return outage
            if outage.began < began:
                break
        return None

    def find_dial(self, dial: int) -> Dial | None:
        return next((d for d in reversed(self.dials) if d.id == dial), None)


@lru_cache(maxsize=4)
def _interval(text: str) -> float:
    from natsmon.text.units import parse_duration  # not before the first paint

    try:
        return parse_duration(text)
    except ValueError:
        return PING_INTERVAL
