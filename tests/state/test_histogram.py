"""Histogram: buckets and percentiles, equal to HdrHistogram's."""

import copy

import msgspec
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given
from hypothesis import strategies as st

from natsmon.state.histogram import MOST_IN_ALL, Histogram
from natsmon.stream.latency_buckets import HIGHEST, bucket, quantised
from tests.state.folding import counted

microseconds = st.integers(1, HIGHEST) | st.integers(1, 3_000)
counts = st.lists(st.tuples(microseconds, st.integers(1, 1_000)), min_size=1, max_size=40)
percents = st.tuples(*[st.sampled_from([0.5, 50.0, 90.0, 99.0, 99.9, 100.0])] * 3)


@given(microseconds)
def test_bucket_is_named_by_its_largest_value(value: int) -> None:
    name = bucket(value)
    assert value <= name <= value * 1.01
    assert bucket(name) == name
    assert bucket(name + 1) > name or name >= HIGHEST
    assert name == HdrHistogram(1, HIGHEST, 2).get_highest_equivalent_value(value)


@given(st.floats(allow_nan=False), st.integers())
def test_every_value_has_a_bucket(seconds: float, value: int) -> None:
    assert 1 <= quantised(seconds) <= bucket(HIGHEST)
    assert 1 <= bucket(value) <= bucket(HIGHEST)


def test_seconds_fall_in_the_bucket_of_their_microseconds() -> None:
    for value in (1, 2, 255, 256, 257, 999, 1_000, 1_001, 123_456, 59_999_999):
        assert quantised(value / 1e6) == bucket(value)
    assert quantised(0.000_000_2) == 1


@given(counts, percents)
def test_percentiles_equal_hdrhistogram(given_counts: list[tuple[int, int]], wanted: tuple[float, ...]) -> None:
    theirs = HdrHistogram(1, HIGHEST, 2)
    for value, count in given_counts:
        theirs.record_value(value, count)
    ours = counted(given_counts)
    assert [round((s or 0) * 1e6) for s in ours.percentiles(*wanted)] == [
        theirs.get_value_at_percentile(p) for p in wanted
    ]
    assert ours.count == theirs.get_total_count()


def test_maximum_is_exact_and_limits_percentiles() -> None:
    histogram = Histogram()
    histogram.record(0.012345)
    assert histogram.max == 0.012345
    assert histogram.percentile(50) == 0.012345
    histogram.record(7_200.0)
    assert (histogram.max, histogram.percentile(100)) == (7_200.0, pytest.approx(3_600, rel=0.01))


def test_empty_histogram_has_no_percentiles() -> None:
    histogram = counted([(500, 0), (700, -3)])
    assert (histogram.count, histogram.counts(), histogram.max) == (0, [], 0.0)
    assert histogram.percentiles(50, 99) == (None, None)


@given(counts, counts)
def test_merge_equals_counting_together(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    merged = counted(first)
    merged.merge(counted(second))
    assert merged == counted([*first, *second])


@given(counts)
def test_histogram_survives_json(given_counts: list[tuple[int, int]]) -> None:
    histogram = counted(given_counts, 4_000.0)
    assert counted(histogram.counts(), histogram.max) == histogram
    assert msgspec.json.decode(msgspec.json.encode(histogram), type=Histogram) == histogram
    before = copy.deepcopy(histogram)
    histogram.record(1.0)
    assert before.count == histogram.count - 1


@pytest.mark.parametrize(
    "written", [b'{"buckets":{"256":1},"count":1}', b'{"buckets":{"7":-1}}', b'{"buckets":{"0":1}}']
)
def test_invalid_buckets_are_not_decoded(written: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(written, type=Histogram)


def test_huge_counts_are_limited() -> None:
    read = msgspec.json.decode(b'{"buckets":{"7":1180591620717411303424,"511":1},"max":0.1}', type=Histogram)
    assert read.counts() == [(7, MOST_IN_ALL), (511, 1)]
    merged = Histogram()
    for _ in range(1_000):
        merged.merge(read)
    assert merged.percentiles(50, 100) == (0.000_007, 0.000_511)


def test_count_is_the_sum_of_buckets() -> None:
    read = msgspec.json.decode(b'{"buckets":{"7":2},"count":9,"max":0.1}', type=Histogram)
    assert (read.count, read.percentile(99)) == (2, 0.000_007)
    assert msgspec.json.decode(b'{"count":9}', type=Histogram).percentile(50) is None
