"""The status, the timeline and the events of connections that fail from the start, or are silent."""

import re
from typing import Any

import pytest
from msgspec.structs import replace

from natsmon.charts.cells import Row, width_of
from natsmon.stream import events as ev
from natsmon.tui.model.key_table import KEYS, RECORD_KEYS
from natsmon.tui.model.log_window import LogWindow
from natsmon.tui.pages import help_rows
from natsmon.tui.panels import dial_rows, event_panel, outage_panel, status_panel, timeline_panel
from tests.tui import streams
from tests.tui.drawn import dial_table, moment_of, texts
from tests.tui.streams import Stream


def failing(rounds: int) -> Stream:
    """No connection yet: refused at once, 2 s of waiting, and again."""
    stream = Stream(servers=["nats://east-1:4222"]).wait(0.2)
    for number in range(rounds):
        stream.become("CONNECTING", "initial" if number == 0 else "")
        stream.attempt = number
        stream.refused("east-1:4222").become("DISCONNECTED", "waiting").await_dial("east-1:4222", 2.0, 0.0).wait(2.0)
    return stream


def frozen(quiet: float) -> Stream:
    """Connected, and then no event at all."""
    stream = Stream().become("CONNECTING", "initial").connect().run(30)
    stream.count("in_flight", 12)
    return stream.add(ev.Tally(t=stream.t, **stream.totals)).wait(quiet)


def status(stream: Stream, width: int, **how: Any) -> list[str]:
    return texts(status_panel.rows(moment_of(stream, **how), width, 2))


def silent(seconds: float) -> Stream:
    """Connected to a server that has answered nothing for so long."""
    stream = frozen(seconds)
    stream.add(ev.Keepalive(t=30.0, interval=120.0, max_out=2, stale_at=stream.t + 326.0))
    return stream.add(ev.Silent(t=stream.t, since=stream.t - seconds, missed=14))


def test_first_connection_that_fails_shows_attempts_time_and_reason() -> None:
    first, second = status(failing(6), 118)
    assert second.startswith("  6 attempts in 12 s: connection refused")
    assert first.startswith("✗ CONNECTING")
    assert "00:00:12" in first
    dialing = failing(6).become("CONNECTING")
    dialing.attempt = 6
    first, second = status(dialing.start_dial("east-1:4222"), 118)
    assert "6 attempts in 12 s: connection refused" in second
    assert "00:00:12" in first


def test_giving_up_shows_the_cause_of_the_last_dial() -> None:
    for width in (158, 78):
        first, second = status(streams.gave_up(), width)
        assert first.startswith("✗ CLOSED")
        assert "gave up after 2 attempts: connection refused" in second


@pytest.mark.parametrize(("reason", "words"), [("asked", "quit by user"), ("count", "--count reached"), ("x", "x")])
def test_end_of_a_stream_is_in_words(reason: str, words: str) -> None:
    stream = streams.connected()
    stream.add(ev.End(t=stream.t, exit_code=0, reason=reason))
    first, second = status(stream, 120, how="ended")
    assert first.startswith("○ ENDED")
    assert f"ended: {words}" in second


def test_headline_and_rows_have_the_same_number_of_attempts() -> None:
    stream = streams.connected().lose()
    for _ in range(3):
        stream.refused("east-1:4222", "reconnect")
    moment = moment_of(stream.start_dial("east-2:4222", "reconnect"))
    assert "attempt 4" in texts(status_panel.rows(moment, 118, 2))[1]
    assert "attempt 4" in texts(dial_table(moment, 118, 7))[0]


def test_finite_number_of_attempts_is_shown() -> None:
    stream = Stream(servers=["nats://east-1:4222"])
    stream.events[1] = replace(stream.events[1], max_reconnects=4)
    moment = moment_of(stream.become("CONNECTING").refused("east-1:4222"))
    assert "1 of 5 attempts" in texts(status_panel.rows(moment, 78, 2))[1]
    assert "attempt 1 of 5" in texts(dial_table(moment, 78, 7))[0]


def test_attempts_of_a_reconnect_have_no_first_one_beside_the_limit() -> None:
    """In the headline and in the panel of dials."""
    stream = Stream(servers=["nats://east-1:4222"])
    stream.events[1] = replace(stream.events[1], max_reconnects=4)
    stream.become("CONNECTING").connect("east-1:4222").lose("eof").refused("east-1:4222", "reconnect")
    moment = moment_of(stream.start_dial("east-1:4222", "reconnect"))
    assert "attempt 2 of 4" in texts(status_panel.rows(moment, 118, 2))[1]
    assert "attempt 2 of 4" in texts(dial_table(moment, 118, 7))[0]


@pytest.mark.parametrize("reason", ["initial", "reconnect"])
def test_limit_of_each_of_several_servers_is_not_one_of_all_attempts(reason: ev.DialReason) -> None:
    stream = Stream(servers=["nats://east-1:4222", "nats://east-2:4222"])
    stream.events[1] = replace(stream.events[1], max_reconnects=1)
    stream.become("CONNECTING")
    if reason == "reconnect":
        stream.connect("east-1:4222").lose("eof")
    for _ in range(3):
        stream.refused("east-1:4222", reason)
    moment = moment_of(stream.start_dial("east-2:4222", reason))
    assert not re.search("[0-9] of [0-9]", texts(status_panel.rows(moment, 118, 2))[1])
    assert "attempt 4, pass 2" in texts(dial_table(moment, 118, 7))[0]


def test_silence_is_visible_in_the_timeline() -> None:
    over = silent(60.0)
    over.add(ev.SilenceEnded(t=over.t, seconds=60.0)).run(60)
    (line,) = texts(timeline_panel.rows(moment_of(over), 100, 1))
    assert line.strip() == "█████" + "▃" * 10 + "█" * 11
    (line,) = texts(timeline_panel.rows(moment_of(silent(60.0)), 100, 1))
    assert line.strip() == "█████" + "▃" * 11


def test_newest_cell_of_the_timeline_is_the_present() -> None:
    stream = streams.connected().wait(9.0).lose().start_dial("east-1:4222", "reconnect").wait(0.1)
    (line,) = texts(timeline_panel.rows(moment_of(stream), 60, 1))
    assert line[-1] == "░"


def test_axis_of_the_timeline_has_times_below_their_cells() -> None:
    moment = moment_of(streams.connected(), now=900.0)
    _, axis = texts(timeline_panel.rows(moment, 120, 2))
    assert axis.endswith("now")
    assert axis[:5] == "15:11", "ten minutes ago"
    assert axis[60:65] == "15:16", "five minutes ago"
    assert "15:16" in timeline_panel.title(moment, 78, 1)
    legend = [shape[2:] for shape in timeline_panel.title(moment, 78, 2).split("  ")[1:]]
    assert legend == ["connected", "silent", "dialing", "waiting", "interrupted"], (
        "as much of the legend as there is room for"
    )


def test_cell_of_the_timeline_shows_what_took_most_of_it() -> None:
    (line,) = texts(timeline_panel.rows(moment_of(streams.connected()), 78, 1))
    assert set(line.strip()) == {"█"}, "the first dial took 2 ms"
    (line,) = texts(timeline_panel.rows(moment_of(failing(30)), 78, 1))
    assert set(line.strip()) == {"▒"}


def test_dials_are_found_by_reason_error_and_number() -> None:
    state = moment_of(streams.outage()).state
    found = {
        needle: [dial.id for dial in state.dials if dial_rows.matches(dial, needle)]
        for needle in ("initial", "errno 111", "#3", "3", "reconnect")
    }
    assert found == {"initial": [1], "errno 111": [2, 4], "#3": [3], "3": [3], "reconnect": [2, 3, 4]}


@pytest.mark.parametrize("width", range(58, 82))
@pytest.mark.parametrize("stream", [streams.dialing, streams.cancelled, streams.connected])
def test_texts_of_the_dials_are_not_cut(width: int, stream: object) -> None:
    assert callable(stream)
    _, strip, *table = texts(dial_table(moment_of(stream()), width, 9))
    assert "…" not in strip
    words = "connection refused…"
    assert all(line.rstrip()[:-1].split()[-1] in words for line in table if "…" in line), "cut between two words"


def test_cancelled_stage_is_marked() -> None:
    (_, _, _, line, *_) = texts(dial_table(moment_of(streams.cancelled()), 78, 9))
    assert "✓ ⊘ – – –" in line


@pytest.mark.parametrize("width", [78, 118])
def test_cost_of_an_outage_is_readable(width: int) -> None:
    (summary, _, settled) = texts(outage_panel.newest(moment_of(streams.outage()), width, 6))
    assert summary.strip().startswith("2 outages   down 3.47 s")
    assert "1 lost, 2 buffered" in settled
    if width > 100:
        assert settled.rstrip().endswith("east-1 → east-2")


def window_of(*lines: tuple[str, str]) -> LogWindow:
    """A window on lines of (kind, text)."""
    window = LogWindow()
    for kind, text in lines:
        window.log.add(ev.LogLine(at=streams.STARTED, text=text, kind=kind))
    window.update()
    return window


def lines_of(window: LogWindow, width: int, height: int) -> list[Row]:
    return [cells for cells, _ in event_panel.rows(window, width, height)]


LONG = "attempt 1 on 127.0.0.1:4222 failed after 0.31 ms: dial tcp 127.0.0.1:4222: connect: connection refused"


def test_long_line_of_the_events_is_folded() -> None:
    rows = lines_of(window_of(("bad", LONG), ("info", "short")), 78, 5)
    first, second, third = texts(rows)
    assert first.startswith("15:06:40.000 ✗ attempt 1 on 127.0.0.1:4222 failed")
    assert second.startswith(" " * 15)
    assert second.strip().endswith("connection refused")
    assert third.rstrip().endswith("· short")
    assert all(width_of(row) == 78 for row in rows)


def test_very_long_line_is_cut_after_three_rows() -> None:
    rows = texts(lines_of(window_of(("bad", "word " * 200)), 78, 9))
    assert len(rows) == 3
    assert rows[-1].rstrip().endswith("…")


def test_newest_line_stays_in_view_with_folded_lines() -> None:
    window = window_of(*(("bad", f"{n} {LONG}") for n in range(9)))
    followed = texts(lines_of(window, 78, 5))
    assert followed[-2].startswith("15:06:40.000 ✗ 8 ")
    assert event_panel.fitting(window, 78, 5) == 2
    window.hold(event_panel.fitting(window, 78, 5))
    assert texts(lines_of(window, 78, 5)) == followed[-4:]
    window.scroll(-1, event_panel.fitting(window, 78, 5))
    assert texts(lines_of(window, 78, 5))[0].startswith("15:06:40.000 ✗ 6 ")
    window.scroll(1, event_panel.fitting(window, 78, 5))
    assert window.follow


def test_help_has_every_key_and_fits() -> None:
    for width in (64, 100):
        rows = help_rows.rows(KEYS, RECORD_KEYS, width)
        assert all(width_of(row) == width for row in rows)
    shown = "\n".join(texts(rows))
    for key in KEYS:
        assert not key.cases or key.title in shown or key.all_shown in shown, key.id
    assert "⊘ cancelled" in shown


def paged(window: LogWindow, direction: int) -> set[str]:
    """The lines that have been wholly in view, from where the window is to the end in that direction."""
    seen: set[str] = set()
    for _ in range(len(window.listed)):
        lines = [line.rstrip() for line in texts(lines_of(window, 78, 9))]
        for line, below in zip(lines, [*lines[1:], ""], strict=True):
            if " · " in line or (" ✗ " in line and below.startswith(" " * 15)):
                seen.add(line[15:].split()[0])
        window.scroll(event_panel.page_lines(window, 78, 9, direction), event_panel.fitting(window, 78, 9))
    return seen


def test_turning_pages_leaves_no_line_out() -> None:
    kinds = ("info", "bad", "bad", "info", "info", "info", "info", "info", "bad", "bad", "bad", "bad")
    every = [f"{n}-{kind}" for n, kind in enumerate(kinds * 6)]
    texts_ = {"info": "short", "bad": LONG}
    window = window_of(*((kind, f"{name} {texts_[kind]}") for name in every for kind in [name.partition("-")[2]]))
    assert paged(window, -1) == {*every}, "up"
    assert paged(window, 1) == {*every}, "down"
    assert window.follow
