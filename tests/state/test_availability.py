"""Availability over the run and over the last minutes, MTBF and MTTR."""

import math

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from natsmon.state import FULL, availability
from natsmon.stream import events as ev
from tests.state.folding import LOST_AND_FOUND, A, B, any_event, fold, folded, new_track, status, times

NOTHING = availability.Availability(None, None, 0.0, 0.0, 0.0, 0, 0, None, None, None)


@given(st.lists(any_event, max_size=40), times)
@example_settings(max_examples=150, deadline=None)
def test_window_over_everything_equals_the_run(events: list[ev.AnyEvent], later: float) -> None:
    state = folded(*events)
    now = max(state.now, later)
    ran, whole = availability.over_the_run(state, now), availability.over_the_last(now, state, now)
    assert (ran is None) == (whole is None) == (availability.share_of_run(state, now) is None)
    if ran is not None and whole is not None:
        assert (whole.up, whole.down) == (pytest.approx(ran.up), pytest.approx(ran.down))
        assert ran.share is None or ran.share == availability.share_of_run(state, now)
    for window in availability.WINDOWS.values():
        last = availability.over_the_last(window, state, now)
        grain = 2 * math.ulp(now)  # of a clock that runs for ages
        assert last is None or 0 <= last.up + last.down <= window * 1.000001 + grain
    found = availability.of_the_run(state, now)
    assert len(availability.known_outages(state)) <= found.outages


def test_window_excludes_older_time() -> None:
    state = folded(*LOST_AND_FOUND)
    last = availability.over_the_last(6.0, state, 12.0)
    assert last == availability.Uptime(up=3.0, down=3.0, since=6.0)
    assert last.share == 0.5
    quiet = availability.over_the_last(60.0, state, 600.0)
    assert quiet is not None
    assert quiet.share == 1.0


def test_time_closed_on_request_is_neither_up_nor_down() -> None:
    state = folded(*LOST_AND_FOUND, status(11.0, "CLOSED", "CONNECTED", "cancelled"))
    assert availability.over_the_last(60.0, state, 111.0) == availability.Uptime(up=0.0, down=0.0, since=51.0)
    ran = availability.over_the_run(state, 111.0)
    assert ran is not None
    assert (ran.up, ran.down) == (7.0, 3.0)


def test_availability_is_none_before_first_connected() -> None:
    state = folded(*LOST_AND_FOUND[:4])
    assert availability.over_the_run(state, 1.0) is None
    assert availability.over_the_last(60.0, state, 1.0) is None
    assert availability.of_the_run(state, 1.0) == NOTHING


def test_outages_give_longest_mtbf_and_mttr() -> None:
    again = (
        ev.Disconnected(t=20.0, outage=2, cause="eof", server=B),
        status(20.0, "RECONNECTING", "CONNECTED", "eof"),
        ev.Connected(t=21.0, server=A),
        status(21.0, "CONNECTED", "RECONNECTING"),
    )
    outages = availability.of_the_run(folded(*LOST_AND_FOUND, *again), 24.0)
    assert (outages.outages, outages.longest, outages.to_recover) == (2, 3.0, 2.0)
    assert outages.between == (6.0 + 10.0 + 3.0) / 2


def test_lasting_outage_counts_as_longest_but_not_as_recovered() -> None:
    state = folded(*LOST_AND_FOUND[:8])
    outages = availability.of_the_run(state, 47.0)
    assert (outages.outages, outages.longest, outages.between, outages.to_recover) == (1, 40.0, 6.0, None)


def test_mean_is_none_without_outages() -> None:
    found = availability.of_the_run(folded(*LOST_AND_FOUND[:6]), 9.0)
    assert found == replace(NOTHING, share=1.0, share_without_silence=1.0, up=found.up)


def test_window_is_shorter_when_flapping_exceeds_the_timeline() -> None:
    track = new_track(replace(FULL, stretches=10, outages=3))
    for event in LOST_AND_FOUND[:6]:
        fold(track, event)
    for outage, second in enumerate(range(2, 42, 2), 1):
        track.apply(ev.Disconnected(t=second, outage=outage, cause="eof", server=A))
        track.apply(status(second, "RECONNECTING", "CONNECTED", "eof"))
        track.apply(ev.Connected(t=second + 1, server=A))
        track.apply(status(second + 1, "CONNECTED", "RECONNECTING"))
    state = track.state
    last = availability.over_the_last(60.0, state, 42.0)
    assert last is not None
    assert (last.outrun, last.since, last.share) == (True, 32.0, 0.5)
    short = availability.over_the_last(5.0, state, 42.0)
    assert short is not None
    assert (short.outrun, short.since) == (False, 37.0)
    outages = availability.of_the_run(state, 42.0)
    assert (outages.outages, len(availability.known_outages(state)), outages.to_recover) == (20, 3, 1.0)
