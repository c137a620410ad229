"""The player: wherever one goes on a tape, and whichever way, it is as if folded from the start."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from natsmon.replay.checkpoint import new_tracks
from natsmon.replay.player import SPEEDS, Player
from natsmon.stream import events as ev
from tests.replay.tapes import DAY, EVENTS, at, at_end, batch, loaded
from tests.state.folding import same
from tests.tui import streams
from tests.tui.streams import STARTED

MOVES = st.one_of(
    st.tuples(st.just("seek"), st.floats(-10, 400)),
    st.tuples(st.just("step"), st.sampled_from([-40, -2, -1, 1, 2, 40])),
    st.tuples(st.just("to_event"), st.integers(-5, len(EVENTS) + 5)),
    st.tuples(st.just("to_outage"), st.sampled_from([-1, 1])),
    st.tuples(st.just("faster"), st.sampled_from([-1, 1])),
    st.tuples(st.just("advance"), st.floats(0, 30)),
    st.tuples(st.just("load"), st.integers(1, 90)),
)


@pytest.mark.usefixtures("small_blocks")
@examples(max_examples=60, deadline=None)
@given(st.lists(MOVES, max_size=25))
def test_moving_about_in_any_order_is_folding_from_the_start(moves: list[tuple[str, Any]]) -> None:
    here = Player(loaded(EVENTS[:20]))
    cuts, lines = 0, list(here.tracks.first.log)
    for name, by in moves:
        if name == "load":
            here.tape.add(batch(EVENTS[len(here.tape) : len(here.tape) + by]))
        else:
            getattr(here, name)(by)
        tracks = new_tracks()
        for event in EVENTS[: here.number]:
            tracks.apply(event)
        same(here.tracks.first.state, tracks.first.state)
        log = list(tracks.first.log)
        assert list(here.tracks.first.log) == log
        # What a view adds to its log as it goes on comes to the same.
        lines = list(here.tracks.first.log) if here.cuts != cuts else [*lines, *here.told]
        cuts = here.cuts
        here.told.clear()
        assert lines == log
        assert 0 <= here.number <= len(here.tape)
        assert 0.0 <= here.at <= here.tape.length
        assert here.number == 0 or here.tape.times[here.number - 1] <= here.at
        assert here.now >= here.tracks.first.state.now


def test_each_session_begins_anew_and_its_clock_with_it() -> None:
    here = at(EVENTS)
    second = here.tape.chapters[1]
    here.to_event(second.first)
    assert (here.chapter, here.tracks.session.id) == (0, "one")
    here.to_event(second.first + 1)
    assert (here.chapter, here.tracks.session.id) == (1, "two")
    assert here.now == 0.0
    assert here.wall == STARTED + 2 * DAY


# -- playing ---------------------------------------------------------------------------------------


def test_playing_takes_its_time() -> None:
    events = [EVENTS[0], ev.Paused(t=10.0), ev.Resumed(t=20.0), ev.Paused(t=3_000.0)]
    here = at(events, playing=True)
    here.advance(9.9)
    assert (here.number, here.now) == (1, 9.9)
    here.advance(0.2)
    assert (here.number, here.tracks.first.state.paused) == (2, True)
    for _ in SPEEDS:
        here.faster(1)
    assert here.speed == 1_000
    here.advance(0.02)
    assert (here.number, round(here.now, 6)) == (3, 30.1)
    here.advance(60.0)
    assert (here.number, here.now, here.playing) == (4, 3_000.0, False)
    here.toggle()
    assert (here.number, here.playing) == (1, True)


def test_what_has_not_been_loaded_is_waited_for() -> None:
    here = Player(loaded(EVENTS[:10]))
    here.advance(1e6)
    assert here.at_end
    assert here.playing
    here.tape.add(batch(EVENTS[10:20]))
    here.advance(1e6)
    assert here.number == 20


def test_a_step_stands_still() -> None:
    here = at(EVENTS, playing=True)
    here.seek(40.0)
    number = here.number
    here.step(1)
    assert (here.number, here.at, here.playing) == (number + 1, here.tape.times[number], False)
    here.step(-1)
    assert (here.number, here.at) == (number, here.tape.times[number - 1])


def test_from_outage_to_outage() -> None:
    here = at(EVENTS)
    losses = [mark.began for mark in here.tape.outages]
    assert len(losses) > 3
    seen = []
    while here.to_outage(1):
        seen.append(here.at)
        assert here.tracks.first.state.outage is not None
        assert here.tracks.first.state.status == "RECONNECTING"
    assert seen == losses
    back = []
    while here.to_outage(-1):
        back.append(here.at)
    assert back == losses[-2::-1]


def test_an_outage_begins_where_the_status_says_so() -> None:
    lost = ev.StatusChanged(t=9.002, status="RECONNECTING", previous="CONNECTED", cause="eof")
    back = ev.StatusChanged(t=9.5, status="CONNECTED", previous="RECONNECTING")
    begun = streams.Stream().become("CONNECTING").connect().events
    events = [*begun, ev.Disconnected(t=9.0, outage=1, cause="eof"), lost, ev.Connected(t=9.5, server="a"), back]
    here = at(events)
    assert [(mark.began, mark.ended) for mark in here.tape.outages] == [(9.002, 9.5)]
    here.to_outage(1)
    assert here.tracks.first.state.status == "RECONNECTING"


def test_going_on_adds_to_the_log_what_a_fold_does() -> None:
    here = at(EVENTS)
    lines: list[ev.LogLine] = []
    cuts = 0
    for number in range(0, len(EVENTS) + 7, 7):
        here.to_event(number)
        lines = list(here.tracks.first.log) if here.cuts != cuts else [*lines, *here.told]
        cuts = here.cuts
        here.told.clear()
    assert cuts == 1  # the snapshot
    assert lines == list(here.tracks.first.log) == list(at_end(EVENTS).log)


def test_the_outage_before_is_not_the_one_just_passed() -> None:
    here = at(EVENTS, playing=True)
    here.to_outage(1)
    here.to_outage(1)
    second = here.at
    here.advance(0.3)
    assert here.to_outage(-1)
    assert here.at < second
