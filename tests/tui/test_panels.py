"""What the panels draw, without a terminal."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from natsmon.charts import dial_stages
from natsmon.charts.cells import cut, fit, left, right, row, spread, text_of, width_of
from natsmon.stream import events as ev
from natsmon.tui.model.key_table import KEYS, keys
from natsmon.tui.model.moment import Moment, StreamClock
from natsmon.tui.panels import (
    dial_rows,
    event_panel,
    message_panel,
    outage_panel,
    round_trip_panel,
    status_panel,
    timeline_panel,
)
from natsmon.tui.widgets import key_bar
from tests.tui import streams
from tests.tui.drawn import MOMENTS, moment_of, texts

DRAWN = (
    status_panel.rows,
    dial_rows.rows,
    message_panel.rows,
    round_trip_panel.rows,
    outage_panel.rows,
    timeline_panel.rows,
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(MOMENTS), st.sampled_from(DRAWN), st.integers(0, 220), st.integers(0, 30))
def test_whatever_the_size_rows_fit_exactly(moment: Moment, draw: object, width: int, height: int) -> None:
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


def test_the_countdown_says_server_time_and_its_parts() -> None:
    (first, *_) = texts(dial_rows.rows(moment_of(streams.countdown()), 116, 9))
    assert first.startswith("◌ next dial east-1:4222 in   1.4 s █")
    assert "(2 s + 0.07 s jitter)" in first


def test_the_stages_of_the_dial_under_way() -> None:
    moment = moment_of(streams.dialing())
    first, strip, _, under_way, refused, *_ = texts(dial_rows.rows(moment, 78, 7))
    assert first.startswith("◐ dialing east-2:4222  attempt 2, round 1")
    assert "1.24 s of 5 s" in first
    assert strip.split() == ["dns", "✓", "0.20", "tcp", "◐", "1240", "tls", "·", "info", "·", "connect", "·", "ms"]
    assert "✓ ◐ · · ·" in under_way
    assert "dialing" in under_way
    assert "✓ ✗ – – –" in refused
    assert "refused" in refused


def test_the_waterfall_is_in_proportion() -> None:
    moment = moment_of(streams.connected())
    bar = text_of(dial_stages.proportions(moment.state.dials[-1], moment.now, 21))
    assert bar == "░" * 4 + "▒" * 3 + "▚" * 5 + "█" * 9


def test_a_race_of_addresses_does_not_hide_the_tcp_stage() -> None:
    stream = streams.Stream().become("CONNECTING").start_dial("east-1:4222").stage("dns")
    stream.stage("tcp", outcome="started")
    stream.add(ev.DialStage(t=stream.t, dial=1, stage="tcp", outcome="started", address="10.0.0.1:4222"))
    moment = moment_of(stream.wait(0.5))
    assert dial_stages.mark(moment.state.dials[-1], "tcp")[0] == "◐"
    first, strip, *_ = texts(dial_rows.rows(moment, 116, 7))
    assert "tcp ◐" in strip
    assert "trying 10.0.0.1:4222" in first


def test_no_figure_before_there_is_a_sample() -> None:
    moment = moment_of(streams.dialing())
    shown = " ".join(texts(message_panel.rows(moment, 48, 3)) + texts(round_trip_panel.rows(moment, 26, 3)))
    assert "–" in shown
    assert not any(char.isdigit() for char in shown.replace("p50", "").replace("p99", ""))
    assert "waiting for the first PONG" in shown
    assert not any(char.isdigit() for char in texts(status_panel.rows(moment, 158, 2))[1].split("availability")[1])


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
def test_what_is_lost_has_a_place_where_there_is_none_for_all(width: int, height: int) -> None:
    stream = streams.connected()
    before = " ".join(texts(message_panel.rows(moment_of(stream), width, height)))
    assert "lost" not in before
    stream.totals["lost"] = 59
    after = " ".join(texts(message_panel.rows(moment_of(stream.run(1)), width, height))).split()
    assert after[after.index("lost") + 1] == "59"
    assert after[0] == "attempted", "what stays keeps its order"


def test_what_is_late_has_a_place_before_what_never_was() -> None:
    stream = streams.connected()
    stream.totals["late"] = 7
    drawn = " ".join(texts(message_panel.rows(moment_of(stream.run(1)), 34, 3))).split()
    assert drawn[-2:] == ["late", "7"]
    drawn = " ".join(texts(message_panel.rows(moment_of(stream), 34, 2))).split()
    assert "late" not in drawn
    assert "delivered" in drawn, "where there is room for so few, it is how many came back that matters"


@pytest.mark.parametrize(("width", "word"), [(76, "out of order"), (50, "reordered")])
def test_what_is_out_of_order_has_a_place_once_there_is_some(width: int, word: str) -> None:
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


def test_the_sparkline_does_not_rewrite_its_past() -> None:
    stream = streams.Stream().become("CONNECTING").connect().run(50)
    before = texts(round_trip_panel.sparkline(moment_of(stream, now=50.0), 30))[0]
    after = texts(round_trip_panel.sparkline(moment_of(stream, now=52.0), 30))[0]
    assert after[:-1] == before[1:]


def test_an_outage_of_an_instant_is_seen_in_the_timeline() -> None:
    stream = streams.connected()
    stream.lose().wait(0.01).connect("east-2:4222", "reconnect").run(120)
    (line,) = texts(timeline_panel.rows(moment_of(stream), 78, 1))
    assert "█░█" in line
    assert line.startswith(" "), "what was before the session is unknown"


def test_waiting_and_dialing_are_told_apart_in_the_timeline() -> None:
    stream = streams.connected().lose().start_dial("east-1:4222", "reconnect").wait(30)
    stream.end_dial("timeout", "tcp").await_dial("east-2:4222", base=60.0).wait(30)
    (line,) = texts(timeline_panel.rows(moment_of(stream), 100, 1))
    assert line.rstrip().endswith("░░▒▒▒▒▒") or "░▒" in line


def test_an_outage_under_way_counts_up_and_knows_no_cost_yet() -> None:
    moment = moment_of(streams.outage())
    total, header, running, settled, *_ = texts(outage_panel.rows(moment, 116, 5))
    assert total.lstrip().startswith("2  down")
    assert header.split()[:3] == ["at", "downtime", "noticed"]
    assert "stale" in running
    assert running.count("–") == 5
    assert "210 ms" in settled


@pytest.mark.parametrize("width", [58, 78, 116, 196])
def test_the_key_bar_always_offers_help_and_quit(width: int) -> None:
    for sandbox in (False, True):
        (line,) = texts(key_bar.rows(keys(KEYS, sandbox=sandbox), MOMENTS[2], width))
        assert "? help" in line
        assert "q quit" in line


def test_every_key_has_an_id_and_says_what_it_does() -> None:
    assert len({key.id for key in KEYS}) == len(KEYS)
    assert all(key.when for key in KEYS if key.title)


def test_the_book_is_a_ring_that_remembers_where_you_are() -> None:
    book = event_panel.Book(kept=10)
    for n in range(10):
        book.add(event_panel.Entry("", f"line {n}", "info"))
    book.scroll(-3, 4)
    assert [entry.text for entry in book.window(4)] == ["line 3", "line 4", "line 5", "line 6"]
    for n in range(10, 13):
        book.add(event_panel.Entry("", f"line {n}", "info"))
    assert [entry.text for entry in book.window(4)] == ["line 3", "line 4", "line 5", "line 6"]
    assert event_panel.subtitle(book) == "paused, +3 lines · f follows"
    book.scroll(100, 4)
    assert book.follow
    assert book.window(2)[-1].text == "line 12"


def test_a_filtered_book_is_a_ring_as_well() -> None:
    book = event_panel.Book(kept=4)
    book.select("even")
    for n in range(11):
        book.add(event_panel.Entry("", f"line {n} {'even' if n % 2 == 0 else 'odd'}", "info"))
    assert [entry.text for entry in book.window(9)] == [f"line {n} even" for n in (4, 6, 8, 10)]
    book.select("")
    assert [entry.text[:7] for entry in book.window(9)] == ["line 7 ", "line 8 ", "line 9 ", "line 10"]


def test_single_messages_push_out_nothing_else() -> None:
    book = event_panel.Book(kept=4, messages_kept=2)
    book.add(event_panel.Entry("", "lost", "bad"))
    for n in range(100):
        book.add(event_panel.Entry("", f"published {n}", "dim", message=True))
    book.add(event_panel.Entry("", "back", "good"))
    assert [entry.text for entry in book.window(9)] == ["lost", "back"]
    book.select(messages=True)
    assert [entry.text for entry in book.window(9)] == ["lost", "published 98", "published 99", "back"]


def test_wide_characters_are_cut_by_cells() -> None:
    assert cut("接続監視", 5) == "接続…"
    assert left("接続", 6) == "接続  "
    assert right("ab", 4) == "  ab"
    assert text_of(fit(row(("ab", "value"), ("cd", "dim")), 3)) == "ab…"
    assert text_of(fit(row(("ab", "value"), ("cd", "dim")), 2)) == "a…"
    assert text_of(spread(row(("long start", "value")), row(("end", "dim")), 10)) == "long…  end"


def test_the_streams_clock_is_set_by_the_promptest_event_and_stops_with_it() -> None:
    here = 100.0
    clock = StreamClock(lambda: here)
    clock.hear(1.0)
    here = 101.5
    clock.hear(2.0)
    assert clock.now(0.0) == pytest.approx(2.5)
    here = 101.6
    clock.hear(3.0)
    assert clock.now(0.0) == pytest.approx(3.0)
    clock.stop()
    here = 200.0
    assert clock.now(0.0) == pytest.approx(3.0)


def test_of_the_echoes_of_long_ago_there_are_no_percentiles_of_the_last_minute() -> None:
    stream = streams.connected()
    for quiet, known in ((10.0, True), (70.0, False)):
        moment = moment_of(stream, stream.t + quiet)
        line = next(text for text in texts(round_trip_panel.rows(moment, 70, 3)) if text.startswith("echo"))
        assert all(("–" in figure) != known for figure in line.split()[2:-1:2])
