"""How available a connection was, over the run and of late."""

import math
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from natsmon.state import State, availability, known
from natsmon.stream import events as ev
from tests.state.folding import LOST_AND_FOUND, A, B, any_event, folded, status, times


@given(st.lists(any_event, max_size=40), times)
@example_settings(max_examples=150, deadline=None)
def test_a_window_over_all_is_the_run(events: list[ev.AnyEvent], later: float) -> None:
    state = folded(*events)
    now = max(state.now, later)
    ran, whole = availability.over_the_run(state, now), availability.over_the_last(now, state, now)
    assert (ran is None) == (whole is None) == (state.availability(now) is None)
    if ran is not None and whole is not None:
        assert (whole.up, whole.down) == (pytest.approx(ran.up), pytest.approx(ran.down))
        assert ran.share is None or ran.share == state.availability(now)
    for window in availability.WINDOWS:
        last = availability.over_the_last(window, state, now)
        grain = 2 * math.ulp(now)  # of a clock that runs for ages
        assert last is None or 0 <= last.up + last.down <= window * 1.000001 + grain
    known_outages = availability.outages(state, now)
    assert known_outages.looked_at <= known_outages.count


def test_what_is_older_than_the_window_is_left_out() -> None:
    state = folded(*LOST_AND_FOUND)
    last = availability.over_the_last(6.0, state, 12.0)
    assert last == availability.Uptime(up=3.0, down=3.0, since=6.0)
    assert last.share == 0.5
    quiet = availability.over_the_last(60.0, state, 600.0)
    assert quiet is not None
    assert quiet.share == 1.0


def test_time_closed_on_request_is_neither() -> None:
    state = folded(*LOST_AND_FOUND, status(11.0, "CLOSED", "CONNECTED", "cancelled"))
    assert availability.over_the_last(60.0, state, 111.0) == availability.Uptime(up=0.0, down=0.0, since=51.0)
    ran = availability.over_the_run(state, 111.0)
    assert ran is not None
    assert (ran.up, ran.down) == (7.0, 3.0)


def test_nothing_is_known_before_the_first_connection() -> None:
    state = folded(*LOST_AND_FOUND[:4])
    assert availability.over_the_run(state, 1.0) is None
    assert availability.over_the_last(60.0, state, 1.0) is None
    assert availability.outages(state, 1.0) == availability.Outages(0, None, None, None, 0)


def test_outages_and_the_times_between() -> None:
    again = (
        ev.Disconnected(t=20.0, cause="eof", server=B),
        status(20.0, "RECONNECTING", "CONNECTED", "eof"),
        ev.Connected(t=21.0, server=A),
        status(21.0, "CONNECTED", "RECONNECTING"),
    )
    outages = availability.outages(folded(*LOST_AND_FOUND, *again), 24.0)
    assert (outages.count, outages.longest, outages.to_recover) == (2, 3.0, 2.0)
    assert outages.between == (6.0 + 10.0 + 3.0) / 2


def test_an_outage_under_way_may_be_the_longest_and_is_not_recovered() -> None:
    state = folded(*LOST_AND_FOUND[:8])
    outages = availability.outages(state, 47.0)
    assert (outages.count, outages.longest, outages.between, outages.to_recover) == (1, 40.0, 6.0, None)


def test_without_an_outage_there_is_no_mean() -> None:
    assert availability.outages(folded(*LOST_AND_FOUND[:6]), 9.0) == availability.Outages(0, None, None, None, 0)


def test_where_flapping_has_outrun_what_is_kept_it_says_so() -> None:
    with mock.patch.multiple(known, STRETCHES_KEPT=10, OUTAGES_KEPT=3):
        state = State()
    for event in LOST_AND_FOUND[:6]:
        state.apply(event)
    for second in range(2, 42, 2):
        state.apply(ev.Disconnected(t=second, cause="eof", server=A))
        state.apply(status(second, "RECONNECTING", "CONNECTED", "eof"))
        state.apply(ev.Connected(t=second + 1, server=A))
        state.apply(status(second + 1, "CONNECTED", "RECONNECTING"))
    last = availability.over_the_last(60.0, state, 42.0)
    assert last is not None
    assert (last.outrun, last.since, last.share) == (True, 32.0, 0.5)
    short = availability.over_the_last(5.0, state, 42.0)
    assert short is not None
    assert (short.outrun, short.since) == (False, 37.0)
    outages = availability.outages(state, 42.0)
    assert (outages.count, outages.looked_at, outages.to_recover) == (20, 3, 1.0)
