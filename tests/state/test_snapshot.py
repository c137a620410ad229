"""Snapshot: a restored Track equals the original in every attribute, and stays equal."""

import time
from collections import deque
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from natsmon.state import Dial, LogLines, State, Track, Tracks
from natsmon.state.limits import SNAPSHOT
from natsmon.state.snapshot import LOG, SESSION, section_types
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.stream.codec import LINE_LIMIT
from natsmon.wording.narration import narrate
from tests.harness.vocabulary import EVENTS, anything_of, made_of
from tests.state.folding import fold, new_track, same
from tests.tui import dial_streams, streams

by_type = {
    **anything_of,
    ev.Seconds: st.floats(0, 1e6, allow_nan=False),
    ev.Count: st.integers(0, 10**6),
    str: st.sampled_from(["", "nats://a:4222", "nats://b:4222", "eof", "ä\x1b"]),
}
numbers = st.integers(0, 3)
EVENT: st.SearchStrategy[Any] = st.one_of(
    [
        made_of(cls, by_type, dial=numbers, outage=numbers, conn=st.just(0), id=st.just("s1"))
        for cls in EVENTS
        if cls is not ev.Snapshot
    ]
)
SESSION_BEGIN = ev.Session(t=0.0, id="s1", started=1000.0)


def track_after(events: list[ev.AnyEvent]) -> Track:
    track = new_track()
    for event in events:
        fold(track, event)
    return track


def restored(lines: bytes) -> Tracks:
    """The Tracks of a reader after these lines."""
    tracks = Tracks(narrate)
    for line in lines.splitlines():
        assert len(line) < LINE_LIMIT
        event = codec.decode_event(line)
        assert event is not None
        tracks.apply(event)
    return tracks


def lines_of(log: LogLines) -> list[ev.LogLine]:
    return list(log.newest(SNAPSHOT))


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENT, max_size=30), st.lists(EVENT, max_size=10))
def test_restored_track_equals_and_stays_equal(before: list[ev.AnyEvent], further: list[ev.AnyEvent]) -> None:
    track = track_after([SESSION_BEGIN, *before])
    other = restored(track.snapshot()).first
    same(track.state, other.state)
    assert lines_of(track.log) == lines_of(other.log)
    for event in further:
        fold(track, event)
        fold(other, event)
    same(track.state, other.state)
    assert lines_of(track.log) == lines_of(other.log)


def test_every_attribute_of_state_is_a_section() -> None:
    assert set(section_types()) == set(State.__struct_fields__) - {"conn", "session", "limits"}
    assert section_types()["dials"] == deque[Dial]


def test_snapshot_has_every_connection() -> None:
    tracks = Tracks(narrate)
    for event in streams.outage().events:
        tracks.apply(event)
    tracks.apply(ev.Connection(t=1.0, conn=1, name="second"))
    tracks.apply(ev.Paused(t=2.0, conn=1))
    again = restored(tracks.snapshot())
    assert [track.state.conn for track in again.of_session()] == [0, 1]
    for one, other in zip(tracks.of_session(), again.of_session(), strict=True):
        same(one.state, other.state)
        assert lines_of(one.log) == lines_of(other.log)
    assert again.snapshot() == tracks.snapshot()


def test_section_longer_than_a_line_is_restored_whole() -> None:
    """Texts of servers are as long as they can be; the section is several lines."""
    track = track_after([SESSION_BEGIN])
    lost = [(3 * number, 3 * number + 1) for number in range(100)]
    for number in range(1, track.state.limits.outages + 1):
        about: dict[str, Any] = {"outage": number, "cause": "eof", "text": f"{number} " + "x" * 4_000}
        fold(track, ev.Outage(t=number + 0.5, began=number, ended=number + 0.5, lost=200, lost_seqs=lost, **about))
    assert len(msgspec.json.encode(track.state.outages, enc_hook=list)) > LINE_LIMIT
    other = restored(track.snapshot()).first
    same(track.state, other.state)


@given(
    st.sampled_from([*section_types(), SESSION, LOG, "telepathy"]),
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=3) | st.integers() | st.floats(allow_nan=False),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    ),
)
def test_section_that_does_not_decode_changes_nothing(section: str, value: Any) -> None:
    track = track_after(streams.outage().events)
    before = repr(getattr(track.state, section, None))
    track.apply(ev.Snapshot(t=0.0, section=section, value=value))
    changed = repr(getattr(track.state, section, None)) != before
    assert not changed or section in {*section_types(), SESSION}
    for event in streams.outage().events:
        fold(track, event)
    assert track.state.timeline
    assert isinstance(track.state.outage_count, int)
    restored(track.snapshot())


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("dials", [{"id": 1, "began": 1e300}]),
        ("tally", {"t": 1.0, "sent": 2**80}),
        ("rtts", [[1e300, 1.0]]),
        ("outages", [{"id": 1, "began": 1.0, "lost_seqs": [[1, 2**80]]}]),
        ("echoes", {"earlier": {"buckets": {"7": 1}, "max": 1e300}}),
        ("session", {"offsets": [{"t": 0.0, "offset": 1e300}]}),
    ],
)
def test_section_with_impossible_number_is_not_restored(section: str, value: Any) -> None:
    track = track_after(streams.outage().events)
    before = repr(track.state)
    track.apply(ev.Snapshot(t=0.0, section=section, value=value))
    assert repr(track.state) == before


def full_track() -> Track:
    """As much as a Track ever keeps."""
    track = new_track()
    one = [event for event in dial_streams.secured().events if not isinstance(event, ev.SessionEvent)]
    fold(track, dial_streams.secured().events[0])
    for cycle in range(1100):
        for event in one:
            moved: dict[str, Any] = {"t": event.t + cycle * 100.0}
            if hasattr(event, "dial"):
                moved["dial"] = event.dial + cycle * 10
            track.apply(replace(event, **moved))
        track.apply(ev.Disconnected(t=cycle * 100.0 + 90, outage=cycle + 1, cause="eof"))
        for number in range(4):
            track.apply(ev.Rtt(t=cycle * 100.0 + 91 + number, seconds=0.001))
    return track


def test_snapshot_of_full_track_is_quick() -> None:
    """As quick as restoring it; here only the order of magnitude, on any machine."""
    track = full_track()
    took, restoring = [], []
    for _ in range(5):
        began = time.process_time()
        lines = track.snapshot()
        made = time.process_time()
        again = restored(lines)
        took.append(made - began)
        restoring.append(time.process_time() - made)
    assert min(took) < 10 * min(restoring)
    same(track.state, again.first.state)
