"""A recording with every event, kept as a file: later versions read it."""

from pathlib import Path

from natsmon.recording.reader import Recording
from natsmon.state import Tracks
from natsmon.stream import events as ev
from tests.harness.vocabulary import EVENTS

GOLDEN = Path(__file__).parent / "schema-1.jsonl"


def test_golden_recording_has_every_event() -> None:
    recording = Recording([GOLDEN])
    events = list(recording.events())
    assert recording.skipped == []
    assert {type(event) for event in events} == set(EVENTS) - {ev.Part}
    assert len(events) == GOLDEN.read_bytes().count(b"\n") - 1, "all but the part line"


def test_golden_recording_gives_the_same_state() -> None:
    tracks = Tracks()
    for event in Recording([GOLDEN]).events():
        tracks.apply(event)
    state = tracks.first.state
    assert tracks.session.id == "4f1c"
    assert state.connection is not None
    assert state.connection.subject == "hello"
    assert (state.status, state.now) == ("CLOSED", 20.0)
    assert state.connected is not None
    assert state.connected.server_name == "b"
    assert [(outage.cause, outage.lost, outage.reason) for outage in state.outages] == [("eof", 1, "Stale Connection")]
    assert [(dial.outcome, dial.cause) for dial in state.dials] == [("failed", "refused"), ("connected", "")]
    assert (state.tally.sent, state.tally.delivered, state.tally.lost) == (10, 7, 1)
    assert state.dropped == 12
    assert state.end == ev.End(t=20.0, exit_code=0, reason="count")
