"""The fold of events: what holds after any events, dials, the pool, the time."""

from hypothesis import given
from hypothesis import settings as example_settings
from hypothesis import strategies as st

from natsmon.state import SMALL, DialPart, Limits, State, availability
from natsmon.state.fold import FOLDS
from natsmon.state.latency_series import MINUTE, LatencySeries
from natsmon.stream import codec
from natsmon.stream import events as ev
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
        parts: list[DialPart] = [*each_dial.stages.values(), *each_dial.addresses]
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


def test_silence_since_a_later_time_begins_now() -> None:
    connected = ev.Connected(t=1.0, server=A)
    state = folded(connected, ev.Silent(t=2.0, since=9.0), ev.SilenceEnded(t=3.0, seconds=1.0))
    check(state, state.now)
    assert [stretch.began for stretch in state.timeline if stretch.silent] == [2.0]


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
    assert [(tried.name, tried.outcome) for tried in ended.addresses] == [
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


def test_pool_keeps_the_servers_that_were_given_and_the_one_connected_to() -> None:
    """Of more than are kept, advertised ones that are not used make room."""
    limits = Limits(servers=10)
    state = State(limits=limits)
    given = [ev.PoolMember(server=f"nats://given-{n}:4222") for n in range(2)]
    found = [ev.PoolMember(server=f"nats://found-{n}:4222", discovered=True) for n in range(40)]
    state.apply(ev.Pool(t=0.0, changed=[*given, *found[:5]], size=7))
    state.apply(ev.Connected(t=1.0, server=found[3].server))
    state.apply(ev.Pool(t=2.0, changed=found[5:], size=42))
    assert len(state.pool) == limits.servers
    assert {given[0].server, given[1].server, found[3].server, found[39].server} < set(state.pool)
    assert state.pool_omitted == 32
    state.apply(ev.Pool(t=3.0, changed=[ev.PoolMember(server=f"nats://more-{n}:4222") for n in range(20)], size=62))
    assert len(state.pool) == limits.servers
