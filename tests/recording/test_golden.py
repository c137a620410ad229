"""A recording of every event, written down once: what it says must be understood for ever."""

from pathlib import Path

from natsmon.recording.reader import Recording
from natsmon.state import State
from natsmon.stream import events as ev
from tests.harness.vocabulary import EVENTS

GOLDEN = Path(__file__).parent / "schema-1.jsonl"


def test_the_golden_recording_has_every_event_and_reads() -> None:
    recording = Recording([GOLDEN])
    events = list(recording.events())
    assert recording.skipped == []
    assert {type(event) for event in events} == set(EVENTS)
    assert len(events) == GOLDEN.read_bytes().count(b"\n")


def test_what_is_known_after_the_golden_recording() -> None:
    state = State()
    for event in Recording([GOLDEN]).events():
        state.apply(event)
    assert state.session is not None
    assert state.session.id == "4f1c"
    assert (state.status, state.now) == ("CLOSED", 20.0)
    assert state.connected is not None
    assert state.connected.server_name == "b"
    assert [(outage.cause, outage.lost, outage.reason) for outage in state.outages] == [("eof", 1, "Stale Connection")]
    assert [(dial.outcome, dial.cause) for dial in state.dials] == [("failed", "refused"), ("connected", "")]
    assert (state.tally.sent, state.tally.echoed, state.tally.lost) == (8, 7, 1)
    assert state.gaps == 12
    assert state.end == ev.End(t=20.0, exit_code=0, why="count")
