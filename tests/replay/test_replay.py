"""A recording, entered anywhere: what is known there is what was known then, whichever way one came."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from msgspec.structs import replace

from natsmon import events as ev
from natsmon.recording.reader import Batch, Recording
from natsmon.recording.recorder import Parts
from natsmon.recording.target import Target
from natsmon.replay import places, player, tape
from natsmon.replay.loading import Loading
from natsmon.replay.places import NoPlace, go
from natsmon.replay.player import SPEEDS, Player
from natsmon.replay.scene import LINES_KEPT, MESSAGES_KEPT, Scene
from natsmon.replay.tape import Tape
from natsmon.state import State
from natsmon.tui import log
from tests.state.test_snapshot import same
from tests.tui import dial_streams, outage_streams, streams
from tests.tui.streams import STARTED, Stream

DAY = 86_400.0


def session(stream: Stream, name: str, started: float = STARTED) -> list[ev.AnyEvent]:
    """A stream as another session, begun at another time."""
    first, *others = stream.events
    assert isinstance(first, ev.Session)
    return [replace(first, id=name, started=started), *others]


EVENTS: list[ev.AnyEvent] = [
    *session(streams.outage(), "one"),
    *session(outage_streams.upgrade(), "two", STARTED + 2 * DAY),
    *session(dial_streams.raced(), "three", STARTED + 3 * DAY),
]
SEEN = ev.Snapshot(t=0.0, log=[ev.LogLine(at=STARTED + 3 * DAY, text=f"line {number}") for number in range(3)])
EVENTS.insert(EVENTS.index(session(dial_streams.raced(), "three", STARTED + 3 * DAY)[0]) + 1, SEEN)


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(tape, "BLOCK", 16)
        patch.setattr(player, "BLOCK", 16)
        patch.setattr(tape, "NEAR", 3)
        yield


def batch(events: list[ev.AnyEvent]) -> Batch:
    return Batch(events, [ev.encode(event).rstrip() for event in events], 0, 0)


def loaded(events: list[ev.AnyEvent]) -> Tape:
    whole = Tape()
    whole.add(batch(events))
    return whole


def at(events: list[ev.AnyEvent], *, playing: bool = False) -> Player:
    there = Player(loaded(events), playing=playing)
    there.complete = True
    return there


def at_end(events: list[ev.AnyEvent]) -> Scene:
    *_, last = scenes(events)
    return last


def scenes(events: list[ev.AnyEvent]) -> Iterator[Scene]:
    """Before the first event, and after each."""
    scene = Scene()
    yield scene
    for event in events:
        scene.take(event)
        yield scene


def test_the_log_is_as_long_as_the_dashboards() -> None:
    assert (LINES_KEPT, MESSAGES_KEPT) == (log.LINES_KEPT, log.MESSAGES_KEPT)


@pytest.mark.usefixtures("small_blocks")
def test_every_place_is_as_if_folded_from_the_start() -> None:
    whole = loaded(EVENTS)
    for number, scene in enumerate(scenes(EVENTS)):
        if number % 3:
            continue
        there = whole.scene(number)
        same(there.state, scene.state)
        assert there.log == scene.log


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
    cuts, lines = 0, list(here.scene.log)
    for name, by in moves:
        if name == "load":
            here.tape.add(batch(EVENTS[len(here.tape) : len(here.tape) + by]))
        else:
            getattr(here, name)(by)
        scene = Scene()
        for event in EVENTS[: here.number]:
            scene.take(event)
        same(here.scene.state, scene.state)
        assert here.scene.log == scene.log
        # What a view adds to its log as it goes on comes to the same.
        lines = list(here.scene.log) if here.cuts != cuts else [*lines, *here.told]
        cuts = here.cuts
        here.told.clear()
        assert lines == scene.log
        assert 0 <= here.number <= len(here.tape)
        assert 0.0 <= here.at <= here.tape.length
        assert here.number == 0 or here.tape.times[here.number - 1] <= here.at
        assert here.now >= here.scene.state.now


def test_times_run_on_from_session_to_session() -> None:
    whole = loaded(EVENTS)
    assert len(whole.chapters) == 3
    assert list(whole.times) == sorted(whole.times)
    ends = [streams.outage().t, outage_streams.upgrade().t, dial_streams.raced().t]
    assert [chapter.started for chapter in whole.chapters] == [STARTED, STARTED + 2 * DAY, STARTED + 3 * DAY]
    assert whole.length <= sum(ends)
    for chapter, event in ((c, EVENTS[c.first]) for c in whole.chapters):
        assert isinstance(event, ev.Session)
        assert chapter.wall(chapter.base) == event.started


def test_each_session_begins_anew_and_its_clock_with_it() -> None:
    here = at(EVENTS)
    second = here.tape.chapters[1]
    here.to_event(second.first)
    assert (here.chapter, here.scene.state.session) == (0, EVENTS[0])
    here.to_event(second.first + 1)
    assert (here.chapter, here.scene.state.session) == (1, EVENTS[second.first])
    assert here.now == 0.0
    assert here.wall == STARTED + 2 * DAY


def test_a_recording_that_begins_in_the_middle_begins_there() -> None:
    stream = streams.connected()
    head = [stream.events[0], ev.Snapshot(t=stream.t, log=[ev.LogLine(at=STARTED, text="before")])]
    later = [ev.Paused(t=stream.t + 2.0), ev.Resumed(t=stream.t + 5.0)]
    here = at([*head, *later])
    assert here.tape.length == 5.0
    here.seek(2.0)
    assert here.now == stream.t + 2.0
    assert [line.text for line in here.scene.log] == ["before", "publishing paused"]


# -- playing ---------------------------------------------------------------------------------------


def test_playing_takes_its_time() -> None:
    events = [EVENTS[0], ev.Paused(t=10.0), ev.Resumed(t=20.0), ev.Paused(t=3_000.0)]
    here = at(events, playing=True)
    here.advance(9.9)
    assert (here.number, here.now) == (1, 9.9)
    here.advance(0.2)
    assert (here.number, here.scene.state.paused) == (2, True)
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
        assert here.scene.state.outage is not None
        assert here.scene.state.status == "RECONNECTING"
    assert seen == losses
    back = []
    while here.to_outage(-1):
        back.append(here.at)
    assert back == losses[-2::-1]


def test_an_outage_begins_where_the_status_says_so() -> None:
    lost = ev.StatusChanged(t=9.002, status="RECONNECTING", previous="CONNECTED", cause="eof")
    back = ev.StatusChanged(t=9.5, status="CONNECTED", previous="RECONNECTING")
    begun = streams.Stream().become("CONNECTING").connect().events
    events = [*begun, ev.Disconnected(t=9.0, cause="eof"), lost, ev.Connected(t=9.5, server="a"), back]
    here = at(events)
    assert [(mark.began, mark.ended) for mark in here.tape.outages] == [(9.002, 9.5)]
    here.to_outage(1)
    assert here.scene.state.status == "RECONNECTING"


def test_going_on_adds_to_the_log_what_a_fold_does() -> None:
    here = at(EVENTS)
    lines: list[ev.LogLine] = []
    cuts = 0
    for number in range(0, len(EVENTS) + 7, 7):
        here.to_event(number)
        lines = list(here.scene.log) if here.cuts != cuts else [*lines, *here.told]
        cuts = here.cuts
        here.told.clear()
    assert cuts == 1  # the snapshot
    assert lines == here.scene.log == at_end(EVENTS).log


def test_the_outage_before_is_not_the_one_just_passed() -> None:
    here = at(EVENTS, playing=True)
    here.to_outage(1)
    here.to_outage(1)
    second = here.at
    here.advance(0.3)
    assert here.to_outage(-1)
    assert here.at < second


# -- going to a place ------------------------------------------------------------------------------


@pytest.mark.usefixtures("far_east")
@pytest.mark.parametrize(
    ("text", "wall"),
    [
        ("20:36:50", STARTED + 10),  # 15:06:40 UTC is 20:36:40 there
        ("20:37", STARTED + 20),
        ("20:36:50.250", STARTED + 10.25),
        ("2025-06-15 20:37", STARTED + 20),
        ("2025-06-17T20:36:45", STARTED + 2 * DAY + 5),
        ("+30s", STARTED + 30),
        ("-5m", STARTED),
    ],
)
def test_a_place_in_time(text: str, wall: float) -> None:
    here = at(EVENTS)
    go(here, text)
    assert here.wall == pytest.approx(wall, abs=1e-5)


@pytest.mark.usefixtures("far_east")
def test_a_time_of_day_is_that_of_the_day_in_sight() -> None:
    here = at(EVENTS)
    here.seek(here.tape.chapters[1].base + 1)
    go(here, "20:36:50")
    assert here.wall == pytest.approx(STARTED + 2 * DAY + 10, abs=1e-5)


def test_an_event_by_its_number() -> None:
    here = at(EVENTS)
    go(here, "#12")
    assert here.number == 12


@pytest.mark.usefixtures("far_east")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("noon", f"“noon” is no time; try {places.EXAMPLES}"),
        ("25:00", "“25:00” is in no calendar"),
        ("2025-02-30 10:00", "“2025-02-30 10:00” is in no calendar"),
        ("12:00", "the recording has no 12:00; it goes from 2025-06-15 20:36:40 to 2025-06-18 20:36:4"),
        ("+5", "“+5” has no unit (try 500ms, 2s or 1m30s)"),
        ("-x", "“-x” is not a duration (try 500ms, 2s or 1m30s)"),
        ("#x", f"“#x” is no event; try #1 to #{len(EVENTS):,}"),
        ("#0", f"there is no event 0; the last is {len(EVENTS):,}"),
        ("#99999", f"there is no event 99,999; the last is {len(EVENTS):,}"),
    ],
)
def test_what_is_no_place_is_said(text: str, why: str) -> None:
    here = at(EVENTS)
    with pytest.raises(NoPlace) as said:
        go(here, text)
    assert str(said.value).startswith(why)
    assert here.number == 0


@examples(max_examples=200)
@given(st.text(alphabet="0123456789:+-#T. smhé", max_size=20))
def test_whatever_is_typed_raises_nothing_else(text: str) -> None:
    here = Player(WHOLE, playing=False)
    with suppress(NoPlace):
        go(here, text)
    assert 0.0 <= here.at <= WHOLE.length


WHOLE = loaded(EVENTS)


@pytest.mark.parametrize("started", [1e300, -1e300, 1e18])
def test_a_clock_beyond_every_calendar(started: float) -> None:
    here = at([ev.Session(t=0.0, id="x", started=started), ev.Paused(t=1e250), ev.Resumed(t=-1e250)])
    here.to_event(3)
    with pytest.raises(NoPlace):
        go(here, "10:00")


# -- loading ---------------------------------------------------------------------------------------


def written(path: Path, events: list[ev.AnyEvent]) -> Path:
    path.write_bytes(b"".join(map(ev.encode, events)))
    return path


def test_loading_can_be_stopped_and_what_is_there_stays(tmp_path: Path) -> None:
    many = [EVENTS[0], *(ev.Published(t=n / 100, seq=n) for n in range(1, 20_001))]
    loading = Loading(Recording([written(tmp_path / "run.jsonl", many)]))
    assert loading.begin()
    assert 0 < len(loading.tape) < len(many)
    assert 0 < loading.share < 1
    loading.go_on()
    there = len(loading.tape)
    loading.stop()
    assert not loading.go_on()
    assert (loading.done, loading.stopped, len(loading.tape)) == (True, True, there)
    scene = loading.tape.scene(there)
    assert scene.state.tally.attempted == there - 1


def test_parts_and_compressed_files_are_one(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    parts = Parts(Target(str(path), 4096, 100))
    lines = [ev.encode(event) for event in streams.outage().events]
    for first in range(0, len(lines), 20):
        parts.write(lines[first : first + 20])
    parts.close()
    assert len(list(tmp_path.iterdir())) > 2
    loading = Loading(Recording([path]))
    while loading.go_on():
        pass
    assert loading.skipped == []
    assert len(loading.tape) == len(lines)
    state = State()
    for event in streams.outage().events:
        state.apply(event)
    same(loading.tape.scene(len(lines)).state, state)


def test_a_note_stands_at_its_place_and_makes_nothing_later() -> None:
    events: list[ev.AnyEvent] = [
        ev.Session(t=0.0, id="one", started=STARTED),
        ev.Connected(t=1.0, server="nats://a:4222"),
        ev.StatusChanged(t=1.0, status="CONNECTED", previous="CONNECTING"),
        ev.Note(t=53.289, text="killing the server"),
        ev.Note(t=53.290045, text="killed the server"),
        ev.Disconnected(t=53.28855, cause="eof", server="nats://a:4222"),
        ev.StatusChanged(t=53.28855, status="RECONNECTING", previous="CONNECTED"),
        ev.Note(t=60.0, text="the probe died"),
    ]
    there = at(events)
    assert list(there.tape.times) == [0.0, 1.0, 1.0, *[53.28855] * 4, 60.0]
    assert [mark.began for mark in there.tape.outages] == [53.28855]
    there.to_event(5)
    assert there.now == 53.28855
    assert [line.text for line in there.scene.log][-2:] == ["killing the server", "killed the server"]
    assert there.scene.log[-1].at == STARTED + 53.290045, "as it was shown live"
    there.seek(60.0)
    assert (there.now, there.scene.log[-1].text) == (60.0, "the probe died")
    assert there.scene.state.outages[-1].began == 53.28855
