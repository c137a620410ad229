"""State: consistent after any events in any order, and what typical events mean."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from natsmon.state import FULL, SMALL, AddressDial, Limits, OutageRecord, StageRecord, State, availability
from natsmon.state.fold import FOLDS
from natsmon.state.histogram import Histogram
from natsmon.state.latency_series import MINUTE, LatencySeries
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.stream.latency_buckets import bucket
from tests.harness.vocabulary import EVENTS
from tests.state.folding import (
    LOST_AND_FOUND,
    A,
    B,
    any_event,
    dial,
    dialed,
    fold,
    folded,
    new_track,
    same,
    status,
    times,
)


def check(state: State, now: float) -> None:
    """Assert what holds after any events."""
    assert state.now >= 0
    assert 0 <= state.status_since <= state.now
    for each in ("DISCONNECTED", "CONNECTING", "CONNECTED", "RECONNECTING", "DRAINING", "CLOSED"):
        assert state.status_seconds(each, now) >= 0
    assert state.downtime(now) >= 0
    available = availability.share_of_run(state, now)
    assert available is None if not state.ever_connected else available is not None and 0 <= available <= 1

    under_way = [dial for dial in state.dials if dial.outcome is None]
    assert under_way in ([], [state.dials[-1]] if state.dials else [])
    assert state.dial is (under_way[0] if under_way else None)
    for each_dial in state.dials:
        assert each_dial.elapsed(now) >= 0
        assert each_dial.total >= 0
        parts: list[StageRecord | AddressDial] = [*each_dial.stages.values(), *each_dial.addresses]
        for part in parts:
            assert part.elapsed >= 0
            assert part.outcome != "started" or each_dial.outcome is None
    assert all(each.id <= state.dial_count for each in state.dials)

    lasting = [outage for outage in state.outages if outage.ended is None]
    assert lasting in ([], [state.outages[-1]] if state.outages else [])
    assert state.outage is (lasting[0] if lasting else None)
    for outage in state.outages:
        assert outage.downtime(now) >= 0
        assert outage.detected_after >= 0
    ids = [outage.id for outage in state.outages]
    assert ids == sorted(set(ids))
    assert all(state.find_outage(outage.id) is outage for outage in state.outages)

    began = [stretch.began for stretch in state.timeline]
    assert began == sorted(began)
    assert state.timeline
    assert state.timeline[-1].status == state.status
    assert all(seconds >= 0 for _, seconds in state.rtts)
    for latencies in (state.pings, state.echoes):
        check_latencies(latencies, state.now)
    assert state.dropped >= 0
    if state.waiting is not None:
        assert state.dial is None


def check_latencies(latencies: LatencySeries, now: float) -> None:
    run, minute, series = latencies.run, latencies.minute(now), latencies.series()
    assert run.count == sum(run.buckets.values()) >= minute.count
    assert run.max >= minute.max >= 0
    assert all(0 <= part.p50 <= part.worst for part in series)
    assert sum(part.count for part in series) == run.count
    assert [part.number for part in series] == sorted({part.number for part in series})
    assert len(latencies.slices) <= MINUTE
    found = run.percentiles(50, 100)
    assert found == (None, None) if not run.count else 0 <= (found[0] or 0) <= (found[1] or 0) <= run.max


@given(st.lists(any_event, max_size=40), times)
@example_settings(max_examples=300, deadline=None)
def test_state_is_consistent_after_any_events(events: list[ev.AnyEvent], later: float) -> None:
    track = new_track()
    for event in events:
        fold(track, event)
        check(track.state, track.state.now)
        check(track.state, later)


@given(st.lists(any_event, max_size=60))
@example_settings(max_examples=100, deadline=None)
def test_state_stays_within_its_limits(events: list[ev.AnyEvent]) -> None:
    track = new_track(
        Limits(
            dials=2,
            dial_details=1,
            outages=2,
            periods=2,
            rtts=2,
            stretches=3,
            servers=3,
            errors=2,
            bins=2,
            log=4,
            messages=2,
        )
    )
    state = track.state
    for event in events:
        fold(track, event)
        assert len(state.dials) <= 2
        assert sum(bool(each.info or each.connect or each.tls) for each in state.dials) <= 1
        assert len(state.outages) <= 2
        assert len(state.periods) <= 2
        assert len(state.rtts) <= 2
        assert len(state.timeline) <= 3
        assert len(state.error_counts) <= 2
        assert len(state.pool) <= 3
        assert len(state.echoes.bins) <= 2
        assert len(state.pings.bins) <= 2
        assert len(track.log) <= 6
        check(state, state.now)


@given(st.lists(any_event, max_size=30))
@example_settings(max_examples=100, deadline=None)
def test_replayed_lines_give_the_same_state(events: list[ev.AnyEvent]) -> None:
    lines = [codec.encode(event) for event in events]
    replayed = [event for line in lines if (event := codec.decode_event(line)) is not None]
    same(folded(*events), folded(*replayed))


def test_every_event_of_a_connection_has_a_fold_or_only_a_log_line() -> None:
    only_logged = {ev.Drained, ev.Discovered, ev.Answer, ev.SettingFailed}
    of_snapshot = {ev.Snapshot, ev.SnapshotEnd}
    session = {event for event in EVENTS if issubclass(event, ev.SessionEvent)}
    assert set(EVENTS) - set(FOLDS) == only_logged | of_snapshot | session


def test_outage_lasts_from_loss_to_connected() -> None:
    state = folded(*LOST_AND_FOUND)
    (outage,) = state.outages
    assert (outage.before, outage.after, outage.cause, outage.dials) == (A, B, "eof", 2)
    assert (outage.downtime(99.0), outage.settled, state.outage_count, state.reconnects) == (3.0, False, 1, 1)
    assert availability.share_of_run(state, 11.0) == pytest.approx(0.7)
    assert state.status_seconds("CONNECTED", 11.0) == 7.0
    assert state.downtime(11.0) == 3.0
    assert state.wall(10.0) == 1010.0


def test_outage_is_settled_by_the_probes_account() -> None:
    account = ev.Outage(
        t=11.0, outage=1, began=7.0, ended=10.0, cause="eof", before=A, after=B, dials=2, lost=4, buffered=3
    )
    state = folded(*LOST_AND_FOUND, account)
    (outage,) = state.outages
    assert (outage.settled, outage.lost, outage.buffered, outage.downtime(99.0)) == (True, 4, 3, 3.0)
    assert state.outage_count == 1


def test_outage_is_corrected_when_fewer_are_lost() -> None:
    account = ev.Outage(t=11.0, outage=1, began=7.0, ended=10.0, cause="eof", before=A, after=B, lost=4)
    again = replace(account, t=12.0, late=2)
    fewer = replace(account, t=13.0, lost=3)
    output = (account, again, fewer, replace(fewer, t=14.0, duplicate=1))
    corrected = [folded(*LOST_AND_FOUND, *output[:count]).outages[0].corrected for count in range(1, 5)]
    assert corrected == [False, False, True, True]


def test_account_during_the_next_outage_keeps_that_one_last() -> None:
    account = ev.Outage(t=12.0, outage=2, began=11.0, ended=11.5, cause="eof", lost=4)
    state = folded(*LOST_AND_FOUND, ev.Disconnected(t=12.0, outage=3, cause="reset", server=B), account)
    assert state.outage is not None
    assert (state.outage.cause, [outage.began for outage in state.outages]) == ("reset", [7.0, 11.0, 12.0])


def test_outage_ends_when_closed() -> None:
    state = folded(*LOST_AND_FOUND[:9], status(9.0, "CLOSED", "RECONNECTING", "cancelled"))
    assert state.outage is None
    assert (state.outages[-1].ended, state.outages[-1].after) == (9.0, "")


def test_dial_without_its_end_is_cancelled_by_the_next() -> None:
    started = ev.DialStage(t=1.0, dial=1, stage="dns", outcome="started")
    state = folded(dial(1.0, 1), started, dial(3.0, 2))
    first, second = state.dials
    assert (first.outcome, first.total, first.stages["dns"].outcome) == ("cancelled", 2.0, "cancelled")
    assert state.dial is second


def test_dial_has_stages_and_addresses() -> None:
    def stage(t: float, outcome: ev.StageOutcome, stage: ev.Stage = "tcp", address: str = "") -> ev.DialStage:
        return ev.DialStage(t=t, dial=1, stage=stage, outcome=outcome, address=address, elapsed=0.25)

    state = folded(
        dial(1.0, 1),
        stage(1.0, "started", "dns"),
        stage(1.1, "complete", "dns", "1.1.1.1:1, 2.2.2.2:1"),
        stage(1.1, "started"),
        stage(1.1, "started", address="1.1.1.1:1"),
        stage(1.2, "started", address="2.2.2.2:1"),
        stage(1.3, "failed", address="1.1.1.1:1"),
        dialed(2.0, 1, "timeout"),
    )
    ended = state.dials[-1]
    assert {name: record.outcome for name, record in ended.stages.items()} == {"dns": "complete", "tcp": "failed"}
    assert [(tried.address, tried.outcome) for tried in ended.addresses] == [
        ("1.1.1.1:1", "failed"),
        ("2.2.2.2:1", "failed"),
    ]
    assert (ended.outcome, ended.total) == ("timeout", 0.5)


def test_waiting_ends_with_the_next_dial() -> None:
    assert folded(*LOST_AND_FOUND[:11]).waiting is not None
    state = folded(*LOST_AND_FOUND[:12])
    assert state.waiting is None
    assert [(s.began, s.status, s.waiting) for s in state.timeline][-3:] == [
        (7.0, "RECONNECTING", False),
        (7.5, "RECONNECTING", True),
        (9.5, "RECONNECTING", False),
    ]


def test_availability_is_none_before_the_first_connect() -> None:
    assert availability.share_of_run(folded(*LOST_AND_FOUND[:4]), 1.0) is None
    assert availability.share_of_run(folded(*LOST_AND_FOUND[:6]), 1.0) == 1.0


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
        == Histogram.of([(bucket(round(s * 1e6)), 1) for s in (0.001, 2.2, 1.7, 1.2, 0.7, 0.2)]).counts()
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
    assert state.latency(1.0) == tuple(pytest.approx(s, rel=0.01) for s in (0.002, 0.009, 0.009, 0.009))


def test_longest_echo_is_exact() -> None:
    samples = ev.Latencies(t=1.0, kind="echo", counts=[(bucket(9_001), 1)], longest=0.009001)
    assert folded(samples).echoes.run.max == 0.009001


def test_latency_is_none_a_minute_after_the_last_sample() -> None:
    state = folded(ev.Echoed(t=1.0, seq=1, latency=0.1))
    assert state.latency(2.0) == (0.1, 0.1, 0.1, 0.1)
    assert state.latency(61.0) is None


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


def test_outages_are_in_order_of_their_numbers() -> None:
    accounts = [
        ev.Outage(t=t, outage=number, began=began, ended=began + 1.0, cause="eof")
        for t, number, began in ((9.0, 3, 7.0), (9.5, 1, 3.0), (11.0, 2, 5.0))
    ]
    lost = ev.Disconnected(t=10.0, outage=4, cause="reset")
    state = folded(*accounts[:2], lost, accounts[2])
    assert [outage.began for outage in state.outages] == [3.0, 5.0, 7.0, 10.0]
    assert state.outage is state.outages[-1]
    assert [state.find_outage(number) for number in (1, 2, 3, 4)] == list(state.outages)
    assert [state.find_outage(number) for number in (0, 5)] == [None, None]


def test_outage_that_is_unknown_is_not_searched_among_all() -> None:
    """Each account of a long run finds its record, mostly the last one."""
    looked_at: list[int] = []

    class Counting(OutageRecord):
        def __getattribute__(self, name: str) -> Any:
            if name == "id":
                looked_at.append(1)
            return super().__getattribute__(name)

    state = State()
    state.outages.extend(Counting(id=2 * number, began=float(number), cause="eof") for number in range(500))
    looked_at.clear()
    assert state.find_outage(995) is None
    assert len(looked_at) <= 4


def test_outage_whose_record_was_dropped_is_counted_once() -> None:
    track = new_track(replace(FULL, outages=3))
    for number in range(1, 9):
        track.apply(ev.Disconnected(t=number, outage=number, cause="eof"))
        track.apply(ev.Connected(t=number + 0.5, server=A))
    for number in range(1, 9):
        track.apply(ev.Outage(t=10.0, outage=number, began=number, ended=number + 0.5, cause="eof", lost=1))
    assert track.state.outage_count == 8
    assert [(outage.id, outage.lost) for outage in track.state.outages] == [(6, 1), (7, 1), (8, 1)]


def test_outage_whose_beginning_was_dropped_is_counted_once() -> None:
    account = ev.Outage(t=11.0, outage=2, began=10.5, ended=10.6, cause="eof")
    state = folded(*LOST_AND_FOUND, account, ev.Gap(t=11.0, dropped={"disconnected": 1}))
    assert (state.outage_count, len(state.outages), state.dropped) == (2, 2, 1)


def test_manual_reconnect_is_no_outage_until_a_dial_fails() -> None:
    manual = ev.Disconnected(t=12.0, outage=2, cause="manual", server=B, manual=True)
    state = folded(*LOST_AND_FOUND, manual, status(12.0, "RECONNECTING", "CONNECTED", "manual"), dial(12.0, 4))
    assert (state.outage_count, state.downtime(13.0)) == (1, 3.0)
    failed = (dialed(13.0, 4, "failed"), ev.Connected(t=14.0, server=A), status(14.0, "CONNECTED", "RECONNECTING"))
    state = folded(*LOST_AND_FOUND, manual, status(12.0, "RECONNECTING", "CONNECTED", "manual"), dial(12.0, 4), *failed)
    assert (state.outage_count, state.downtime(15.0)) == (2, 5.0)


def test_pool_keeps_changes_and_forgets_removed_servers() -> None:
    members = [ev.PoolMember(server=A), ev.PoolMember(server=B)]
    fewer = ev.Pool(t=2.0, changed=[ev.PoolMember(server=A, failures=1)], removed=[B], size=8)
    state = folded(ev.Pool(t=1.0, changed=members), fewer)
    assert state.pool == {A: ev.PoolMember(server=A, failures=1)}
    assert state.pool_omitted == 7


def test_servers_beyond_the_limit_are_counted_once() -> None:
    events = [
        ev.Pool(t=1.0, changed=[ev.PoolMember(server=f"s{n}") for n in half], size=40)
        for half in (range(20), range(20, 40))
    ]
    changed = ev.Pool(t=2.0, changed=[ev.PoolMember(server="s0", failures=1)], size=40)
    state = folded(*events, changed, limits=SMALL)
    assert (len(state.pool), state.pool_omitted) == (SMALL.servers, 40 - SMALL.servers)
    assert "s0" in state.pool


def test_time_never_goes_back() -> None:
    state = folded(status(5.0, "CONNECTING", "DISCONNECTED"), status(-3.0, "CONNECTED", "CONNECTING"))
    assert (state.now, state.status_since) == (5.0, 5.0)


def test_note_does_not_change_the_time() -> None:
    lost: list[ev.AnyEvent] = [
        ev.Connected(t=1.0, server=A),
        ev.StatusChanged(t=1.0, status="CONNECTED", previous="CONNECTING"),
        ev.Note(t=53.290045, text="killed the server"),
        ev.Disconnected(t=53.28855, outage=1, cause="eof", server=A),
        ev.StatusChanged(t=53.28855, status="RECONNECTING", previous="CONNECTED"),
        ev.Connected(t=54.0, server=A),
        ev.StatusChanged(t=54.0, status="CONNECTED", previous="RECONNECTING"),
        ev.Outage(t=54.1, outage=1, began=53.28855, ended=54.0, cause="eof"),
        ev.Note(t=99.0, text="monitor stopped"),
    ]
    state = folded(*lost)
    assert [(outage.began, outage.ended) for outage in state.outages] == [(53.28855, 54.0)]
    assert (state.outage_count, state.now) == (1, 54.1)
    assert state.downtime(state.now) == 54.0 - 53.28855


def test_lame_duck_ends_with_its_connection() -> None:
    notice = ev.LameDuck(t=6.0, server=A)
    assert folded(*LOST_AND_FOUND[:6], notice).lame_duck == A
    state = folded(*LOST_AND_FOUND[:6], notice, *LOST_AND_FOUND[6:9])
    assert state.lame_duck == ""
    assert state.periods[-1].lame_duck == 6.0
