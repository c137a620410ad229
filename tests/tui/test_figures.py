"""Figures as they are shown: each in a fixed number of cells."""

import pytest

from natsmon.tui.model import figures


@pytest.mark.parametrize(
    ("number", "width", "shown"),
    [
        (None, 5, "    –"),
        (0, 5, "    0"),
        (1204, 5, "1,204"),
        (99_999, 5, "  99…"),
        (123_456, 5, " 123k"),
        (1_234_567, 5, "1.23M"),
        (12_345_678, 9, "   12.35M"),
        (12_345, 4, " 12k"),
        (10**400, 9, " 1000000T"),
        (-(10**400), 9, "-1000000T"),
    ],
)
def test_count_is_shortened_to_its_width(number: int | None, width: int, shown: str) -> None:
    if shown.endswith("…"):
        assert len(figures.count(number, width)) == width
    else:
        assert figures.count(number, width) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "     –"), (0.00021, "  0.21"), (0.0941, "  94.1"), (0.1, "   100"), (1.24, "  1240"), (5000, " 5000s")],
)
def test_millis_has_a_dash_without_a_value(seconds: float | None, shown: str) -> None:
    assert figures.millis(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "       –"),
        (0.0031, " 3.10 ms"),
        (0.21, "  210 ms"),
        (0.9996, "  1.00 s"),
        (59.96, "   1m00s"),
        (3600, "1h00m00s"),
        (310_724, "  86h18m"),
        (360_000, "   4d04h"),
        (9e9, "104166d16h"),
    ],
)
def test_span_has_a_unit(seconds: float | None, shown: str) -> None:
    assert figures.span(seconds) == shown


def test_clock_is_always_eight_cells() -> None:
    for value in (0, 59.9, 3600, 359_999, 360_000, 86_400 * 365):
        assert len(figures.clock(value)) == 8
    assert figures.clock(761) == "00:12:41"
    assert figures.clock(360_000) == "  4d 04h"


def test_times_outside_the_calendar_are_formatted() -> None:
    assert figures.clock(1e308) == "105850d 00h"
    assert figures.wall_millis(float("inf")) == "--:--:--.---"


def test_share_below_one_is_not_rounded_to_100_percent() -> None:
    assert figures.percent(1.0) == "100.00 %"
    assert figures.percent(0.999_999) == " 99.99 %"
    assert figures.percent(None) == "     – %"
