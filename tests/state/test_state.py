"""State: any order of any events leaves it consistent; and what the usual orders mean."""

from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st
from msgspec.structs import replace

from natsmon.state import AddressTry, OutageRecord, StageRecord, State, connections, fold, known
from natsmon.state.histogram import Histogram, bucket
from natsmon.state.latencies import MINUTE, Latencies
from natsmon.stream import events as ev
from tests.harness.vocabulary import EVENTS
from tests.state.folding import LOST_AND_FOUND, A, B, any_event, dial, dialed, folded, status, times


def check(state: State, now: float) -> None:
    """What must hold, whatever was folded in."""
    assert state.now >= 0
    assert 0 <= state.status_since <= state.now
    for each in ("DISCONNECTED", "CONNECTING", "CONNECTED", "RECONNECTING", "DRAINING", "CLOSED"):
        assert state.status_seconds(each, now) >= 0
    assert state.downtime(now) >= 0
    available = state.availability(now)
    assert available is None if not state.ever_connected else available is not None and 0 <= available <= 1

    under_way = [dial for dial in state.dials if dial.outcome is None]
    assert under_way in ([], [state.dials[-1]] if state.dials else [])
    assert state.dial is (under_way[0] if under_way else None)
    for each_dial in state.dials:
        assert each_dial.elapsed(now) >= 0
        assert each_dial.total >= 0
        parts: list[StageRecord | AddressTry] = [*each_dial.stages.values(), *each_dial.addresses]
        for part in parts:
            assert part.elapsed >= 0
            assert part.outcome != "started" or each_dial.outcome is None
    assert state.dial_count >= len(state.dials)

    lasting = [outage for outage in state.outages if outage.ended is None]
    assert lasting in ([], [state.outages[-1]] if state.outages else [])
    assert state.outage is (lasting[0] if lasting else None)
    for outage in state.outages:
        assert outage.downtime(now) >= 0
        assert outage.detected_after >= 0
    assert state.outage_count >= len(state.outages)

    began = [stretch.began for stretch in state.timeline]
    assert began == sorted(began)
    assert state.timeline
    assert state.timeline[-1].status == state.status
    assert all(seconds >= 0 for _, seconds in state.rtts)
    for latencies in (state.pings, state.echoes):
        check_latencies(latencies, state.now)
    assert state.gaps >= 0
    if state.waiting is not None:
        assert state.dial is None


def check_latencies(latencies: Latencies, now: float) -> None:
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
def test_any_order_of_any_events(events: list[ev.AnyEvent], later: float) -> None:
    state = State()
    for event in events:
        state.apply(event)
        check(state, state.now)
        check(state, later)


@given(st.lists(any_event, max_size=60))
@example_settings(max_examples=100, deadline=None)
def test_kept_within_bounds(events: list[ev.AnyEvent]) -> None:
    with mock.patch.multiple(known, DIALS_KEPT=2, OUTAGES_KEPT=2, RTTS_KEPT=2, STRETCHES_KEPT=3):
        state = State()
    for event in events:
        with mock.patch.object(connections, "DISCOVERED_KEPT", 3):
            state.apply(event)
        assert len(state.dials) <= 2
        assert len(state.outages) <= 2
        assert len(state.rtts) <= 2
        assert len(state.timeline) <= 3
        assert len(state.discovered) <= 3
        check(state, state.now)


@given(st.lists(any_event, max_size=30))
@example_settings(max_examples=100, deadline=None)
def test_a_replay_is_the_same(events: list[ev.AnyEvent]) -> None:
    def shown(state: State) -> str:
        return repr({**vars(state)})

    lines = [ev.encode(event) for event in events]
    replayed = [event for line in lines if (event := ev.decode_event(line)) is not None]
    assert shown(folded(*events)) == shown(folded(*replayed))


def test_every_event_has_a_fold_or_says_why_not() -> None:
    shown_in_the_log_alone = {ev.AsyncError, ev.Drained, ev.Ignored, ev.Note}
    assert set(EVENTS) - set(fold.FOLDS) == shown_in_the_log_alone


def test_another_connection_is_not_mine() -> None:
    assert folded(ev.Rtt(t=1.0, conn=1, seconds=1.0)).now == 0.0


def test_an_outage_from_loss_to_connected() -> None:
    state = folded(*LOST_AND_FOUND)
    (outage,) = state.outages
    assert (outage.before, outage.after, outage.cause, outage.dials) == (A, B, "eof", 2)
    assert (outage.downtime(99.0), outage.settled, state.outage_count, state.reconnects) == (3.0, False, 1, 1)
    assert state.availability(11.0) == pytest.approx(0.7)
    assert state.status_seconds("CONNECTED", 11.0) == 7.0
    assert state.downtime(11.0) == 3.0
    assert state.wall(10.0) == 1010.0


def test_an_outage_is_settled_by_the_probes_account() -> None:
    account = ev.Outage(t=11.0, began=7.0, ended=10.0, cause="eof", before=A, after=B, dials=2, lost=4, buffered=3)
    state = folded(*LOST_AND_FOUND, account)
    (outage,) = state.outages
    assert (outage.settled, outage.lost, outage.buffered, outage.downtime(99.0)) == (True, 4, 3, 3.0)
    assert state.outage_count == 1


def test_an_account_is_corrected_where_fewer_are_lost() -> None:
    account = ev.Outage(t=11.0, began=7.0, ended=10.0, cause="eof", before=A, after=B, lost=4)
    again = replace(account, t=12.0, late=2)
    fewer = replace(account, t=13.0, lost=3)
    told = (account, again, fewer, replace(fewer, t=14.0, duplicate=1))
    corrected = [folded(*LOST_AND_FOUND, *told[:count]).outages[0].corrected for count in range(1, 5)]
    assert corrected == [False, False, True, True]


def test_an_account_that_comes_during_the_next_outage_leaves_that_one_last() -> None:
    account = ev.Outage(t=12.0, began=11.0, ended=11.5, cause="eof", lost=4)
    state = folded(*LOST_AND_FOUND, ev.Disconnected(t=12.0, cause="reset", server=B), account)
    assert state.outage is not None
    assert (state.outage.cause, [outage.began for outage in state.outages]) == ("reset", [7.0, 11.0, 12.0])


def test_an_outage_that_ends_in_closed() -> None:
    state = folded(*LOST_AND_FOUND[:9], status(9.0, "CLOSED", "RECONNECTING", "cancelled"))
    assert state.outage is None
    assert (state.outages[-1].ended, state.outages[-1].after) == (9.0, "")


def test_dial_that_nobody_ended_is_ended_by_the_next() -> None:
    started = ev.DialStage(t=1.0, dial=1, stage="dns", outcome="started")
    state = folded(dial(1.0, 1), started, dial(3.0, 2))
    first, second = state.dials
    assert (first.outcome, first.total, first.stages["dns"].outcome) == ("cancelled", 2.0, "cancelled")
    assert state.dial is second


def test_stages_and_addresses_of_a_dial() -> None:
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


def test_availability_is_unknown_before_the_first_connect() -> None:
    assert folded(*LOST_AND_FOUND[:4]).availability(1.0) is None
    assert folded(*LOST_AND_FOUND[:6]).availability(1.0) == 1.0


def test_pings_over_the_run_and_of_late() -> None:
    state = folded(*(ev.Rtt(t=float(i), seconds=i / 1000) for i in range(101)))
    assert state.pings.run.count == 101
    assert state.pings.run.max == 0.1
    assert state.pings.run.percentile(50) == pytest.approx(0.05, rel=0.01)
    recent = state.pings.minute(state.now)
    assert (recent.count, recent.percentile(0)) == (56, pytest.approx(0.045, rel=0.01))
    assert state.pings.minute(200.0).count == 0


def test_a_ping_that_took_long_counts_also_for_those_not_sent_meanwhile() -> None:
    session = ev.Session(t=0.0, id="x", started=0.0, settings={"rtt-interval": ("500ms", "default")})
    state = folded(session, ev.Rtt(t=1.0, seconds=0.001), ev.Rtt(t=4.0, seconds=2.2, omitted=4))
    assert (
        state.pings.run.counts()
        == Histogram.of([(bucket(round(s * 1e6)), 1) for s in (0.001, 2.2, 1.7, 1.2, 0.7, 0.2)]).counts()
    )
    assert state.pings.run.max == 2.2
    assert len(state.rtts) == 2


def test_a_ping_cannot_have_left_out_more_than_it_took() -> None:
    state = folded(ev.Rtt(t=1.0, seconds=2.5, omitted=2**62))
    assert state.pings.run.count == 3


def test_echoes_told_singly_and_by_the_tally() -> None:
    state = folded(
        ev.Echoed(t=1.0, seq=1, latency=0.002), ev.Tally(t=1.0, echoed=4, latencies=[(2_000, 2), (9_000, 1)])
    )
    assert state.echoes.run.count == 4
    assert state.latency(1.0) == tuple(pytest.approx(s, rel=0.01) for s in (0.002, 0.009, 0.009, 0.009))
    assert state.latency_at == 1.0


def test_the_longest_echo_is_exact_where_the_tally_says_it() -> None:
    told = ev.Tally(t=1.0, latencies=[(bucket(9_001), 1)], latency=(0.009001,) * 4)
    assert folded(told).echoes.run.max == 0.009001


def test_echoes_of_a_tally_that_does_not_count_them() -> None:
    state = folded(ev.Tally(t=1.0, latency=(0.1, 0.2, 0.3, 0.4)), ev.Tally(t=2.0))
    assert (state.latency(2.0), state.latency_at) == ((0.1, 0.2, 0.3, 0.4), 1.0)
    assert state.latency(61.0) is None


def test_time_without_a_sample_is_a_gap() -> None:
    state = folded(*(ev.Rtt(t=t, seconds=0.001) for t in (1.0, 2.0, 31.0)))
    assert [(part.number, part.count) for part in state.pings.series()] == [(0, 2), (6, 1)]


def test_blind_until_the_next_connection_or_for_good() -> None:
    blind = ev.Blind(t=2.0, why="may not subscribe")
    assert folded(*LOST_AND_FOUND[:6], blind).blind == "may not subscribe"
    assert folded(*LOST_AND_FOUND[:6], blind, *LOST_AND_FOUND[6:]).blind == ""
    unproven = ev.Session(t=0.0, id="x", started=0.0, proof="none")
    assert folded(unproven, *LOST_AND_FOUND[1:6], blind, *LOST_AND_FOUND[6:]).blind == "may not subscribe"


@pytest.mark.parametrize(("blinded", "lost", "certain"), [(False, 0, 0), (True, 0, None), (True, 2, 2)])
def test_nothing_is_said_of_losses_that_nobody_could_hear(blinded: bool, lost: int, certain: int | None) -> None:
    blind = [ev.Blind(t=2.0, why="may not subscribe")] if blinded else []
    state = folded(*LOST_AND_FOUND[:6], *blind, *LOST_AND_FOUND[6:])
    began = state.outages[-1].began
    state.apply(ev.Outage(t=state.now, began=began, ended=state.now, cause="eof", lost=lost))
    assert state.outages[-1].lost_for_certain == certain


def test_that_it_was_blind_once_is_remembered() -> None:
    blind = ev.Blind(t=2.0, why="may not subscribe")
    assert folded(*LOST_AND_FOUND).blinded == ""
    assert folded(*LOST_AND_FOUND[:6], blind, *LOST_AND_FOUND[6:]).blinded == "may not subscribe"


def test_outages_stand_in_the_order_of_their_beginnings() -> None:
    accounts = [ev.Outage(t=t, began=began, ended=began + 1.0, cause="eof") for t, began in ((9.0, 7.0), (9.5, 3.0))]
    state = folded(
        *accounts, ev.Disconnected(t=10.0, cause="reset"), ev.Outage(t=11.0, began=5.0, ended=6.0, cause="eof")
    )
    assert [outage.began for outage in state.outages] == [3.0, 5.0, 7.0, 10.0]
    assert state.outage is state.outages[-1]
    assert [state.outage_of(began) for began in (3.0, 5.0, 7.0, 10.0)] == list(state.outages)
    assert [state.outage_of(began) for began in (1.0, 4.0, 6.998, 11.0)] == [None] * 4


def test_an_outage_that_nobody_knows_is_not_looked_for_among_all() -> None:
    """Each account of a long run asks for its own, and mostly finds it last."""
    looked_at: list[int] = []

    class Counting(OutageRecord):
        def __getattribute__(self, name: str) -> Any:
            if name == "began":
                looked_at.append(1)
            return super().__getattribute__(name)

    state = State()
    state.outages.extend(Counting(began=float(began), cause="eof", ended=began + 0.5) for began in range(500))
    looked_at.clear()
    assert state.outage_of(499.7) is None
    assert len(looked_at) <= 4


def test_discovered_are_each_known_once() -> None:
    state = folded(ev.Discovered(t=1.0, servers=[A, A]), ev.Discovered(t=2.0, servers=[B, A]))
    assert state.discovered == [A, B]


def test_times_that_go_back_do_not_turn_time_back() -> None:
    state = folded(status(5.0, "CONNECTING", "DISCONNECTED"), status(-3.0, "CONNECTED", "CONNECTING"))
    assert (state.now, state.status_since) == (5.0, 5.0)


def test_a_note_moves_no_clock() -> None:
    lost: list[ev.AnyEvent] = [
        ev.Connected(t=1.0, server=A),
        ev.StatusChanged(t=1.0, status="CONNECTED", previous="CONNECTING"),
        ev.Note(t=53.290045, text="killed the server"),
        ev.Disconnected(t=53.28855, cause="eof", server=A),
        ev.StatusChanged(t=53.28855, status="RECONNECTING", previous="CONNECTED"),
        ev.Connected(t=54.0, server=A),
        ev.StatusChanged(t=54.0, status="CONNECTED", previous="RECONNECTING"),
        ev.Outage(t=54.1, began=53.28855, ended=54.0, cause="eof"),
        ev.Note(t=99.0, text="the probe died"),
    ]
    state = folded(*lost)
    assert [(outage.began, outage.ended) for outage in state.outages] == [(53.28855, 54.0)]
    assert (state.outage_count, state.now) == (1, 54.1)
    assert state.downtime(state.now) == 54.0 - 53.28855


def test_a_lame_duck_is_one_as_long_as_we_are_on_it() -> None:
    notice = ev.LameDuck(t=6.0, server=A)
    assert folded(*LOST_AND_FOUND[:6], notice).lame_duck == A
    state = folded(*LOST_AND_FOUND[:6], notice, *LOST_AND_FOUND[6:9])
    assert state.lame_duck == ""
    assert state.connections[-1].lame_duck == 6.0
