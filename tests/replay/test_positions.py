"""Places that are typed: a time, an event, a way from here; and what is none."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from natsmon.replay import positions
from natsmon.replay.player import Player
from natsmon.replay.positions import PositionError, seek_to
from natsmon.stream import events as ev
from natsmon.text.units import LONGEST
from tests.replay.indexed import DAY, EVENTS, loaded
from tests.replay.indexed import at as player_at
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
def test_time_is_sought(text: str, wall: float) -> None:
    here = player_at(EVENTS)
    seek_to(here, text)
    assert here.wall == pytest.approx(wall, abs=1e-5)


@pytest.mark.usefixtures("far_east")
def test_time_of_day_means_the_day_that_is_shown() -> None:
    here = player_at(EVENTS)
    here.seek(here.index.sessions[1].base + 1)
    seek_to(here, "20:36:50")
    assert here.wall == pytest.approx(STARTED + 2 * DAY + 10, abs=1e-5)


def test_event_is_sought_by_its_number() -> None:
    here = player_at(EVENTS)
    seek_to(here, "#12")
    assert here.number == 12


@pytest.mark.usefixtures("far_east")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("noon", f"“noon” is not a time; try {positions.EXAMPLES}"),
        ("25:00", "“25:00” is not a time"),
        ("2025-02-30 10:00", "“2025-02-30 10:00” is not a time"),
        ("12:00", "12:00 was not recorded; the recording is from 2025-06-15 20:36:40 to 2025-06-18 20:36:4"),
        ("+5", "“+5” has no unit (try 500ms, 2s or 1m30s)"),
        ("-x", "“-x” is not a duration (try 500ms, 2s or 1m30s)"),
        ("#x", f"“#x” is not an event; try #1 to #{len(EVENTS):,}"),
        ("#0", f"event 0 does not exist; the last is {len(EVENTS):,}"),
        ("#99999", f"event 99,999 does not exist; the last is {len(EVENTS):,}"),
    ],
)
def test_invalid_position_raises_with_the_reason(text: str, why: str) -> None:
    here = player_at(EVENTS)
    with pytest.raises(PositionError) as caught:
        seek_to(here, text)
    assert str(caught.value).startswith(why)
    assert here.number == 0


@examples(max_examples=200)
@given(st.text(alphabet="0123456789:+-#T. smhé", max_size=20))
def test_any_text_raises_nothing_else(text: str) -> None:
    here = Player(WHOLE, playing=False)
    with suppress(PositionError):
        seek_to(here, text)
    assert 0.0 <= here.at <= WHOLE.length


WHOLE = loaded(EVENTS)


@pytest.mark.parametrize("started", [LONGEST - 1.0, 1.0 - LONGEST, 0.0])
def test_clock_at_its_bounds_raises_nothing_else(started: float) -> None:
    longest = LONGEST - 1.0
    here = player_at([ev.Session(t=0.0, id="x", started=started), ev.Paused(t=longest), ev.Resumed(t=-longest)])
    here.to_event(3)
    with suppress(PositionError):
        seek_to(here, "10:00")
    assert 0.0 <= here.at <= longest


NIGHT = 8 * 3_600.0
SUSPENDED: list[ev.AnyEvent] = [
    ev.Session(t=0.0, id="x", started=STARTED),
    ev.Paused(t=60.0),
    ev.Clock(t=90.0, wall=STARTED + 90.0 + NIGHT, suspended=NIGHT),
    ev.Resumed(t=120.0),
]
"""A minute and a half, a night in which the machine was suspended, and half a minute."""


@pytest.mark.usefixtures("far_east")
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("20:37", 20.0),  # before the suspend
        ("23:00", 90.0),  # during it: the machine resumed then
        ("2025-06-16 04:38:20", 100.0),  # after it
    ],
)
def test_time_after_a_suspend_is_sought(text: str, at: float) -> None:
    here = player_at(SUSPENDED)
    seek_to(here, text)
    assert here.at == pytest.approx(at)
    assert here.wall == pytest.approx(STARTED + at + (NIGHT if at >= 90 else 0.0))


@pytest.mark.usefixtures("far_east")
def test_recording_ends_by_the_clock_after_the_suspend() -> None:
    with pytest.raises(PositionError, match="the recording is from 2025-06-15 20:36:40 to 2025-06-16 04:38:40"):
        seek_to(player_at(SUSPENDED), "05:00")
