"""What the panels draw, without a terminal."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natsmon.charts import dial_stages
from natsmon.charts.cells import cut, fit, left, right, row, spread, text_of, width_of
from natsmon.state import Limits, LogLines
from natsmon.stream import events as ev
from natsmon.tui.model.key_table import KEYS, REPLAY_KEYS
from natsmon.tui.model.log_window import LogWindow
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.stream_clock import StreamClock
from natsmon.tui.panels import (
    event_panel,
    message_panel,
    outage_panel,
    round_trip_panel,
    status_panel,
    timeline_panel,
)
from natsmon.tui.widgets import key_bar
from tests.tui import streams
from tests.tui.drawn import MOMENTS, dial_table, moment_of, texts

DRAWN = (
    status_panel.rows,
    dial_table,
    message_panel.rows,
    round_trip_panel.rows,
    outage_panel.newest,
    timeline_panel.rows,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MOMENTS), st.sampled_from(DRAWN), st.integers(0, 220), st.integers(0, 30))
def test_rows_fit_every_size(moment: Moment, draw: object, width: int, height: int) -> None:
    assert callable(draw)
    rows = draw(moment, width, height)
    assert len(rows) <= max(1, height)
    for cells in rows:
        assert width_of(cells) == width
        assert text_of(cells).isprintable()


def test_hostile_names_stay_text() -> None:
    moment = moment_of(streams.hostile())
    shown = "\n".join(line for draw in DRAWN for line in texts(draw(moment, 200, 20)))
    assert r"svc[/red]\x1b[2J\u202egnp.exe" in shown
    assert "\x1b" not in shown


def test_countdown_shows_server_time_and_its_parts() -> None:
    (first, *_) = texts(dial_table(moment_of(streams.countdown()), 116, 9))
    assert first.startswith("◌ next dial east-1:4222 in   1.4 s █")
    assert "(2 s + 70 ms jitter)" in first


def test_stages_of_the_dial_under_way_are_shown() -> None:
    moment = moment_of(streams.dialing())
    first, strip, _, under_way, refused, *_ = texts(dial_table(moment, 78, 7))
    assert first.startswith("◐ dialing east-2:4222  attempt 2, pass 1")
    assert "1.24 s of 5 s" in first
    assert strip.split() == ["dns", "✓", "0.20", "tcp", "◐", "1240", "tls", "·", "info", "·", "connect", "·", "ms"]
    assert "✓ ◐ · · ·" in under_way
    assert "dialing" in under_way
    assert "✓ ✗ – – –" in refused
    assert "connection refused" in refused


def test_bars_of_the_stages_are_in_proportion() -> None:
    moment = moment_of(streams.connected())
    bar = text_of(dial_stages.proportions(moment.state.dials[-1], moment.now, 21, 0.0021))
    assert bar == "░" * 4 + "▒" * 3 + "▚" * 5 + "█" * 9
    beside_a_long_one = text_of(dial_stages.proportions(moment.state.dials[-1], moment.now, 20, 2.1))
    assert len(beside_a_long_one.strip()) == 1, "a short dial is not drawn as long as a long one"


def test_bar_of_a_failed_dial_has_its_colour_however_short() -> None:
    refused = moment_of(streams.Stream().become("CONNECTING").refused("east-1:4222")).state.dials[-1]
    for longest in (refused.total, 100.0):
        bar = dial_stages.proportions(refused, 0.0, 20, longest)
        assert "bad" in {role for cells, role in bar if cells.strip()}


def test_race_of_addresses_does_not_hide_the_tcp_stage() -> None:
    stream = streams.Stream().become("CONNECTING").start_dial("east-1:4222").stage("dns")
    stream.stage("tcp", outcome="started")
    stream.add(ev.DialStage(t=stream.t, dial=1, stage="tcp", outcome="started", address="10.0.0.1:4222"))
    moment = moment_of(stream.wait(0.5))
    assert dial_stages.mark(moment.state.dials[-1], "tcp")[0] == "◐"
    first, strip, *_ = texts(dial_table(moment, 116, 7))
    assert "tcp ◐" in strip
    assert "trying 10.0.0.1:4222" in first


def test_figures_are_dashes_before_the_first_sample() -> None:
    moment = moment_of(streams.dialing())
    shown = " ".join(texts(message_panel.rows(moment, 48, 3)) + texts(round_trip_panel.rows(moment, 26, 3)))
    assert "–" in shown
    assert not any(char.isdigit() for char in shown.replace("p50", "").replace("p90", ""))
    assert "no PONG yet" in shown
    assert "availability" not in texts(status_panel.rows(moment, 158, 2))[1]


def test_counters_keep_their_places() -> None:
    narrow = texts(message_panel.rows(moment_of(streams.connected()), 50, 3))
    stream = streams.connected()
    stream.totals.update(attempted=1_234_567, delivered=98_765_432, lost=3)
    wide = texts(message_panel.rows(moment_of(stream.run(1)), 50, 3))
    assert [line.index(name) for line, name in zip(narrow, ("delivered", "rejected", "duplicate"), strict=True)] == [
        line.index(name) for line, name in zip(wide, ("delivered", "rejected", "duplicate"), strict=True)
    ]
    assert "1.23M" in wide[0]


@pytest.mark.parametrize(("width", "height"), [(34, 3), (34, 2), (50, 1)])
def test_lost_count_is_shown_where_not_all_counts_fit(width: int, height: int) -> None:
    stream = streams.connected()
    before = " ".join(texts(message_panel.rows(moment_of(stream), width, height)))
    assert "lost" not in before
    stream.totals["lost"] = 59
    after = " ".join(texts(message_panel.rows(moment_of(stream.run(1)), width, height))).split()
    assert after[after.index("lost") + 1] == "59"
    assert after[0] == "attempted", "what stays keeps its order"


def test_late_count_is_shown_before_counts_of_zero() -> None:
    stream = streams.connected()
    stream.totals["late"] = 7
    drawn = " ".join(texts(message_panel.rows(moment_of(stream.run(1)), 34, 3))).split()
    assert drawn[-2:] == ["late", "7"]
    drawn = " ".join(texts(message_panel.rows(moment_of(stream), 34, 2))).split()
    assert "late" not in drawn
    assert "delivered" in drawn, "where there is room for few, what was delivered comes first"


@pytest.mark.parametrize(("width", "word"), [(76, "out of order"), (50, "reordered")])
def test_out_of_order_count_is_shown_once_it_is_not_zero(width: int, word: str) -> None:
    stream = streams.connected()
    before = texts(message_panel.rows(moment_of(stream), width, 4))
    stream.totals["out_of_order"] = 7
    after = texts(message_panel.rows(moment_of(stream.run(1)), width, 4))
    assert word not in " ".join(before)
    assert [len(rows) for rows in (before, after)] == [4, 4]
    assert after[3].split("bytes")[0].split() == [*word.split(), "7"]


def test_silence_is_a_gap_in_the_sparkline() -> None:
    stream = streams.Stream().become("CONNECTING").connect().run(20).wait(10).run(20)
    (line,) = texts(round_trip_panel.sparkline(moment_of(stream), 30))
    assert line.strip(" ").count(" ") in (4, 5)
    assert len(line) == 30


def test_past_of_the_sparkline_does_not_change() -> None:
    stream = streams.Stream().become("CONNECTING").connect().run(50)
    before = texts(round_trip_panel.sparkline(moment_of(stream, now=50.0), 30))[0]
    after = texts(round_trip_panel.sparkline(moment_of(stream, now=52.0), 30))[0]
    assert after[:-1] == before[1:]


def test_shortest_outage_is_visible_in_the_timeline() -> None:
    stream = streams.connected()
    stream.lose().wait(0.01).connect("east-2:4222", "reconnect").run(120)
    (line,) = texts(timeline_panel.rows(moment_of(stream), 78, 1))
    assert "█│█" in line
    assert line.startswith(" "), "what was before the session is unknown"


def test_timeline_distinguishes_waiting_and_dialing() -> None:
    stream = streams.connected().lose().start_dial("east-1:4222", "reconnect").wait(30)
    stream.end_dial("timeout", "tcp").await_dial("east-2:4222", base=60.0).wait(30)
    (line,) = texts(timeline_panel.rows(moment_of(stream), 100, 1))
    assert line.rstrip().endswith("░░▒▒▒▒▒") or "░▒" in line


def test_lasting_outage_counts_up_and_has_no_cost_yet() -> None:
    total, running, settled = texts(outage_panel.newest(moment_of(streams.outage()), 116, 5))
    assert total.lstrip().startswith("2 outages   down 3.47 s")
    assert "1 buffered so far" in running
    assert "PINGs not answered" in running
    assert "1 lost, 2 buffered" in settled


@pytest.mark.parametrize("width", [58, 78, 116, 196])
@pytest.mark.parametrize("table", [KEYS, REPLAY_KEYS])
def test_key_bar_always_offers_help_and_quit(width: int, table: tuple[Any, ...]) -> None:
    line = "".join(texts([parts for _, parts in key_bar.labels(table, MOMENTS[2], width)]))
    assert "? help" in line
    assert "q quit" in line


def test_every_key_has_an_id_and_shows_what_it_does() -> None:
    for table in (KEYS, REPLAY_KEYS):
        assert len({key.id for key in table}) == len(table)
        assert all(key.cases for key in table if key.title)


def window_of(kept: int = 5_000, messages: int = 1_000) -> LogWindow:
    window = LogWindow()
    window.attach(LogLines(Limits(log=kept, messages=messages)))
    return window


def add(window: LogWindow, text: str, *, message: bool = False) -> None:
    window.log.add(ev.LogLine(at=0.0, text=text, message=message))
    window.update()


def shown(window: LogWindow, height: int) -> list[str]:
    return [line.text for _, line in window.view(height, height)]


def test_held_window_stays_on_its_lines_until_they_are_dropped() -> None:
    window = window_of(kept=10)
    for n in range(10):
        add(window, f"line {n}")
    window.scroll(-3, 4)
    assert shown(window, 4) == ["line 3", "line 4", "line 5", "line 6"]
    for n in range(10, 13):
        add(window, f"line {n}")
    assert shown(window, 4) == ["line 3", "line 4", "line 5", "line 6"]
    assert "held, +3 lines · f follows" in event_panel.title(window)
    window.scroll(100, 4)
    assert window.follow
    assert shown(window, 2)[-1] == "line 12"


def test_window_follows_the_mark() -> None:
    window = window_of()
    for n in range(10):
        add(window, f"line {n}")
    window.move(-1, 4)
    assert [line.text for _, line in window.chosen()] == ["line 9"], "the first move marks the newest"
    for _ in range(5):
        window.move(-1, 4)
    assert [line.text for _, line in window.chosen()] == ["line 4"]
    assert shown(window, 4)[0] == "line 4"
    window.toggle(4)
    window.move(2, 4)
    window.toggle(4)
    assert [line.text for _, line in window.chosen()] == ["line 4", "line 6"]
    window.move(99, 4)
    assert shown(window, 4)[-1] == "line 9"
    window.resume()
    assert (window.follow, window.cursor) == (True, 0)


def test_filtered_window_follows_new_lines() -> None:
    window = window_of(kept=4)
    window.filter("even")
    for n in range(11):
        add(window, f"line {n} {'even' if n % 2 == 0 else 'odd'}")
    assert shown(window, 9)[-2:] == ["line 8 even", "line 10 even"]
    assert len(window.listed) <= 4
    window.filter("")
    assert [text[:7] for text in shown(window, 9)] == ["line 7 ", "line 8 ", "line 9 ", "line 10"]


def test_single_messages_displace_no_other_line() -> None:
    window = window_of(kept=4, messages=2)
    add(window, "lost")
    for n in range(100):
        add(window, f"published {n}", message=True)
    add(window, "back")
    assert shown(window, 9) == ["lost", "back"]
    window.show_messages(True)
    assert shown(window, 9) == ["lost", "published 98", "published 99", "back"]
    for n in range(100, 200):
        add(window, f"published {n}", message=True)
    assert len(window.listed) <= len(window.log)


def test_wide_characters_are_cut_by_cells() -> None:
    assert cut("接続監視", 5) == "接続…"
    assert left("接続", 6) == "接続  "
    assert right("ab", 4) == "  ab"
    assert text_of(fit(row(("ab", "value"), ("cd", "dim")), 3)) == "ab…"
    assert text_of(fit(row(("ab", "value"), ("cd", "dim")), 2)) == "a…"
    assert text_of(spread(row(("long start", "value")), row(("end", "dim")), 10)) == "long…  end"


class Here:
    """The view's clock."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_stream_clock_follows_the_promptest_event_and_stops() -> None:
    here = Here()
    clock = StreamClock(here)
    clock.received(1.0)
    here.now = 101.5
    clock.received(2.0)
    assert clock.now(0.0) == pytest.approx(2.5)
    here.now = 101.6
    clock.received(3.0)
    assert clock.now(0.0) == pytest.approx(3.0)
    clock.stop()
    here.now = 200.0
    assert clock.now(0.0) == pytest.approx(3.0)
    assert clock.data_age == 0.0


def test_clock_stops_while_no_data_arrives() -> None:
    here = Here()
    clock = StreamClock(here)
    clock.received(50.0)
    for tenth in range(1, 121):
        here.now = 100.0 + tenth / 10
        clock.look()
    assert clock.data_age == pytest.approx(12.0)
    assert clock.now(50.0) == pytest.approx(53.0)
    clock.received(62.0)
    assert clock.data_age == pytest.approx(0.0)


def test_slow_line_shows_its_age_although_events_arrive() -> None:
    here = Here()
    clock = StreamClock(here)
    clock.received(0.0)
    for second in range(1, 31):
        here.now = 100.0 + second
        clock.look()
        clock.received(second / 2)  # each second of the stream takes two
    assert clock.data_age == pytest.approx(15.0, abs=0.1)


def test_view_that_was_suspended_reads_its_backlog_first() -> None:
    here = Here()
    clock = StreamClock(here)
    clock.received(50.0)
    clock.look()
    here.now = 160.0  # ctrl+z, a minute, fg
    clock.look()
    assert clock.data_age < 3.0
    for tenth in range(1, 50):
        here.now = 160.0 + tenth / 10
        clock.look()
    assert clock.data_age > 3.0, "there was no backlog: the monitor is frozen"


def test_clock_event_resets_the_age() -> None:
    """The probe's machine was suspended: its clock stood still while the view's went on."""
    here = Here()
    clock = StreamClock(here)
    clock.received(10.0)
    for tenth in range(1, 6_000):
        here.now = 100.0 + tenth / 10
        clock.look()
    clock.received(10.5, reset=True)
    assert clock.data_age == pytest.approx(0.0)
    assert clock.now(10.5) == pytest.approx(10.5)


def test_last_minute_excludes_older_echoes() -> None:
    stream = streams.connected()
    for quiet, known in ((10.0, True), (70.0, False)):
        moment = moment_of(stream, stream.t + quiet)
        line = next(text for text in texts(round_trip_panel.rows(moment, 70, 3)) if text.startswith("echo"))
        assert ("–" in line.split()[2]) != known
