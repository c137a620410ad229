"""Dates and times, also those outside the calendar."""

import pytest

from natsmon.text import dates


def test_moment_is_formatted_in_utc() -> None:
    assert dates.day(1_795_327_812.1) == "2026-11-22"
    assert dates.stamp(1_795_327_812.1) == "2026-11-22 06:10:12 UTC"


@pytest.mark.parametrize("epoch", [1e18, -1e18, 1e300, float("inf"), float("nan")])
def test_time_outside_the_calendar_is_formatted_in_seconds(epoch: float) -> None:
    assert dates.day(epoch) == dates.local("%H:%M", epoch) == f"{epoch:g} s after 1970"
