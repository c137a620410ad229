"""Plain log: wall-clock time, two spaces, text."""

import json

import pytest

from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.text.plain_text import printable
from natsmon.tui.panels.event_panel import line_rows
from natsmon.wording.narration import narrate
from natsmon.wording.plain_log import PlainLog


@pytest.mark.usefixtures("far_east")
def test_plain_log_stamps_lines_with_local_wall_time() -> None:
    log = PlainLog()
    log.line(ev.Session(t=0.0, id="x", started=1_795_327_812.1))  # 2026-11-22 06:10:12.1 UTC
    assert log.line(ev.Paused(t=0.003)) == b"2026-11-22 11:40:12.103  publishing paused\n"
    assert log.line(ev.Resumed(t=3.8996)) == b"2026-11-22 11:40:15.999  publishing resumed\n"


@pytest.mark.usefixtures("far_east")
def test_plain_log_and_dashboard_stamp_every_event_alike() -> None:
    log, tracks = PlainLog(), Tracks(narrate)
    session = ev.Session(t=0.0, id="x", started=1_795_327_812.1006)
    events: list[ev.AnyEvent] = [session, *(ev.Paused(t=number / 1000) for number in range(1_000))]
    printed = [line.decode() for event in events if (line := log.line(event)) is not None]
    for event in events:
        tracks.apply(event)
    shown = [line_rows(line, 100)[0] for line in tracks.first.log]
    times = [line[len("2026-11-22 ") :].partition("  ")[0] for line in printed]
    assert times == ["".join(text for text, _ in row).split()[0] for row in shown]
    assert len(set(times)) == 1_000, "events 1 ms apart have times 1 ms apart"


def test_plain_log_has_no_line_for_samples() -> None:
    log = PlainLog()
    assert log.line(ev.Rtt(t=1.0, seconds=0.1)) is None


@pytest.mark.usefixtures("far_east")
def test_plain_log_names_connections_after_the_first() -> None:
    log = PlainLog()
    log.line(ev.Session(t=0.0, id="x", started=1_795_327_812.0))
    log.line(ev.Connection(t=0.0, name="west", conn=3))
    assert log.line(ev.Paused(t=1.0)) == b"2026-11-22 11:40:13.000  publishing paused\n"
    assert log.line(ev.Paused(t=1.0, conn=3)) == b"2026-11-22 11:40:13.000  west: publishing paused\n"


def test_plain_log_shows_times_outside_the_calendar_in_seconds() -> None:
    log = PlainLog()
    log.line(ev.Session(t=0.0, id="x", started=1e18))
    assert log.line(ev.Paused(t=1.0)) == b"1e+18 s after 1970  publishing paused\n"


def test_plain_log_bounds_a_rate_and_a_duration_that_cannot_be() -> None:
    log = PlainLog()
    line = log.line(ev.Connection(t=0.0, subject="a", interval=1e-310))
    assert line is not None
    assert b"1,000,000,000 a second" in line
    line = log.line(ev.Outage(t=1.0, outage=1, began=-1e308, ended=1e308, cause="eof"))
    assert line is not None
    assert b"outage of 105850d00h" in line


@pytest.mark.usefixtures("far_east")
def test_plain_log_shows_when_messages_stop_being_delivered_and_when_they_are_again() -> None:
    log = PlainLog()
    events: list[ev.AnyEvent] = [
        ev.Session(t=0.0, id="x", started=1_795_327_812.0),
        ev.Connection(t=0.0, subject="hello", interval=1.0),
        ev.Connected(t=0.0, server="nats://a:4222"),
        ev.StatusChanged(t=0.0, status="CONNECTED", previous="CONNECTING"),
        *(ev.Tally(t=float(t), attempted=t, sent=t, in_flight=1, undelivered=t - 1) for t in range(1, 9)),
        *(ev.Tally(t=float(t), attempted=t, sent=t, delivered=t - 8, undelivered=8) for t in range(9, 90)),
    ]
    lines = b"".join(filter(None, map(log.line, events))).decode().splitlines()
    texts = [line.partition("  ")[2] for line in lines]
    assert texts[2].startswith("NOT DELIVERING: ")
    assert texts[3] == "messages are delivered again; 8 of 9 did not come back in the last minute"
    assert texts[4:] == ["all messages are delivered again"]


def test_plain_log_shows_no_health_of_a_connection_that_was_just_lost() -> None:
    log = PlainLog()
    for event in (
        ev.Connection(t=0.0, subject="hello", interval=1.0),
        ev.StatusChanged(t=0.0, status="CONNECTED", previous="CONNECTING"),
        ev.Tally(t=0.5, attempted=2, sent=2, undelivered=1),
    ):
        log.line(event)
    line = log.line(ev.Disconnected(t=9.0, outage=1, cause="eof", server="nats://a:4222"))
    assert line is not None
    assert line.count(b"\n") == 1


def test_plain_log_is_utf8_without_colour() -> None:
    line = PlainLog().line(ev.AsyncError(t=0.0, text="grün \x1b[31m\nrot \udcff\u202e"))
    assert line is not None
    assert line.decode().endswith("grün \\x1b[31m\\nrot \\udcff\\u202e\n")


@pytest.mark.usefixtures("far_east")
def test_log_for_collectors_is_logfmt_or_json() -> None:
    def lines(log: PlainLog) -> list[str]:
        log.line(ev.Session(t=0.0, id="x", started=1_795_327_812.1))
        log.line(ev.Connection(t=0.0, name="a \x1b=b"))
        line = log.line(ev.AsyncError(t=0.003, text='no "route"'))
        assert line is not None
        return line.decode().splitlines()

    (output,) = lines(PlainLog("logfmt"))
    assert output.startswith(
        'time=2026-11-22T06:10:12.103Z level=error event=async_error conn=0 name="a \\\\x1b=b" msg="'
    )
    assert output.endswith('no \\"route\\""')
    (output,) = lines(PlainLog("json"))
    fields = json.loads(output)
    assert fields["msg"].endswith('no "route"')
    assert {name: fields[name] for name in ("time", "level", "event", "conn", "name")} == {
        "time": "2026-11-22T06:10:12.103Z", "level": "error", "event": "async_error", "conn": 0, "name": "a \\x1b=b",
    }  # fmt: skip


def test_log_omits_lines_below_its_level() -> None:
    log = PlainLog(level="warn")
    assert log.line(ev.Resumed(t=1.0)) is None
    assert log.line(ev.AsyncError(t=1.0, text="x")) is not None


def test_log_omits_single_messages_unless_asked_for() -> None:
    message = ev.Published(t=1.0, seq=1, outcome="sent")
    assert PlainLog(messages=False).line(message) is None
    assert PlainLog().line(message) is not None


def test_printable_escapes_invisible_characters() -> None:
    for char in "\u00ad\u200b\u200e\u200f\u2060\u2061\u2062\u2063\u2064\ufeff\u202e\u2066\u061c":
        escape = f"\\u{ord(char):04x}" if ord(char) > 0xFF else f"\\x{ord(char):02x}"
        assert printable(f"orders{char}.new") == f"orders{escape}.new"


def test_printable_keeps_joiners_of_emoji_and_scripts() -> None:
    for text in ("👩\u200d💻 👩🏽\u200d🚀 🏳️\u200d🌈", "می\u200cخواهم", "क्\u200dष", "ශ්\u200dරී"):
        assert printable(text) == text
    assert printable("east\u200d-1 \u200cx") == r"east\u200d-1 \u200cx"
    for hidden in ("x\u200b\u200dy", "x\u202e\u200cy", "\u200d\u200d"):
        assert printable(hidden).isascii()


def test_printable_escapes_control_characters() -> None:
    assert printable("a\tb\r\n\x07\x7f\x9b\u2028é漢🙂") == r"a\tb\r\n\x07\x7f\x9b\u2028é漢🙂"
