"""The outages and the moves between servers, as rows and without a terminal."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from natsmon.charts.cells import Row, text_of, width_of
from natsmon.state import FULL, State
from natsmon.state.server_names import ServerNames
from natsmon.stream import events as ev
from natsmon.tui.model.moment import Moment
from natsmon.tui.pages import outage_detail, server_lanes, upgrade_rows
from natsmon.tui.panels import dial_rows, outage_panel, server_panel
from tests.tui import outage_streams, streams
from tests.tui.drawn import moment_of, records_of, table_of, texts
from tests.tui.streams import Stream

STREAMS = (
    outage_streams.upgrade,
    outage_streams.frozen,
    outage_streams.long,
    outage_streams.hostile_outage,
    streams.outage,
    streams.hostile,
    streams.gave_up,
    Stream,
)
MOMENTS = [moment_of(build(), how=how) for build in STREAMS for how in ("live", "stopped")]


def listed(moment: Moment, width: int, height: int, needle: str = "") -> list[Row]:
    return table_of(outage_panel, moment, width, height, needle)


def page_text(build: Callable[[], Stream], width: int = 78, *, which: int = -1) -> str:
    moment = moment_of(build())
    return "\n".join(texts(outage_detail.rows(moment.state.outages[which], moment, width)))


def drawn_of(moment: Moment, width: int, height: int) -> list[Row]:
    drawn = listed(moment, width, height)
    assert len(drawn) <= height
    drawn += upgrade_rows.rows(moment, width)
    for outage in moment.state.outages:
        drawn += outage_detail.step_rows(outage, moment, width)
        drawn += outage_detail.rows(outage, moment, width) if width >= 20 else []
    return drawn


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(MOMENTS), st.integers(0, 220), st.integers(0, 40))
def test_rows_fit_every_size(moment: Moment, width: int, height: int) -> None:
    for cells in drawn_of(moment, width, height):
        assert width_of(cells) == width
        assert text_of(cells).isprintable()


_EVENTS = [event for build in STREAMS for event in build().events]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(_EVENTS), max_size=60), st.integers(0, 200), st.integers(0, 30))
def test_any_order_of_events_can_be_drawn(events: list[ev.AnyEvent], width: int, height: int) -> None:
    state = State()
    for event in events:
        state.apply(event)
    for cells in drawn_of(Moment(state, state.now + 0.3), width, height):
        assert width_of(cells) == width


def test_totals_count_outages_downtime_and_cost() -> None:
    shares, means, sums, _, header, first, second = texts(listed(moment_of(streams.outage()), 78, 20))
    assert shares.split("   ")[:2] == ["availability 97.18 % of the run", "1 min 94.21 %"]
    assert "10 min" not in shares, "the run is shorter"
    assert means.rstrip() == "outages 2   longest 2.07 s   mean between 1m00s   mean to recover 2.07 s"
    assert sums.rstrip() == "down 3.47 s   1 lost   3 buffered"
    assert header.split() == ["at", "downtime", "cost", "dials", "cause"]
    assert first.split()[:6] == ["15:08:42", "1.40", "s", "1", "buffered", "so"]
    assert second.split()[:7] == ["15:08:00", "2.07", "s", "1", "lost,", "2", "buffered"]


def test_silent_time_is_a_figure_beside_downtime() -> None:
    shares, _, sums, *_ = texts(listed(moment_of(outage_streams.frozen()), 100, 20))
    assert "93.16 % counting silence as down" in shares
    assert "silent 4.00 s" in sums


def test_wide_table_has_servers_and_close_reason() -> None:
    *_, line = texts(listed(moment_of(outage_streams.frozen()), 196, 9))
    assert "east-1 → east-2" in line
    assert line.rstrip().endswith("Stale Connection")
    assert "2 lost, 3 rejected, 1 buffered, 1 duplicate, 1 unverified" in line


def test_narrow_table_omits_complete_columns() -> None:
    shares, means, sums, _, header, *_ = texts(listed(moment_of(streams.outage()), 58, 9))
    assert header.split()[:4] == ["at", "downtime", "cost", "dials"]
    assert shares.rstrip() == "availability 97.18 % of the run   1 min 94.21 %"
    assert "…" not in means + sums


def test_availability_is_a_dash_before_the_first_connection() -> None:
    *shown, word = texts(listed(moment_of(streams.dialing()), 78, 9))
    assert "–" in shown[0]
    assert not any(char.isdigit() for char in shown[0])
    assert "never connected" in word


@pytest.mark.parametrize(
    ("needle", "count"), [("PINGS", 1), ("east-2", 1), ("still out", 1), ("closed", 1), ("s", 2), ("zz", 0)]
)
def test_outages_are_filtered_by_cause_words_and_server(needle: str, count: int) -> None:
    state = moment_of(streams.outage()).state
    assert len(records_of(outage_panel, state, needle).listed) == count
    if not count:
        *_, last = texts(listed(moment_of(streams.outage()), 78, 12, needle))
        assert "none of 2 outages contains “zz”" in last


def test_page_of_one_line_shows_an_outage() -> None:
    moment = moment_of(streams.outage())
    for height in range(1, 12):
        assert "15:08:42" in "\n".join(texts(listed(moment, 78, height)))


def test_page_of_an_outage_shows_its_cost_cause_and_dials() -> None:
    shown = page_text(outage_streams.frozen)
    first, *_ = shown.splitlines()
    assert first.startswith("PINGs not answered  east-1 ")
    assert first.endswith("✓ back after 1.87 s on east-2")
    for line in (
        "cost          2 lost, 3 rejected, 1 buffered, 1 duplicate, 1 unverified",
        "lost          numbers 59, 61",
        "buffered      1, sent after the reconnect",
        "error         no PONG for 2 PINGs",
        "close reason  Stale Connection",
        "detected      4.00 s after the last data",
        "dials         4, to 3 servers",
    ):
        assert line in shown
    assert shown.index("cost") < shown.index("error"), "figures come first"


def test_steps_are_counted_from_the_last_data() -> None:
    moment = moment_of(outage_streams.frozen())
    outage = moment.state.outages[-1]
    steps = outage_detail.steps(outage, moment)
    began = outage_detail.origin(outage)
    assert [(step.what, round(step.began - began, 4)) for step in steps] == [
        ("last data from east-1", 0.0),
        ("loss detected: PINGs not answered", 4.0),
        ("east-2: no INFO", 4.0),
        ("east-3:4222: connection refused", 4.8005),
        ("east-1: connection refused", 5.871),
        ("east-2 accepted the dial", 5.8715),
        ("CONNECTED to east-2", 5.8736),
        ("resubscribed", 5.874),
        ("first echo", 5.8751),
    ]
    assert [step.took and round(step.took, 4) for step in steps][-3:] == [1.8736, 0.0004, 0.0011]


def test_timeline_is_to_scale() -> None:
    moment = moment_of(outage_streams.frozen())
    axis, word, detected, silent_dial, *_ = texts(outage_detail.step_rows(moment.state.outages[-1], moment, 120))
    zero = axis.index("0 ─")
    scale = len(axis.rstrip()) - zero
    assert word.rstrip().endswith("●")
    assert word.rindex("●") == zero
    assert detected.rindex("✗") - zero == pytest.approx(scale * 4.0 / 5.8751, abs=1)
    assert silent_dial.count("━") == pytest.approx(scale * 0.8 / 5.8751, abs=2.5)


def test_outage_under_way_is_drawn_up_to_now() -> None:
    moment = moment_of(streams.outage())
    later = Moment(moment.state, moment.now + 0.5)
    outage = moment.state.outages[-1]
    shown, ticked = ("\n".join(texts(outage_detail.rows(outage, at, 78))) for at in (moment, later))
    assert "◑ still out after 1.40 s" in shown
    assert "next dial east-1 in 0.7 s" in shown
    assert "1 buffered so far" in shown
    assert "◑ still out after 1.90 s" in ticked
    assert moment.tick != later.tick


def test_outage_at_the_end_of_the_data_has_no_countdown() -> None:
    moment = moment_of(streams.outage(), how="stopped")
    shown = "\n".join(texts(outage_detail.rows(moment.state.outages[-1], moment, 78)))
    assert "when the data ends" in shown
    assert "so far" not in shown
    assert "next dial" not in shown


def test_outage_that_ends_in_closed_is_shown_as_closed() -> None:
    stream = streams.outage()
    stream.add(ev.Closed(t=stream.t, cause="gave_up")).become("CLOSED", "gave_up")
    shown = page_text(lambda: stream)
    assert "■ closed after 1.40 s" in shown
    assert "closed, without a connection" in shown


def test_very_many_dials_are_counted() -> None:
    shown = page_text(outage_streams.long, 116)
    assert "40 more dials: 40 connection refused" in shown
    assert shown.count(": connection refused") == 20


def test_dropped_dials_are_counted() -> None:
    moment = moment_of(outage_streams.long())
    for _ in range(40):
        moment.state.dials.popleft()
    shown = "\n".join(texts(outage_detail.step_rows(moment.state.outages[-1], moment, 116)))
    assert "48 more dials: 9 connection refused" in shown


def test_newest_move_is_shown_step_by_step() -> None:
    stream = outage_streams.upgrade()
    moment = moment_of(stream)
    assert upgrade_rows.newest_move(moment) == [
        "lame duck notice of east-3 15:09:17",
        "waiting to be disconnected, 4.00 s so far; 2 other servers in the pool",
    ]
    moment.state.lame_duck = ""
    assert upgrade_rows.newest_move(moment) == [
        "lame duck notice of east-2 15:08:25",
        "disconnected +10.2 s",
        "east-3 +20.1 ms",
        "resubscribed +0.40 ms",
        "first echo +1.10 ms; 0 lost",
    ]


def test_move_without_notice_shows_cause_and_cost() -> None:
    moment = moment_of(outage_streams.frozen())
    assert upgrade_rows.newest_move(moment)[0] == "lost east-1 15:07:44 (PINGs not answered)"
    assert upgrade_rows.newest_move(moment)[-1].endswith("; 2 lost, 3 rejected")
    under_way = moment_of(streams.outage())
    assert upgrade_rows.newest_move(under_way)[-1] == "not connected for 1.40 s so far"


def test_each_server_has_a_line_of_time() -> None:
    moment = moment_of(outage_streams.upgrade())
    assert server_lanes.window_of(moment) == 120.0
    drawn = {
        server: text_of(lane) for server, lane in server_lanes.lanes(server_lanes.servers(moment.state), moment, 60)
    }
    assert list(drawn) == ["east-1:4222", "east-2:4222", "east-3:4222"]
    assert drawn["east-1:4222"].strip("·") == "█" * 9 + "!▓▓▓▓┤"
    assert drawn["east-2:4222"].strip("·") == "█" * 17 + "!▓▓▓▓┤"
    assert drawn["east-3:4222"].endswith("!▓▓")


def test_servers_stand_in_the_order_of_their_names_those_in_use_first() -> None:
    stream = Stream().become("CONNECTING").connect("10.0.0.1:4222", name="east-10")
    stream.lose().connect("10.0.0.2:4222", "reconnect", "east-2").lose()
    stream.connect("10.0.0.3:4222", "reconnect", "east-1")
    stream.add(ev.Pool(t=stream.t, changed=[ev.PoolMember(server="nats://10.0.0.0:4222")], size=4))
    assert server_lanes.servers(moment_of(stream).state) == [f"10.0.0.{n}:4222" for n in (3, 2, 1, 0)]


def test_line_of_a_server_shows_silence_and_failed_dials() -> None:
    moment = moment_of(outage_streams.frozen())
    drawn = {
        server: text_of(lane) for server, lane in server_lanes.lanes(server_lanes.servers(moment.state), moment, 120)
    }
    assert "█▃▃▃▃┤" in drawn["east-1:4222"]
    assert "✗" in drawn["east-3:4222"]
    assert drawn["east-2:4222"].endswith("█")


@pytest.mark.parametrize("then", ["answered", "lasting", "moved on"])
def test_line_of_a_server_shows_silence_that_cost_no_connection(then: str) -> None:
    stream = outage_streams.frozen()
    silent = stream.t
    stream.add(ev.Silent(t=stream.t, since=silent, missed=2, server="nats://east-2:4222")).wait(8.0)
    if then != "lasting":
        stream.add(ev.SilenceEnded(t=stream.t, seconds=8.0)).run(8)
    if then == "moved on":
        stream.lose().connect("nats://east-3:4222", "reconnect").run(5)
    moment = moment_of(stream)
    drawn = {
        server: text_of(lane) for server, lane in server_lanes.lanes(server_lanes.servers(moment.state), moment, 120)
    }
    line = drawn["east-2:4222"].strip("·")
    assert line.count("▃") in range(8, 10)
    assert line.endswith({"answered": "▃█" + "█" * 7, "lasting": "▃", "moved on": "█┤"}[then])
    assert "▃" not in drawn["east-3:4222"]


def test_window_without_a_notice_is_the_run_up_to_ten_minutes() -> None:
    assert server_lanes.window_of(moment_of(streams.connected())) == 120.0
    assert server_lanes.window_of(moment_of(streams.connected(), now=3_000.0)) == 600.0
    assert server_lanes.window_of(moment_of(outage_streams.upgrade(), now=3_000.0)) == 600.0


def test_time_on_each_server_is_listed() -> None:
    shown = "\n".join(texts(upgrade_rows.rows(moment_of(outage_streams.upgrade()), 78)))
    assert "  east-1  2.15.0       1     1m10s   43.48 %  in the pool" in shown
    assert "! east-3  2.15.0       1    46.0 s   28.49 %  connected, lame duck" in shown
    assert "15:08:35  east-2  east-3    10.2 s   20.1 ms   0.40 ms   1.10 ms      0" in shown
    narrow = "\n".join(texts(upgrade_rows.rows(moment_of(outage_streams.upgrade()), 60)))
    assert "! east-3      1    46.0 s" in narrow


@pytest.mark.parametrize(
    ("ran", "shown"),
    [
        (["2.10.25", "2.15.1", "2.10.25"], "2.15.1 → 2.10.25"),
        (["2.14.0", "2.15.0", "2.15.1"], "2.15.0 → 2.15.1"),
        (["2.15.1", "2.15.1"], "2.15.1"),
    ],
)
def test_versions_of_a_server_end_with_the_newest_seen(ran: list[str], shown: str) -> None:
    stream = Stream()
    for version in ran:
        stream.connect()
        stream.events[-1] = replace(stream.events[-1], version=version)
        stream.run(5).lose()
    rows = texts(upgrade_rows.rows(moment_of(stream), 118))
    assert any(f"  {shown}  " in row for row in rows)


def flapping(connections: int) -> Stream:
    """A minute on each connection, and a second between two."""
    stream = Stream().become("CONNECTING", "initial").connect().run(60)
    for _ in range(connections - 1):
        stream.lose().wait(1.0).connect().wait(60.0)
    return stream


def test_time_on_each_server_is_of_the_connections_that_are_kept() -> None:
    """What is dropped to make room is neither on a server nor off it."""
    shown = "\n".join(texts(upgrade_rows.rows(moment_of(flapping(FULL.periods + 200)), 78)))
    assert f"servers, in the last {FULL.periods} connections ─" in shown
    assert f"  {FULL.periods}" in shown
    assert float(re.findall(r"(\d+\.\d+) %", shown)[0]) == pytest.approx(98.4, abs=0.2)


def test_totals_hold_what_outages_cost_that_are_not_kept() -> None:
    stream = flapping(3)
    outages = FULL.outages + 600
    for number in range(3, outages + 1):
        began, ended = stream.t + number, stream.t + number + 0.5
        stream.add(ev.Outage(t=ended, outage=number, began=began, ended=ended, cause="eof", lost=3))
    drawn = texts(outage_panel.newest(moment_of(stream), 100, 3))[0]
    assert drawn.startswith(f"{outages:,} outages ")
    assert f"{3 * (outages - 2):,} lost" in drawn
    totals = texts(outage_panel.totals(moment_of(stream), 78))
    assert any(line.startswith(f"outages {outages:,}, the last {FULL.outages} kept") for line in totals)


def test_servers_behind_one_address_have_the_names_they_had() -> None:
    moment = moment_of(outage_streams.behind_one_address("blue", "green", "green"))
    first, second = moment.state.outages
    assert (first.same_server, second.same_server) == (False, True)
    drawn = "\n".join(texts(outage_panel.newest(moment, 100, 4)))
    assert "blue → green" in drawn
    assert "green → green" in drawn
    detail = "\n".join(texts(outage_detail.rows(first, moment, 100)))
    assert " on green" in detail.splitlines()[0]
    assert "CONNECTED to green" in detail
    moves = texts(upgrade_rows.rows(moment, 100))[-2:]
    assert [line.split()[1:3] for line in moves] == [["green", "green"], ["blue", "green"]]
    assert [outage_panel.matches(outage, "blue") for outage in moment.state.outages] == [True, False]
    assert [dial_rows.matches(dial, "blue") for dial in moment.state.dials] == [True, False, False]
    assert [ServerNames(moment.state).of_dial(dial) for dial in moment.state.dials] == ["blue", "green", "green"]


def test_of_many_servers_those_that_were_dialed_come_first() -> None:
    stream = outage_streams.upgrade()
    stream.add(
        ev.Pool(t=stream.t, changed=[ev.PoolMember(server=f"nats://a-{n}:4222") for n in range(300)], size=1_303)
    )
    moment = moment_of(stream)
    dialed = [f"east-{n}:4222" for n in (1, 2, 3)]
    assert server_lanes.servers(moment.state)[:5] == [*dialed, "a-0:4222", "a-1:4222"]
    drawn = texts(upgrade_rows.rows(moment, 78))
    lanes, table = (next(n for n, line in enumerate(drawn) if word in line) for word in ("the last ", "servers ─"))
    assert table - lanes < 30
    assert sum("a-1:4222" in line for line in drawn) == 2
    assert f"and {1_303 - server_lanes.FEW:,} servers more" in drawn[table - 3]
    assert any(line.strip() == "and 1,000 more, not kept" for line in drawn[table:])


def test_server_that_left_the_pool_is_gone() -> None:
    stream = outage_streams.upgrade()
    stream.add(ev.Pool(t=stream.t, removed=list(outage_streams.CLUSTER[:2])))
    moment = moment_of(stream)
    pool = server_lanes.pool_by_address(moment.state)
    found = [server_panel.standing(server, pool.get(server), moment) for server in ("east-1:4222", "east-3:4222")]
    assert found == [("–", "dim", "gone"), ("!", "warn", "connected, lame duck")]


def test_servers_keep_their_order_and_ids_are_not_names() -> None:
    state = State()
    members = [ev.PoolMember(server=f"nats://east-{n}:4222") for n in (10, 2, 1)]
    state.apply(ev.Pool(t=0.0, changed=members))
    assert server_lanes.servers(state) == ["east-1:4222", "east-2:4222", "east-10:4222"]
    state.apply(ev.Connected(t=1.0, server="nats://east-1:4222", server_name="NAAA", server_id="NAAA"))
    assert ServerNames(state).name("nats://east-1:4222") == "east-1:4222"


def test_manual_reconnect_has_no_detection_time() -> None:
    stream = streams.connected()
    began = stream.t
    stream.lose("manual", "a reconnect was asked for").connect("east-2:4222", "reconnect")
    stream.add(
        ev.Outage(
            t=stream.t,
            outage=1,
            began=began,
            ended=stream.t,
            cause="manual",
            manual=True,
            detected_after=0.952,
            after="b",
        )
    )
    moment = moment_of(stream)
    page = "\n".join(texts(outage_detail.rows(moment.state.outages[0], moment, 116)))
    assert "detected" not in page.replace("loss detected", "")
    assert "last data" not in page
    assert "952" not in page
    table = texts(listed(moment, 116, 9)) + texts(outage_panel.newest(moment, 116, 6))
    assert not [line for line in table if "952" in line]
    assert texts(outage_panel.totals(moment, 116))[1].startswith("outages 0   1 manual reconnect, not counted   ")


def test_buffered_messages_are_shown_as_sent_after_the_reconnect() -> None:
    assert "1, sent after the reconnect" in page_text(outage_streams.frozen)
    stream = streams.connected()
    began = stream.t
    stream.lose().run(2, outcome="buffered").become("CLOSED", "cancelled")
    stream.add(ev.Outage(t=stream.t, outage=1, began=began, ended=stream.t, cause="eof", buffered=2))
    closed = page_text(lambda: stream)
    assert "2, not sent" in closed
