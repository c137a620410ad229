"""Durations and sizes, both ways."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from natsmon.text import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5), ("2s", 2.0), ("1m30s", 90.0), ("1h", 3600.0), ("0", 0.0), ("0s", 0.0), ("-0", 0.0),
        ("1.5s", 1.5), (".5s", 0.5), ("5.s", 5.0), ("+2s", 2.0), (" 2s ", 2.0), ("1h1m1s1ms", 3661.001),
        ("100us", 1e-4), ("100µs", 1e-4), ("100μs", 1e-4), ("100ns", 1e-7), ("290h", 290 * 3600.0),
    ],
)  # fmt: skip
def test_duration_is_parsed_as_in_go(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a duration"), ("fast", "is not a duration"), ("1 s", "is not a duration"),
        ("5x", "is not a duration"), ("1e3s", "is not a duration"), ("inf", "is not a duration"),
        ("nan", "is not a duration"), ("--1s", "is not a duration"), ("s", "is not a duration"),
        (".s", "is not a duration"), ("٣s", "is not a duration"), ("5", "has no unit"), ("1.5", "has no unit"),
        ("-1s", "is negative"), ("9" * 20 + "h", "is too long"), ("9" * 5000 + "s", "is not a duration"),
    ],
)  # fmt: skip
def test_invalid_duration_raises_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        units.parse_duration(text)


@given(st.integers(0, 290 * 365 * 86_400 * 10**6 // 1000))
def test_duration_equals_itself_after_formatting(microseconds: int) -> None:
    seconds = microseconds / 10**6
    assert units.parse_duration(units.go_duration(seconds)) == pytest.approx(seconds, abs=1e-9, rel=1e-12)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0s"), (0.1, "100ms"), (2.0, "2s"), (90.0, "1m30s"), (120.0, "2m"), (3600.5, "1h0.5s"), (1e-6, "1µs")],
)
def test_setting_is_formatted_as_it_could_be_typed(seconds: float, text: str) -> None:
    assert units.go_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("1024", 1024), ("1KiB", 1024), ("64KB", 65536), ("1k", 1024), ("8MiB", 8 << 20), ("8mib", 8 << 20),
        ("8 MiB", 8 << 20), ("1.5KiB", 1536), ("512B", 512), ("1GiB", 1 << 30), ("1T", 1 << 40),
    ],
)  # fmt: skip
def test_size_is_parsed_as_in_the_nats_cli(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is not a size"), ("big", "is not a size"), ("8XiB", "is not a size"), ("MiB", "is not a size"),
        ("inf", "is not a size"), ("nan", "is not a size"), ("1e9", "is not a size"), ("-1", "is negative"),
        ("-8MiB", "is negative"), ("99999999TiB", "is too large"), ("9" * 5000, "is not a size"),
    ],
)  # fmt: skip
def test_invalid_size_raises_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        units.parse_size(text)


@given(st.integers(0, 2**53))
def test_size_equals_itself_after_formatting(size: int) -> None:
    assert units.parse_size(units.go_size(size)) == size


@given(st.text())
def test_any_text_parses_or_raises_value_error(text: str) -> None:
    for parse in (units.parse_duration, units.parse_size):
        with contextlib.suppress(ValueError):
            assert parse(text) >= 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 ms"), (0.00064, "0.64 ms"), (0.009996, "10.0 ms"), (0.0231, "23.1 ms"), (0.231, "231 ms"),
        (0.9996, "1.00 s"), (2.31, "2.31 s"), (9.996, "10.0 s"), (59.96, "1m00s"), (761.0, "12m41s"),
        (7384.0, "2h03m04s"), (-1.0, "0.00 ms"),
        (1e300, "105850d00h"), (float("inf"), "105850d00h"),
    ],
)  # fmt: skip
def test_measured_time_has_three_figures(seconds: float, text: str) -> None:
    assert units.elapsed(seconds) == text


def test_counts_sizes_and_rates_are_formatted() -> None:
    assert [units.brief(s) for s in (2.0, 0.07, 0.0704, 1.5, 90.0)] == ["2 s", "70 ms", "70.4 ms", "1.5 s", "1m30s"]
    assert [units.size(n) for n in (0, 1023, 1024, 1536, 8 << 20, 2**50)] == [
        "0 B", "1023 B", "1 KiB", "1.5 KiB", "8 MiB", "1024 TiB",
    ]  # fmt: skip
    assert [units.plural(n, "outage") for n in (0, 1, 1204)] == ["0 outages", "1 outage", "1,204 outages"]
    assert units.plural(2, "address", "es") == "2 addresses"
    assert [units.and_more(n) for n in (-1, 0, 1, 1204)] == ["", "", " and 1 more", " and 1,204 more"]
    assert [units.percent(share) for share in (0.0, 0.99999, 1.0, 0.5)] == ["0.00 %", "99.99 %", "100.00 %", "50.00 %"]
    assert [units.percent(share, 4) for share in (0.99987, 0.99999988, 1.0)] == ["99.9870 %", "99.9999 %", "100.0000 %"]
    assert [units.percent(share) for share in (-1.0, 5.0, float("inf"))] == ["0.00 %", "100.00 %", "100.00 %"]
    assert [units.milliseconds(s) for s in (-1, 0.000642, 0.0231, 2.31)] == ["0.00", "0.64", "23.1", "2310"]
    assert [units.pace(s) for s in (0.0, 2.0, 0.1, 1 / 22.5, 1 / 12_345, 1e-9, 1e-310)] == [
        "at full speed", "every 2 s", "every 100 ms", "22.5 a second", "12,345 a second", "1,000,000,000 a second",
        "1,000,000,000 a second",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("measured", "shown"), [(0.951, "0.95"), (0.999, "1"), (5.55, "5.5"), (47.31, "47.3"), (999.96, "1,000")]
)
def test_rate_has_no_more_digits_than_are_measured(measured: float, shown: str) -> None:
    assert units.rate(measured) == shown
