"""The player: at any position, however it was reached, everything is as folded from the start."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from natsmon.replay.player import SPEEDS, Player
from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.wording.narration import narrate
from tests.replay.indexed import DAY, EVENTS, at, at_end, batch, loaded
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
def test_any_moves_equal_folding_from_the_start(moves: list[tuple[str, Any]]) -> None:
    here = Player(loaded(EVENTS[:20]))
    for name, by in moves:
        if name == "load":
            here.index.add(batch(EVENTS[len(here.index) : len(here.index) + by]))
        else:
            getattr(here, name)(by)
        tracks = Tracks(narrate)
        for event in EVENTS[: here.number]:
            tracks.apply(event)
        same(here.tracks.first.state, tracks.first.state)
        log = list(tracks.first.log)
        assert list(here.tracks.first.log) == log
        assert 0 <= here.number <= len(here.index)
        assert 0.0 <= here.at <= here.index.length
        assert here.number == 0 or here.index.times[here.number - 1] <= here.at
        assert here.now >= here.tracks.first.state.now


def test_each_session_has_its_own_clock() -> None:
    here = at(EVENTS)
    second = here.index.sessions[1]
    here.to_event(second.first)
    assert (here.session, here.tracks.session.id) == (0, "one")
    here.to_event(second.first + 1)
    assert (here.session, here.tracks.session.id) == (1, "two")
    assert here.now == 0.0
    assert here.wall == STARTED + 2 * DAY


# -- playing ---------------------------------------------------------------------------------------


def test_playing_follows_the_clock_and_the_speed() -> None:
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


def test_player_waits_for_what_is_not_loaded() -> None:
    here = Player(loaded(EVENTS[:10]))
    here.advance(1e6)
    assert here.at_end
    assert here.playing
    here.index.add(batch(EVENTS[10:20]))
    here.advance(1e6)
    assert here.number == 20


def test_step_pauses() -> None:
    here = at(EVENTS, playing=True)
    here.seek(40.0)
    number = here.number
    here.step(1)
    assert (here.number, here.at, here.playing) == (number + 1, here.index.times[number], False)
    here.step(-1)
    assert (here.number, here.at) == (number, here.index.times[number - 1])


@pytest.mark.usefixtures("small_blocks")
def test_position_shows_the_connection_that_was_open_then() -> None:
    events = streams.switched().events
    switch = next(n for n, event in enumerate(events) if event.conn == 1)
    here = at(events)
    for number in (switch + 1, switch - 1, switch, len(events), 5, switch + 40):
        here.to_event(number)
        tracks = Tracks(narrate)
        for event in events[:number]:
            tracks.apply(event)
        same(here.tracks.first.state, tracks.first.state)
        assert here.tracks.first.state.conn == (number > switch)
        assert list(here.tracks.first.log) == list(tracks.first.log)
    here.to_event(0)
    assert here.to_outage(1)
    assert here.tracks.first.state.conn == 1
    assert here.at == here.index.outages[0].began == pytest.approx(2 * streams.connected().t)
    assert len(here.index.outages) == 2


def test_outages_are_sought_one_after_the_other() -> None:
    here = at(EVENTS)
    losses = [mark.began for mark in here.index.outages]
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


def test_outage_begins_at_the_change_of_status() -> None:
    lost = ev.StatusChanged(t=9.002, status="RECONNECTING", previous="CONNECTED", cause="eof")
    back = ev.StatusChanged(t=9.5, status="CONNECTED", previous="RECONNECTING")
    begun = streams.Stream().become("CONNECTING").connect().events
    events = [*begun, ev.Disconnected(t=9.0, outage=1, cause="eof"), lost, ev.Connected(t=9.5, server="a"), back]
    here = at(events)
    assert [(mark.began, mark.ended) for mark in here.index.outages] == [(9.002, 9.5)]
    here.to_outage(1)
    assert here.tracks.first.state.status == "RECONNECTING"


def test_playing_adds_the_lines_of_the_fold() -> None:
    here = at(EVENTS)
    for number in range(0, len(EVENTS) + 7, 7):
        here.to_event(number)
    assert here.jumps == 1  # the snapshot
    assert list(here.tracks.first.log) == list(at_end(EVENTS).log)


def test_outage_before_is_not_the_one_just_passed() -> None:
    here = at(EVENTS, playing=True)
    here.to_outage(1)
    here.to_outage(1)
    second = here.at
    here.advance(0.3)
    assert here.to_outage(-1)
    assert here.at < second
