"""Availability: the share of time connected, MTBF and MTTR.

Time counts from the first CONNECTED, while a connection was wanted: CONNECTED and DRAINING are up, RECONNECTING is
down, except in a manual reconnect; CLOSED on request is neither. A figure that covers less than was asked for gives
its beginning.
"""

import msgspec

from natsmon.state import OutageRecord, State
from natsmon.stream import events as ev

UP: tuple[ev.Status, ...] = ("CONNECTED", "DRAINING")
DOWN: tuple[ev.Status, ...] = ("RECONNECTING",)
WINDOWS = {"1 min": 60.0, "10 min": 600.0, "1 h": 3_600.0}
"""The last seconds that have a share of their own, by name."""


class Uptime(msgspec.Struct, frozen=True):
    """Seconds up and down within a window, of what the window covers."""

    up: float
    down: float
    since: float
    """Where it begins, on the stream's clock: the window, or later where less is known."""
    outrun: bool = False
    """True where status changed more often than is kept, so that the window begins later than it should."""

    @property
    def share(self) -> float | None:
        """0 to 1; none where no connection was wanted."""
        return self.up / (self.up + self.down) if self.up + self.down > 0 else None


class Availability(msgspec.Struct, frozen=True):
    """Figures of a run, in seconds, as they are in the JSON of a report; none where nothing gives one."""

    share: float | None
    """0 to 1; none when it was never connected, or the beginning is missing."""
    share_without_silence: float | None
    """The same with silent time counted as downtime."""
    up: float
    down: float
    silent: float
    """Of the time up: without an answer that was due."""
    outages: int
    """Without manual reconnects."""
    manual: int
    """Manual reconnects."""
    longest: float | None
    """Of ``known_outages``, as is the mean time to recover."""
    between: float | None
    """Mean time between failures: the time up, over the number of outages."""
    to_recover: float | None
    """Mean time to recover, of the outages that ended in a connection."""


def over_the_run(state: State, now: float) -> Uptime | None:
    """None before the first CONNECTED."""
    if not state.ever_connected:
        return None
    up = sum(state.status_seconds(status, now) for status in UP)
    return Uptime(up, state.downtime(now), state.began)


def share_of_run(state: State, now: float) -> float | None:
    """Availability of the run, 0 to 1; none before the first CONNECTED."""
    ran = over_the_run(state, now)
    if ran is None:
        return None
    return ran.share if ran.share is not None else 1.0


def over_the_last(window: float, state: State, now: float) -> Uptime | None:
    """The ``window`` seconds before ``now``; none before the first CONNECTED."""
    if not state.ever_connected:
        return None
    asked = max(state.began, now - window)
    kept = state.timeline[0].began if len(state.timeline) == state.timeline.maxlen else 0.0
    since = max(asked, kept)
    up = down = 0.0
    until = now
    for stretch in reversed(state.timeline):
        began = max(since, stretch.began)
        seconds = max(0.0, until - began)
        if stretch.status in UP:
            up += seconds
        elif stretch.status in DOWN and not stretch.manual:
            down += seconds
        until = min(until, began)
        if until <= since:
            break
    return Uptime(up, down, since, kept > asked)


def known_outages(state: State) -> list[OutageRecord]:
    """The outages that are still known one by one, oldest first, without manual reconnects."""
    return [outage for outage in state.outages if not outage.manual]


def of_the_run(state: State, now: float) -> Availability:
    """Every figure of the run."""
    share, ran = share_of_run(state, now), over_the_run(state, now)
    up, down = (ran.up, ran.down) if ran is not None else (0.0, 0.0)
    silent, count, known = state.silent_seconds(now), state.outage_count, known_outages(state)
    recovered = [outage.downtime(now) for outage in known if outage.ended is not None and outage.after]
    return Availability(
        share=share,
        share_without_silence=max(0.0, up - silent) / (up + down) if up + down > 0 else share,
        up=up,
        down=down,
        silent=silent,
        outages=count,
        manual=state.manual_reconnects,
        longest=max((outage.downtime(now) for outage in known), default=None),
        between=up / count if ran is not None and count else None,
        to_recover=sum(recovered) / len(recovered) if recovered else None,
    )
