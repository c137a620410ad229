"""The header, the timeline and the log where a connection is not what it seems: failing from the start, or silent."""

import pytest

from natsmon.charts.cells import width_of
from natsmon.stream import events as ev
from natsmon.tui.model import silence
from natsmon.tui.model.key_table import KEYS, RECORD_KEYS
from natsmon.tui.pages import help_page as help_page
from natsmon.tui.panels import dial_rows, event_panel, outage_panel, status_panel, timeline_panel
from tests.tui import streams
from tests.tui.drawn import moment_of, texts
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
    """Connected, and then not a word."""
    stream = Stream().become("CONNECTING", "initial").connect().run(30)
    stream.count("in_flight", 12)
    return stream.add(ev.Tally(t=stream.t, **stream.totals)).wait(quiet)


def test_a_first_connection_that_fails_says_since_when_how_often_and_why() -> None:
    first, second = texts(status_panel.rows(moment_of(failing(6)), 118, 2))
    assert "not connected for 12 s, 6 dials: refused: [Errno 111] Connect call failed" in second
    assert first.startswith("○ DISCONNECTED")
    assert "00:00:12" in first
    dialing = failing(6).become("CONNECTING")
    dialing.attempt = 6
    first, second = texts(status_panel.rows(moment_of(dialing.start_dial("east-1:4222")), 118, 2))
    assert "not connected for 12 s, 7 dials: refused" in second
    assert first.startswith("◔ CONNECTING")
    assert "00:00:12" in first
    (_, second) = texts(status_panel.rows(moment_of(failing(1)), 78, 2))
    assert "not connected for 2 s, 1 dial: refused: [Errno 111] Connect call failed" in second
    (_, second) = texts(status_panel.rows(moment_of(failing(300)), 78, 2))
    assert "not connected for 10 min, 300 dials: refused" in second


def test_a_series_begins_anew_after_the_end() -> None:
    stream = failing(6)
    stream.become("CLOSED", "cancelled").wait(50.0).become("CONNECTING", "initial").refused("east-1:4222").wait(4.0)
    (_, second) = texts(status_panel.rows(moment_of(stream), 118, 2))
    assert "not connected for 4 s, 1 dial: refused" in second


def test_giving_up_says_what_the_last_dial_failed_of() -> None:
    (_, second) = texts(status_panel.rows(moment_of(streams.gave_up()), 158, 2))
    assert "gave up: every server failed 1 time: refused: [Errno 111] Connect call failed" in second
    (_, second) = texts(status_panel.rows(moment_of(streams.gave_up()), 78, 2))
    assert "gave up: refused" in second


def test_a_server_that_says_nothing_is_not_healthy() -> None:
    first, second = texts(status_panel.rows(moment_of(frozen(12.0)), 118, 2))
    assert "nothing heard for 12 s · 12 in flight" in second
    assert first.rstrip().endswith("rtt      – ms")
    assert status_panel.rows(moment_of(frozen(12.0)), 118, 2)[1][0][1] == "warn"
    assert "no PONG" not in texts(status_panel.rows(moment_of(frozen(2.9)), 118, 2))[1]


def test_silence_ends_with_the_stream() -> None:
    assert silence.seconds(moment_of(frozen(12.0))) == pytest.approx(12.0)
    assert silence.seconds(moment_of(frozen(12.0), how="died")) is None


def test_a_stream_that_tells_silence_is_believed() -> None:
    stream = frozen(12.0)
    stream.add(ev.Keepalive(t=stream.t, interval=120.0, max_out=2, stale_at=360.0))
    assert silence.seconds(moment_of(stream)) is None
    stream.add(ev.Silent(t=stream.t, since=stream.t - 1.9, missed=2)).wait(0.5)
    assert silence.seconds(moment_of(stream)) == pytest.approx(2.4)
    stream.add(ev.SilenceEnded(t=stream.t, seconds=2.4)).wait(5.0)
    assert silence.seconds(moment_of(stream)) is None


def test_silence_is_seen_in_the_timeline() -> None:
    stream = frozen(60.0)
    stream.add(ev.Silent(t=stream.t - 58.0, since=stream.t - 60.0, missed=2))
    (line,) = texts(timeline_panel.rows(moment_of(stream), 100, 1))
    assert line.strip() == "█████" + "▃" * 11
    stream.add(ev.SilenceEnded(t=stream.t, seconds=60.0)).run(60)
    (line,) = texts(timeline_panel.rows(moment_of(stream), 100, 1))
    assert line.strip() == "█████" + "▃" * 10 + "█" * 11


def test_a_cell_of_the_timeline_shows_what_took_most_of_it() -> None:
    (line,) = texts(timeline_panel.rows(moment_of(streams.connected()), 78, 1))
    assert set(line.strip()) == {"█"}, "the first dial took 2 ms"
    (line,) = texts(timeline_panel.rows(moment_of(failing(30)), 78, 1))
    assert set(line.strip()) == {"▒"}


def test_dials_are_found_by_why_error_and_number() -> None:
    state = moment_of(streams.outage()).state
    found = {
        needle: [dial.id for dial in state.dials if dial_rows.DialSelection().matches(dial, needle)]
        for needle in ("initial", "errno 111", "#3", "3", "reconnect")
    }
    assert found == {"initial": [1], "errno 111": [2, 4], "#3": [3], "3": [3], "reconnect": [2, 3, 4]}


@pytest.mark.parametrize("width", range(58, 82))
@pytest.mark.parametrize("stream", [streams.dialing, streams.cancelled, streams.connected])
def test_no_word_of_the_dials_is_cut(width: int, stream: object) -> None:
    assert callable(stream)
    _, strip, *table = texts(dial_rows.rows(moment_of(stream()), width, 9))
    assert "…" not in strip
    assert not any("…" in line for line in table)


def test_where_a_cancel_came_is_marked() -> None:
    (_, _, _, line, *_) = texts(dial_rows.rows(moment_of(streams.cancelled()), 78, 9))
    assert "✓ ⊘ – – –" in line


def test_the_servers_of_an_outage_have_the_room_there_is() -> None:
    (_, header, _, settled) = texts(outage_panel.rows(moment_of(streams.outage()), 112, 6))
    assert "server before → after" in header
    assert settled.rstrip().endswith("east-1:4222 → east-2:4222")
    (_, header, _, settled) = texts(outage_panel.rows(moment_of(streams.outage()), 78, 6))
    assert header.rstrip().endswith("cause")
    assert settled.rstrip().endswith("eof")


def book_of(*entries: event_panel.Entry) -> event_panel.Book:
    book = event_panel.Book()
    for entry in entries:
        book.add(entry)
    return book


LONG = "attempt 1 on nats://127.0.0.1:4222 failed after 0.31 ms: dial tcp 127.0.0.1:4222: connect: connection refused"


def test_a_bad_line_of_the_log_is_folded_once_and_addresses_are_brief() -> None:
    rows = event_panel.rows(
        book_of(event_panel.Entry("15:06:40.000", LONG, "bad"), event_panel.Entry("15:06:41.000", LONG, "info")), 78, 5
    )
    first, second, third = texts(rows)
    assert first.startswith("15:06:40.000 ✗ attempt 1 on 127.0.0.1:4222 failed")
    assert second.startswith(" " * 15)
    assert second.strip().endswith("connection refused")
    assert third.rstrip().endswith("…")
    assert all(width_of(row) == 78 for row in rows)
    (wide,) = texts(event_panel.rows(book_of(event_panel.Entry("15:06:40.000", LONG, "bad")), 140, 5))
    assert "nats://" in wide


def test_folded_lines_leave_the_newest_in_sight() -> None:
    book = book_of(*(event_panel.Entry("15:06:40.000", f"{n} {LONG}", "bad") for n in range(9)))
    followed = texts(event_panel.rows(book, 78, 5))
    assert followed[-2].startswith("15:06:40.000 ✗ 8 ")
    assert event_panel.fitting(book, 78, 5) == 2
    book.hold(event_panel.fitting(book, 78, 5))
    assert texts(event_panel.rows(book, 78, 5)) == followed[-4:]
    book.scroll(-1, event_panel.fitting(book, 78, 5))
    assert texts(event_panel.rows(book, 78, 5))[0].startswith("15:06:40.000 ✗ 6 ")
    book.scroll(1, event_panel.fitting(book, 78, 5))
    assert book.follow


def test_help_goes_on_beneath_its_beginning() -> None:
    for width in (64, 100):
        lines = [line.plain for line in help_page.page(KEYS, RECORD_KEYS, width)]
        assert max(map(len, lines)) <= width
        continued = [line for line in lines if line.startswith(" " * 12)]
        assert continued
    assert any("⊘ cancelled" in line for line in lines)


def paged(book: event_panel.Book, direction: int) -> set[str]:
    """The entries that have been wholly in sight, from where the book is to the end in that direction."""
    seen: set[str] = set()
    for _ in range(len(book)):
        lines = [line.rstrip() for line in texts(event_panel.rows(book, 78, 9))]
        for line, below in zip(lines, [*lines[1:], ""], strict=True):
            if " · " in line or (" ✗ " in line and below.startswith(" " * 15)):
                seen.add(line[15:].split()[0])
        book.scroll(event_panel.page(book, 78, 9, direction), event_panel.fitting(book, 78, 9))
    return seen


def test_turning_pages_leaves_no_line_out() -> None:
    kinds = ("info", "bad", "bad", "info", "info", "info", "info", "info", "bad", "bad", "bad", "bad")
    every = [f"{n}-{kind}" for n, kind in enumerate(kinds * 6)]
    book = book_of(*(event_panel.Entry("15:06:40.000", f"{name} {LONG}", name.partition("-")[2]) for name in every))
    assert paged(book, -1) == {*every}, "up"
    assert paged(book, 1) == {*every}, "down"
    assert book.follow
