"""The index: what is known at any position is what was known then."""

import pytest

from natsmon.stream import events as ev
from tests.replay.indexed import DAY, EVENTS, at, folds, loaded
from tests.state.folding import same
from tests.tui import dial_streams, outage_streams, streams
from tests.tui.streams import STARTED


@pytest.mark.usefixtures("small_blocks")
def test_every_position_equals_folding_from_the_start() -> None:
    whole = loaded(EVENTS)
    for number, track in enumerate(folds(EVENTS)):
        if number % 3:
            continue
        there = whole.tracks(number).first
        same(there.state, track.state)
        assert list(there.log) == list(track.log)


def test_time_continues_from_session_to_session() -> None:
    whole = loaded(EVENTS)
    assert len(whole.sessions) == 3
    assert list(whole.times) == sorted(whole.times)
    ends = [streams.outage().t, outage_streams.upgrade().t, dial_streams.raced().t]
    assert [session.record.started for session in whole.sessions] == [STARTED, STARTED + 2 * DAY, STARTED + 3 * DAY]
    assert whole.length <= sum(ends)
    for session, event in ((c, EVENTS[c.first]) for c in whole.sessions):
        assert isinstance(event, ev.Session)
        assert session.wall(session.base) == event.started


def test_recording_that_begins_in_the_middle_starts_at_its_snapshot() -> None:
    stream = streams.connected()
    head: list[ev.AnyEvent] = [
        stream.events[0],
        ev.Snapshot(t=stream.t, section="log", value=[{"at": STARTED, "text": "before"}]),
        ev.SnapshotEnd(t=stream.t),
    ]
    later: list[ev.AnyEvent] = [ev.Paused(t=stream.t + 2.0), ev.Resumed(t=stream.t + 5.0)]
    here = at([*head, *later])
    assert here.index.length == 5.0
    here.seek(2.0)
    assert here.now == stream.t + 2.0
    assert [line.text for line in here.tracks.first.log] == ["before", "publishing paused"]


def test_note_has_its_place_and_delays_no_event() -> None:
    events: list[ev.AnyEvent] = [
        ev.Session(t=0.0, id="one", started=STARTED),
        ev.Connected(t=1.0, server="nats://a:4222"),
        ev.StatusChanged(t=1.0, status="CONNECTED", previous="CONNECTING"),
        ev.Note(t=53.289, text="killing the server"),
        ev.Note(t=53.290045, text="killed the server"),
        ev.Disconnected(t=53.28855, outage=1, cause="eof", server="nats://a:4222"),
        ev.StatusChanged(t=53.28855, status="RECONNECTING", previous="CONNECTED"),
        ev.Note(t=60.0, text="monitor stopped"),
    ]
    there = at(events)
    assert list(there.index.times) == [0.0, 1.0, 1.0, *[53.28855] * 4, 60.0]
    assert [mark.began for mark in there.index.outages] == [53.28855]
    there.to_event(5)
    assert there.now == 53.28855
    assert [line.text for line in there.tracks.first.log][-2:] == ["killing the server", "killed the server"]
    assert list(there.tracks.first.log)[-1].at == STARTED + 53.290045, "as it was shown live"
    there.seek(60.0)
    assert (there.now, list(there.tracks.first.log)[-1].text) == (60.0, "monitor stopped")
    assert there.tracks.first.state.outages[-1].began == 53.28855
