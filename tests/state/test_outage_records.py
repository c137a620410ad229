"""Records of outages: when one begins and ends, and what it cost."""

from typing import Any

import pytest
from msgspec.structs import replace

from natsmon.state import FULL, OutageRecord, State, availability
from natsmon.stream import events as ev
from natsmon.stream.codec import decode_event
from tests.state.folding import (
    LOST_AND_FOUND,
    A,
    B,
    dial,
    dialed,
    folded,
    new_track,
    status,
)


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


@pytest.mark.parametrize(
    ("seen", "reason", "known"),
    [
        ("reset", "slow_consumer", "slow_consumer"),
        ("eof", "idle_limit", "idle_limit"),
        ("eof", "closed", "eof"),
        ("eof", "unknown", "eof"),
        ("stale", "slow_consumer", "stale"),
        ("lame_duck", "kicked", "kicked"),
        ("lame_duck", "shutdown", "lame_duck"),
    ],
)
def test_close_reason_of_the_server_is_the_cause_where_the_client_saw_none(seen: str, reason: str, known: str) -> None:
    lost = [replace(event, cause=seen) if isinstance(event, ev.Disconnected) else event for event in LOST_AND_FOUND]
    account = ev.Outage(t=11.0, outage=1, began=7.0, ended=10.0, cause=seen)
    (outage,) = folded(*lost, ev.CloseReason(t=10.5, outage=1, reason="Because", cause=reason), account).outages
    assert (outage.known_cause, outage.cause, outage.reason) == (known, seen, "Because")


def test_outage_of_an_observer_has_no_count_of_lost_messages() -> None:
    account = ev.Outage(t=11.0, outage=1, began=7.0, ended=10.0, cause="eof")
    for observing, lost in ((False, 0), (True, None)):
        (outage,) = folded(ev.Connection(t=0.0, observing=observing), *LOST_AND_FOUND, account).outages
        assert outage.lost_if_known == lost


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


def test_costs_of_outages_that_are_not_kept_are_in_the_sum() -> None:
    track = new_track()
    for number in range(1, FULL.outages + 3):
        t = 10.0 * number
        track.apply(ev.Disconnected(t=t, outage=number, cause="eof", server=A))
        track.apply(ev.Outage(t=t + 1, outage=number, began=t, ended=t + 1, cause="eof", lost=2, buffered=number == 1))
    track.apply(ev.Outage(t=9_999.0, outage=FULL.outages + 3, began=9_998.0, ended=9_999.0, cause="eof", lost=2))
    state = track.state
    assert len(state.outages) == FULL.outages
    assert (state.outage_costs["lost"], state.outage_costs["buffered"]) == (2 * (FULL.outages + 3), 1)
    track.apply(ev.Outage(t=9_999.0, outage=9, began=90.0, ended=91.0, cause="eof", lost=1))
    assert state.outage_costs["lost"] == 2 * (FULL.outages + 3) - 1, "a correction counts its difference"


@pytest.mark.parametrize("kept", [1, 4, FULL.outages])
def test_costs_in_a_snapshot_are_those_of_the_writer_however_many_outages_its_reader_keeps(kept: int) -> None:
    writer, reader = new_track(replace(FULL, outages=3)), new_track(replace(FULL, outages=kept))
    accounts = [ev.Outage(t=n, outage=n, began=n, ended=n, cause="eof", lost=2) for n in range(1, 6)]
    for account in accounts[:4]:
        writer.apply(account)
        reader.apply(account)
    for line in writer.snapshot().splitlines():
        event = decode_event(line)
        assert event is not None
        reader.apply(event)
    for track in (writer, reader):
        track.apply(accounts[4])
        assert track.state.outage_costs["lost"] == 10
