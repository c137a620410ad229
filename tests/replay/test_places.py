"""Places that are typed: a time, an event, a way from here; and what is none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from natsmon.replay import places
from natsmon.replay.places import NoPlace, go
from natsmon.replay.player import Player
from natsmon.stream import events as ev
from natsmon.text.units import LONGEST
from tests.replay.tapes import DAY, EVENTS, at, loaded
from tests.tui.streams import STARTED


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


@pytest.mark.parametrize("started", [LONGEST - 1.0, 1.0 - LONGEST, 0.0])
def test_clock_at_its_bounds_raises_nothing_else(started: float) -> None:
    longest = LONGEST - 1.0
    here = at([ev.Session(t=0.0, id="x", started=started), ev.Paused(t=longest), ev.Resumed(t=-longest)])
    here.to_event(3)
    with suppress(NoPlace):
        go(here, "10:00")
    assert 0.0 <= here.at <= longest
