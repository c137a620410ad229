"""The plain log: a stamp of the wall clock, two spaces, a line."""

import pytest

from natsmon.stream import events as ev
from natsmon.text.plain_text import printable
from natsmon.wording.plain_log import Plain


@pytest.mark.usefixtures("far_east")
def test_stamps_are_local_and_follow_the_streams_clock() -> None:
    plain = Plain()
    plain.line(ev.Session(t=0.0, id="x", started=1_795_327_812.1))  # 2026-11-22 06:10:12.1 UTC
    assert plain.line(ev.Paused(t=0.003)) == b"2026-11-22 11:40:12.103  publishing paused\n"
    assert plain.line(ev.Resumed(t=3.8996)) == b"2026-11-22 11:40:16.000  publishing resumed\n"


def test_what_needs_no_line_has_none() -> None:
    plain = Plain()
    assert plain.line(ev.Rtt(t=1.0, seconds=0.1)) is None
    assert plain.line(ev.Paused(t=1.0, conn=3)) is None


def test_a_day_in_no_calendar_is_no_crash() -> None:
    assert Plain().line(ev.Paused(t=1e300)) == b"t = 1e+300 s  publishing paused\n"
    for started in (1e308, -1e308):
        plain = Plain()
        plain.line(ev.Session(t=0.0, id="x", started=started))
        assert plain.line(ev.Paused(t=1.0)) == b"t = 1 s  publishing paused\n"


def test_figures_that_no_counter_shows_are_no_crash() -> None:
    plain = Plain()
    told = plain.line(ev.Session(t=0.0, id="x", started=1.0, subject="a", interval=1e-310))
    assert told is not None
    assert b"1,000,000,000 a second" in told
    told = plain.line(ev.Outage(t=1.0, began=-1e308, ended=1e308, cause="eof"))
    assert told is not None
    assert b"outage of 2540400h00m00s" in told


def test_the_line_is_utf8_without_colour() -> None:
    line = Plain().line(ev.AsyncError(t=0.0, text="grün \x1b[31m\nrot \udcff\u202e"))
    assert line is not None
    assert line.decode().endswith("grün \\x1b[31m\\nrot \\udcff\\u202e\n")


def test_printable_shows_what_could_act() -> None:
    assert printable("a\tb\r\n\x07\x7f\x9b\u2028é漢🙂") == r"a\tb\r\n\x07\x7f\x9b\u2028é漢🙂"
