"""Latencies, and delivery that is not verified, in the State."""

import pytest

from natsmon.state import FULL, SMALL, Limits, LogLines
from natsmon.state.snapshot import Restoring
from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import bucket
from tests.state.folding import (
    LOST_AND_FOUND,
    counted,
    folded,
)


def test_pings_are_counted_over_the_run_and_the_last_minute() -> None:
    state = folded(*(ev.Rtt(t=float(i), seconds=i / 1000) for i in range(101)))
    assert state.pings.run.count == 101
    assert state.pings.run.max == 0.1
    assert state.pings.run.percentile(50) == pytest.approx(0.05, rel=0.01)
    recent = state.pings.minute(state.now)
    assert (recent.count, recent.percentile(0)) == (56, pytest.approx(0.045, rel=0.01))
    assert state.pings.minute(200.0).count == 0


def test_long_ping_counts_for_omitted_pings() -> None:
    state = folded(ev.Rtt(t=1.0, seconds=0.001), ev.Rtt(t=4.0, seconds=2.2, omitted=4, interval=0.5))
    assert (
        state.pings.run.counts()
        == counted([(bucket(round(s * 1e6)), 1) for s in (0.001, 2.2, 1.7, 1.2, 0.7, 0.2)]).counts()
    )
    assert state.pings.run.max == 2.2
    assert len(state.rtts) == 2


def test_omitted_pings_are_limited_by_the_round_trip() -> None:
    state = folded(ev.Rtt(t=1.0, seconds=2.5, omitted=2**53, interval=1.0))
    assert state.pings.run.count == 3


def test_echoes_are_counted_singly_and_merged() -> None:
    samples = ev.Latencies(t=1.0, kind="echo", counts=[(2_000, 2), (9_000, 1)], longest=0.009)
    state = folded(ev.Echoed(t=1.0, seq=1, latency=0.002), samples)
    assert state.echoes.run.count == 4
    recent = state.echoes.minute(1.0)
    assert (*recent.percentiles(50, 90), recent.max) == tuple(pytest.approx(s, rel=0.01) for s in (0.002, 0.009, 0.009))


def test_longest_echo_is_exact() -> None:
    samples = ev.Latencies(t=1.0, kind="echo", counts=[(bucket(9_001), 1)], longest=0.009001)
    assert folded(samples).echoes.run.max == 0.009001


def test_latency_is_none_a_minute_after_the_last_sample() -> None:
    echoes = folded(ev.Echoed(t=1.0, seq=1, latency=0.1)).echoes
    assert echoes.minute(2.0).percentiles(50, 99) == (0.1, 0.1)
    assert echoes.minute(61.0).percentiles(50, 99) == (None, None)


def test_time_without_samples_is_a_gap() -> None:
    state = folded(*(ev.Rtt(t=t, seconds=0.001) for t in (1.0, 2.0, 31.0)))
    assert [(part.number, part.count) for part in state.pings.series()] == [(0, 2), (6, 1)]


def test_delivery_is_unverified_until_the_next_connection() -> None:
    unverified = ev.Unverified(t=2.0, reason="may not subscribe")
    assert folded(*LOST_AND_FOUND[:6], unverified).unverified == "may not subscribe"
    assert folded(*LOST_AND_FOUND[:6], unverified, *LOST_AND_FOUND[6:]).unverified == ""
    never = ev.Connection(verification="none")
    assert folded(never, *LOST_AND_FOUND[1:6], unverified, *LOST_AND_FOUND[6:]).unverified == "may not subscribe"


@pytest.mark.parametrize(("verified", "lost", "known"), [(True, 0, 0), (False, 0, None), (False, 2, 2)])
def test_losses_are_unknown_when_delivery_was_not_verified(verified: bool, lost: int, known: int | None) -> None:
    unverified = [] if verified else [ev.Unverified(t=2.0, reason="may not subscribe")]
    account = ev.Outage(t=10.0, outage=1, began=7.0, ended=10.0, cause="eof", lost=lost)
    state = folded(*LOST_AND_FOUND[:6], *unverified, *LOST_AND_FOUND[6:], account)
    assert state.outages[-1].lost_if_known == known


def test_unverified_delivery_is_remembered() -> None:
    unverified = ev.Unverified(t=2.0, reason="may not subscribe")
    assert folded(*LOST_AND_FOUND).was_unverified == ""
    assert folded(*LOST_AND_FOUND[:6], unverified, *LOST_AND_FOUND[6:]).was_unverified == "may not subscribe"


def test_singly_counted_echoes_beyond_a_slice_take_no_more_memory() -> None:
    state = folded(*(ev.Echoed(t=1.0 + i * 1e-3, seq=i, latency=i * 1e-3) for i in range(101)))
    assert len(state.echoes.slices[-1].samples) < 20
    assert state.echoes.minute(2.0).count == state.echoes.run.count == 101
    assert state.echoes.run.percentile(50) == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize(("limits", "longest"), [(FULL, 61.0), (SMALL, 65.0)], ids=["full", "small"])
def test_last_minute_of_messages_is_a_minute_and_a_slice_at_most(limits: Limits, longest: float) -> None:
    tallies = [ev.Tally(t=i / 10, attempted=i, sent=i, delivered=i) for i in range(2_000)]
    state = folded(*tallies, limits=limits)
    for later in (0.0, 0.3, 0.8):
        last = state.rates.last_minute(state.now + later, state.tally)
        assert 60.0 <= last.seconds <= longest
        assert last.delivered == pytest.approx((last.seconds - later) * 10, abs=1)


@pytest.mark.parametrize("interval", [1.0, 0.25, 100.0])
def test_delivery_rate_is_that_of_publishing_from_the_first_messages_on(interval: float) -> None:
    events: list[ev.AnyEvent] = [ev.Connection(t=0.0, interval=interval)]
    for number in range(1, 200):
        at = 0.1 + (number - 1) * interval
        events.append(ev.Tally(t=at, attempted=number, sent=number, delivered=number))
        state = folded(*events)
        rate = state.delivery_rate(at + 0.9 * min(interval, 1.0))
        assert rate is None or 0.9 < rate * interval < 1.001, number


def test_restored_rates_keep_the_slices_of_the_reader() -> None:
    state = folded(ev.Connection(t=0.0), limits=SMALL)
    restoring = Restoring(state, LogLines())
    restoring.apply(ev.Snapshot(t=90.0, section="rates", value={"grain": 0.0, "slices": [[30.0, {}]], "until": 31.0}))
    state.apply(ev.Tally(t=91.0, attempted=3))
    assert state.rates.grain == SMALL.rate_slice
    assert state.rates.last_minute(91.0, state.tally).attempted == 3
