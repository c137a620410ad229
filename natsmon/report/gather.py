"""What is kept of a session while its events pass.

Each event is folded into a ``State``, which knows what is; what a state lets go of after a while (old outages,
dials, connections) is kept here, within bounds, and what was beyond them is told in ``Run.left_out``.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any

from natsmon.report.counts import KINDS_KEPT, OTHERS, Failures, Servers, span
from natsmon.report.series import Series
from natsmon.state import FULL, ConnectedPeriod, Dial, OutageRecord, SessionRecord, Stretch, Track
from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import corrected

OUTAGES_KEPT = 50_000
STRETCHES_KEPT = 20_000
MOMENTS_KEPT = 10_000
"""Silences, and announcements of a shutdown."""
_NEVER = -1.0
"""As ``t``: before everything."""


class Gatherer:
    """One session of one connection.

    ``missing`` is where the events begin, as ``t``, when what was before is not among them; a snapshot tells it still.
    """

    def __init__(self, missing: float | None = None) -> None:
        self.track = Track(0, SessionRecord())
        self.state = self.track.state
        self.events = 0
        self.elsewhere = 0
        """Events of other connections of the session."""
        self.missing = missing
        self.began = 0.0
        """Where the recording begins, as ``t``."""
        self.outages: list[OutageRecord] = []
        self.failed_in: dict[float, Failures] = {}
        """By when the outage began."""
        self._seen: set[float] = set()
        self._before = _NEVER
        """``t`` of the last event that is not part of a snapshot."""
        self._dial: Dial | None = None
        self._last_dial = -1
        self.dials = 0
        self.dialing = False
        """Whether a dial was under way at the end."""
        self._connection: ConnectedPeriod | None = None
        self.servers = Servers()
        self.servers_from = 0.0
        """No connection from before is known."""
        self.failures = Failures()
        self.timeline: list[Stretch] = [self.state.timeline[-1]]
        self.forgotten_until = 0.0
        self.silences: list[tuple[float, float]] = []
        self._silent_since: float | None = None
        self.lame_ducks: list[tuple[float, str]] = []
        self.errors: dict[str, int] = {}
        self.echoes = Series()
        self.pings = Series()
        self._notes: dict[type, Callable[[Any], None]] = {
            ev.Echoed: self._echoed,
            ev.Rtt: self._rtt,
            ev.Latencies: self._latencies,
            ev.StatusChanged: self._status,
            ev.Waiting: self._waiting,
            ev.DialStart: self._dial_start,
            ev.DialEnd: self._dial_end,
            ev.Connected: self._connected,
            ev.Silent: self._silent,
            ev.SilenceEnded: self._heard,
            ev.Disconnected: self._disconnected,
            ev.Outage: self._outage,
            ev.LameDuck: self._lame_duck,
            ev.AsyncError: self._async_error,
        }

    def take(self, event: ev.AnyEvent) -> None:
        self.events += 1
        if event.conn != self.state.conn:
            self.elsewhere += 1
            return
        if isinstance(event, ev.SessionEvent):
            self.state.session.apply(event)
        self.track.apply(event)
        note = self._notes.get(type(event))
        if note is not None:
            note(event)
        elif type(event) is ev.SnapshotEnd:
            self._restored(self._before)
        if not isinstance(event, ev.Session | ev.Connection | ev.Snapshot):
            self._before = self.state.now or _NEVER

    def _restored(self, before: float) -> None:
        """What is known at once of the time since ``before`` counts as if it had passed."""
        state = self.state
        self.missing = None
        first = state.timeline[0].began
        if before == _NEVER:
            self.began = state.now
            self.forgotten_until = first
            self.servers_from = state.periods[0].began if len(state.periods) == FULL.periods else 0.0
        self.timeline = [stretch for stretch in self.timeline if stretch.began < first] + list(state.timeline)
        self._restore_silences(before)
        told_again = {outage.began for outage in state.outages}
        before_those = [outage for outage in self.outages if outage.began not in told_again]
        self.outages = [*before_those, *state.outages][:OUTAGES_KEPT]
        self._seen = {outage.began for outage in self.outages}
        for dial in state.dials:
            if dial.outcome is not None and dial.id > self._last_dial:
                self._count(dial)
        self._dial = state.dial
        self._restore_connections()

    def _restore_silences(self, before: float) -> None:
        """Those that ended in a loss, and the one under way; of another no more is known than that it was not over."""
        state = self.state
        told = self.silences[-1][1] if self.silences else _NEVER
        ended = [(o.silent_since, o.began) for o in state.outages if o.silent_since is not None and o.began > told]
        last, self._silent_since = self._silent_since, state.silent.since if state.silent is not None else None
        if last is not None and last not in (self._silent_since, *(since for since, _ in ended)):
            ended.insert(0, (last, before))
        for since, until in ended:
            self._keep_silence(since, until)

    def _restore_connections(self) -> None:
        """What a snapshot says of a connection says nothing of the server's version, but for the last."""
        known, state = self._connection.began if self._connection is not None else _NEVER, self.state
        for connection in state.periods:
            if connection.began < known:
                continue
            if connection.began > known:
                self._settle_connection(connection.began)
                version = state.connected.version if state.connected and connection is state.periods[-1] else ""
                self.servers.connected(connection.server, connection.server_name, version)
            self._connection = connection

    # -- what passes ------------------------------------------------------------------------------

    def _echoed(self, event: ev.Echoed) -> None:
        self.echoes.record(self.state.now, span(event.latency))

    def _rtt(self, event: ev.Rtt) -> None:
        seconds = span(event.seconds)
        self.pings.record(self.state.now, seconds)
        for late in corrected(seconds, event.omitted, event.interval):
            self.pings.record(self.state.now, late)

    def _latencies(self, event: ev.Latencies) -> None:
        series = self.echoes if event.kind == "echo" else self.pings
        series.add(self.state.now, event.counts, span(event.longest))

    def _status(self, event: ev.StatusChanged) -> None:
        if event.previous == "DISCONNECTED":  # as every session begins
            self.missing = None
        self._stretched(event)

    def _stretched(self, event: object) -> None:
        if self.state.period is None:
            self._heard(event)
        last = self.state.timeline[-1]
        if last is self.timeline[-1]:
            return
        self.timeline.append(last)
        if len(self.timeline) > STRETCHES_KEPT:
            self.timeline = _coarser(self.timeline)
            if len(self.timeline) > STRETCHES_KEPT // 2:
                self.timeline = self.timeline[-STRETCHES_KEPT // 2 :]
                self.forgotten_until = self.timeline[0].began

    def _waiting(self, event: ev.Waiting) -> None:
        self._settle_dial()
        self._stretched(event)

    def _dial_start(self, event: ev.DialStart) -> None:
        self._settle_dial()
        self._dial = self.state.dials[-1]
        self._stretched(event)

    def _dial_end(self, event: ev.DialEnd) -> None:
        if self._dial is not None and self._dial.outcome is not None:
            self._settle_dial()

    def _settle_dial(self) -> None:
        """A dial that is over, or was left, is counted once."""
        dial, self._dial = self._dial, None
        if dial is not None:
            self._count(dial)

    def _count(self, dial: Dial) -> None:
        self.dials += 1
        self._last_dial = max(self._last_dial, dial.id)
        self.servers.dialed(dial)
        if dial.outcome in ("failed", "timeout"):
            self.failures.count(dial)
            if (outage := self._outage_at(dial.began)) is not None and outage.began in self._seen:
                self.failed_in.setdefault(outage.began, Failures()).count(dial)

    def _outage_at(self, t: float) -> OutageRecord | None:
        last = next((outage for outage in reversed(self.state.outages) if outage.began <= t), None)
        return last if last is not None and (last.ended is None or t <= last.ended) else None

    def _connected(self, event: ev.Connected) -> None:
        self._heard(event)
        self._settle_connection(self.state.now)
        self.servers.connected(event.server, event.server_name or event.server_id, event.version)
        self._connection = self.state.periods[-1]

    def _settle_connection(self, now: float) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self.servers.used(connection, now)

    def _silent(self, event: ev.Silent) -> None:
        if self._silent_since is None:
            self._silent_since = event.since

    def _heard(self, _event: object) -> None:
        since, self._silent_since = self._silent_since, None
        if since is not None:
            self._keep_silence(since, self.state.now)

    def _keep_silence(self, since: float, until: float) -> None:
        if len(self.silences) < MOMENTS_KEPT:
            self.silences.append((span(min(since, until)), span(until)))

    def _disconnected(self, event: ev.Disconnected) -> None:
        self._heard(event)
        self._keep_outages()

    def _outage(self, _event: object) -> None:
        self._keep_outages()

    def _keep_outages(self) -> None:
        """Those that are new: the last, or the one before it, told while the last is under way."""
        for record in islice(reversed(self.state.outages), 2):
            if record.began not in self._seen and len(self.outages) < OUTAGES_KEPT:
                self._seen.add(record.began)
                self.outages.append(record)

    def _lame_duck(self, event: ev.LameDuck) -> None:
        if len(self.lame_ducks) < MOMENTS_KEPT:
            self.lame_ducks.append((span(self.state.now), event.server))

    def _async_error(self, event: ev.AsyncError) -> None:
        text = event.text if event.text in self.errors or len(self.errors) < KINDS_KEPT else OTHERS
        self.errors[text] = self.errors.get(text, 0) + 1

    def finish(self) -> None:
        """What is under way is over with the recording; nothing may be taken afterwards."""
        self.dialing = self._dial is not None and self._dial.outcome is None
        self._settle_dial()
        self._settle_connection(self.state.now)
        self._heard(None)
        self.outages.sort(key=lambda record: record.began)


def _coarser(timeline: list[Stretch]) -> list[Stretch]:
    """Dials and the waits between them as one stretch."""
    coarse: list[Stretch] = []
    for stretch in timeline:
        if not coarse or coarse[-1].status != stretch.status:
            coarse.append(stretch)
    return coarse
