"""States folded from events, random or typical, and their comparison."""

from collections import deque
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st
from msgspec.structs import asdict

from natsmon.state import FULL, Limits, SessionRecord, State, Track, Tracks
from natsmon.state.histogram import Histogram
from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import MICROSECONDS, bucket
from natsmon.text.units import LARGEST, LONGEST
from natsmon.wording.narration import narrate
from tests.harness.vocabulary import EVENTS, anything_of, made_of

A, B = "nats://a:4222", "nats://b:4222"

times = st.one_of(
    st.integers(0, 50).map(float),
    st.floats(0, 100),
    st.floats(-LONGEST, LONGEST, exclude_min=True, exclude_max=True),
)

few: dict[Any, st.SearchStrategy[Any]] = {
    **anything_of,
    ev.Seconds: times,
    ev.Count: st.integers(0, 4) | st.integers(0, LARGEST),
    str: st.sampled_from(["", A, B, "manual", "127.0.0.1:1", "127.0.0.1:2"]),
}
"""Few values, so that events refer to each other; some of them make no sense."""

any_event = st.one_of([made_of(cls, few, conn=st.just(0)) for cls in EVENTS])


def new_track(limits: Limits = FULL) -> Track:
    """A Track that narrates, as every view has it."""
    return Track(0, SessionRecord(), limits, narrate)


def fold(track: Track, event: ev.AnyEvent) -> None:
    """Apply an event of the connection, or of its session."""
    if isinstance(event, ev.SessionEvent):
        track.state.session.apply(event)
    track.apply(event)


def folded(*events: ev.AnyEvent, limits: Limits = FULL) -> State:
    """The State of one connection after these events."""
    track = new_track(limits)
    for event in events:
        fold(track, event)
    return track.state


def logged(events: Iterable[ev.AnyEvent]) -> list[ev.LogLine]:
    """The log of the first connection after these events."""
    tracks = Tracks(narrate)
    for event in events:
        tracks.apply(event)
    return list(tracks.first.log)


def same(one: State, other: State) -> None:
    """Assert that every attribute is equal, and of the same type; a cause may be a Cause or its value."""
    assert one == other
    for name, value in asdict(one).items():
        assert isinstance(value, str) or type(value) is type(getattr(other, name)), name
        if isinstance(value, deque):
            assert value.maxlen == getattr(other, name).maxlen, name
            assert [*map(type, value)] == [*map(type, getattr(other, name))], name


def status(t: float, to: ev.Status, before: ev.Status, cause: str = "") -> ev.StatusChanged:
    return ev.StatusChanged(t=t, status=to, previous=before, cause=cause)


def dial(t: float, number: int, reason: ev.DialReason = "reconnect") -> ev.DialStart:
    return ev.DialStart(t=t, dial=number, attempt=number, pool_pass=1, server=A, reason=reason)


def dialed(t: float, number: int, outcome: ev.DialOutcome = "connected") -> ev.DialEnd:
    return ev.DialEnd(t=t, dial=number, outcome=outcome, stage="connect", total=0.5, server=A)


LOST_AND_FOUND: tuple[ev.AnyEvent, ...] = (
    ev.Session(t=0.0, id="x", started=1000.0),
    status(0.0, "CONNECTING", "DISCONNECTED"),
    dial(0.0, 1, "initial"),
    dialed(1.0, 1),
    ev.Connected(t=1.0, server=A),
    status(1.0, "CONNECTED", "CONNECTING"),
    ev.Disconnected(t=7.0, outage=1, cause="eof", server=A),
    status(7.0, "RECONNECTING", "CONNECTED", "eof"),
    dial(7.0, 2),
    dialed(7.5, 2, "failed"),
    ev.Waiting(t=7.5, delay=2.0, base=2.0, jitter=0.0, until=9.5, server=A),
    dial(9.5, 3),
    dialed(10.0, 3),
    ev.Connected(t=10.0, server=B),
    status(10.0, "CONNECTED", "RECONNECTING"),
    ev.Reconnected(t=10.0, outage=1, before=A, after=B, downtime=3.0, attempts=2),
)


def counted(samples: list[tuple[int, int]], longest: float | None = None) -> Histogram:
    """A histogram of (microseconds, how many)."""
    histogram = Histogram()
    histogram.add(samples, max(bucket(value) for value, _ in samples) / MICROSECONDS if longest is None else longest)
    return histogram
