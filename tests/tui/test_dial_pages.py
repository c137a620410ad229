"""The focus, the cursor, and the pages that open over the dashboard, driven by keys and clicks."""

import subprocess
import sys
from unittest import mock

import pytest
from textual.events import MouseScrollDown

from natsmon.charts.cells import text_of
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.tui.app import NatsmonApp
from natsmon.tui.widgets.list_panel import RecordTable
from natsmon.tui.widgets.panel import Panel
from tests.tui import dial_streams, streams
from tests.tui.drawn import text_on
from tests.tui.driven import driven
from tests.tui.pages import bar_of, on_top, page_of, title_of


async def test_tab_moves_the_keys_to_the_dials_and_back() -> None:
    async with driven(streams.outage(), size=(80, 24)) as drive:
        before = drive.shown("dials")
        await drive.press("up")
        assert "held" in drive.title("events"), "the keys move in the events until the dials have the focus"
        await drive.press("end", "tab")
        assert "▸" not in drive.shown("dials")
        await drive.press("down")
        assert drive.title("dials") == "dials · 1 of 4"
        await drive.press("down", "down")
        assert drive.title("events") == "events"
        assert drive.title("dials").startswith("dials · 3 of 4")
        assert next(line for line in drive.shown("dials").splitlines() if "▸" in line).split()[1] == "2"
        await drive.press("end")
        assert drive.title("dials").startswith("dials · 4 of 4")
        await drive.press("pageup", "home")
        assert drive.title("dials").startswith("dials · 1 of 4")
        await drive.press("escape", "tab")
        assert drive.shown("dials") == before
        assert drive.title("dials") == "dials"
        await drive.press("up")
        assert "held" in drive.title("events")


async def test_cursor_has_room_on_the_smallest_screen() -> None:
    async with driven(streams.outage(), size=(60, 16)) as drive:
        assert "connection refused" not in drive.shown("dials")
        await drive.press("tab", "down", "down")
        now, _, marked = drive.shown("dials").splitlines()
        assert "next dial" in now
        assert "▸" in marked


@pytest.mark.parametrize("back", ["escape", "q"])
async def test_enter_opens_the_dial_under_the_cursor(back: str) -> None:
    async with driven(dial_streams.secured()) as drive:
        await drive.press("tab", "down", "down", "enter")
        assert on_top(drive) == "dial"
        assert title_of(drive).startswith("dial 1")
        assert "✗ failed at tcp" in page_of(drive)
        assert "nothing listens on that port" in page_of(drive)
        await drive.press(back)
        assert on_top(drive) == "dashboard"
        assert drive.title("dials").startswith("dials · 2 of 2"), "the focus and the mark are where they were"


async def test_page_of_a_dial_shows_what_arrives_later() -> None:
    stream = dial_streams.looked_at_twice()
    finding = stream.events.pop()
    async with driven(stream) as drive:
        await drive.press("enter")
        assert "second look" not in page_of(drive)
        await drive.emit(finding)
        assert "second look" in page_of(drive)


async def test_enter_without_focus_opens_the_newest_dial() -> None:
    async with driven(dial_streams.secured()) as drive:
        await drive.press("enter")
        assert title_of(drive).startswith("dial 2")
        assert "TLS_AES_256_GCM_SHA384" in page_of(drive)
    async with driven(streams.Stream()) as drive:
        await drive.press("enter")
        assert on_top(drive) == "dashboard", "there is no dial to open yet"


async def test_click_opens_the_dial_it_is_on() -> None:
    async with driven(streams.outage()) as drive:
        line = next(n for n, text in enumerate(drive.shown("dials").splitlines()) if text.startswith("     2 "))
        await drive.pilot.click("#dials", offset=(30, line + 1))
        await drive.settle()
        assert title_of(drive).startswith("dial 2")
        await drive.press("escape")
        await drive.pilot.click("#dials", offset=(30, 1))
        await drive.settle()
        assert on_top(drive) == "dashboard"


async def test_wheel_moves_the_cursor_where_the_focus_is() -> None:
    async with driven(streams.outage()) as drive:
        table = drive.app._dashboard.dials
        table.post_message(_wheel(table))
        await drive.settle()
        assert "▸" not in drive.shown("dials")
        await drive.press("tab", "down")
        table.post_message(_wheel(table))
        await drive.settle()
        assert drive.title("dials").startswith("dials · 2 of 4")


def _wheel(panel: Panel) -> MouseScrollDown:
    return MouseScrollDown(panel, 5, 5, 0, 1, 0, False, False, False)


async def test_left_and_right_open_the_neighbours_in_the_table() -> None:
    older, newer = "left", "right"
    async with driven(streams.outage()) as drive:
        await drive.press("tab", "down", "enter")
        assert title_of(drive).startswith("dial 4")
        await drive.press(newer)
        assert "there is no dial after this one yet" in bar_of(drive)
        await drive.press(older, older)
        assert title_of(drive).startswith("dial 2")
        await drive.press(newer)
        assert title_of(drive).startswith("dial 3")
        await drive.press(older, older, older)
        assert title_of(drive).startswith("dial 1")
        assert "there is no dial before this one" in bar_of(drive)
        await drive.press("escape")
        assert drive.title("dials").startswith("dials · 4 of 4"), "the mark moved along"


async def test_long_page_scrolls() -> None:
    async with driven(dial_streams.secured(), size=(80, 24)) as drive:
        await drive.press("enter")
        assert "lines 1-20 of" in title_of(drive)
        await drive.press("down")
        assert "lines 2-21 of" in title_of(drive)
        await drive.press("pagedown")
        assert "lines 21-40 of" in title_of(drive)
        await drive.press("end")
        assert page_of(drive).splitlines()[-1].split() == ["version", "2.15.0"]
        await drive.press("pageup", "home")
        assert page_of(drive).startswith("tls://east-1.example.com:4222")
        await drive.press("end", "left", "right")
        assert page_of(drive).startswith("tls://east-1.example.com:4222"), "another dial is read from its top"


async def test_dial_under_way_is_followed_to_its_end_and_can_be_cancelled() -> None:
    async with driven(dial_streams.under_way()) as drive:
        await drive.press("enter")
        assert "◐ dialing at tcp  655 ms" in page_of(drive)
        await drive.tick(1)
        assert "1.65 s of 5 s" in page_of(drive)
        await drive.press("c")
        assert drive.source.sent_commands == [commands.Cancel()]
        await drive.emit(ev.DialEnd(t=drive.source.t, dial=1, outcome="cancelled", stage="tcp", total=1.7))
        assert "⊘ cancelled at tcp after 1.70 s" in page_of(drive)
        assert "1 of 1" not in drive.title("dials")
        await drive.press("escape")
        assert "cancelled" in drive.shown("dials"), "the dashboard is up to date as soon as it is seen"


async def test_finding_after_the_end_of_a_dial_appears_on_its_page() -> None:
    async with driven(dial_streams.looked_at_twice()) as drive:
        await drive.press("enter")
        certificate = dial_streams.certificate(days=3)
        await drive.emit(ev.DialTls(t=drive.source.t, dial=1, chain=[certificate], trusted=False))
        assert "not trusted" in page_of(drive)


async def test_nothing_is_painted_on_a_page_when_nothing_changed() -> None:
    async with driven(dial_streams.secured()) as drive:
        await drive.press("enter")
        with mock.patch.object(Panel, "refresh") as painted:
            for _ in range(20):
                drive.app.viewed.revision += 1
                drive.app.draw()
        assert not painted.called


async def test_commands_on_a_page_are_answered_there() -> None:
    async with driven(dial_streams.secured()) as drive:
        await drive.press("s", "p")
        (sent,) = drive.source.sent
        await drive.emit(ev.Answer(t=drive.source.t, id=sent.id, command="pause"))
        assert "pause: done" in bar_of(drive)
        await drive.press("d", "d")
        assert drive.source.sent_commands == [commands.Pause(), commands.Drain()]
        await drive.press("n")
        assert "connected: there is no dial to skip" in bar_of(drive)


async def test_f_holds_what_a_page_shows() -> None:
    async with driven(dial_streams.under_way()) as drive:
        await drive.press("enter", "f")
        await drive.tick(1)
        assert "655 ms" in page_of(drive)
        await drive.press("f")
        assert "1.65 s" in page_of(drive)


async def test_refused_certificate_is_on_the_page_of_every_dial_that_refused_it() -> None:
    stream = dial_streams.expired_certificate()
    stream.start_dial(dial_streams.URL).stage("tls", 0.01, "failed")
    stream.end_dial("failed", "tls", "tls_expired", "certificate has expired")
    async with driven(stream) as drive:
        await drive.press("enter")
        assert title_of(drive).startswith("dial 2")
        assert "As fetched after dial 1" in page_of(drive)
        assert "expired 3 days ago" in page_of(drive)


async def test_status_stays_in_sight_on_a_page() -> None:
    async with driven(dial_streams.secured()) as drive:
        for key in ("enter", "s"):
            await drive.press(key)
            status = drive.app.screen.query_one("#status", Panel)
            assert "● CONNECTED" in text_of(status._rows[0])
            await drive.press("escape")
        await drive.press("enter")
        t = drive.source.t
        await drive.emit(
            ev.Disconnected(t=t, outage=1, cause="eof", server="east-1:4222"),
            ev.StatusChanged(t=t, status="RECONNECTING", previous="CONNECTED", cause="eof"),
        )
        status = drive.app.screen.query_one("#status", Panel)
        assert "RECONNECTING" in text_of(status._rows[0])
        assert "lost 15:06:" in text_of(status._rows[1])


@pytest.mark.parametrize("on_top_of_it", [(), ("question_mark",)])
async def test_page_of_a_dial_closes_with_its_session(on_top_of_it: tuple[str, ...]) -> None:
    stream = streams.outage()
    async with driven(stream) as drive:
        await drive.press("tab", "down", "down", "enter", *on_top_of_it)
        await drive.emit(ev.Session(t=0.0, id="s2", started=streams.STARTED + 500.0))
        assert on_top(drive) == "dashboard"
        await drive.emit(*stream.events[1:])
        dials = drive.app.query_one(RecordTable).records
        assert dials.current() is drive.app.viewed.state.dials[-1]


async def test_r_on_the_page_of_a_dial_starts_the_monitor_again_and_closes_the_page() -> None:
    async with driven(dial_streams.secured(), ends=True) as drive:
        await drive.press("enter", "r")
        assert drive.source.starts == 2
        assert on_top(drive) == "dashboard"
        assert "starting the monitor again" in [line.text for _, line in drive.app.viewed.window.newest(99)]


async def test_r_on_another_page_starts_the_monitor_again_and_the_page_stays() -> None:
    async with driven(streams.outage(), ends=True) as drive:
        await drive.press("o", "down", "r")
        assert drive.source.starts == 2
        assert on_top(drive) == "outages"
        assert "15:08:42" in text_on(drive.app.screen.query_one("#outages-table", Panel))


async def test_filter_applies_to_the_dials_while_they_have_the_focus() -> None:
    async with driven(streams.outage()) as drive:
        events = drive.shown("events")
        await drive.press("tab", "slash", *"refused")
        assert drive.source.sent_commands == []
        assert drive.title("dials") == "dials · “refused” 2 of 4"
        assert drive.shown("events") == events
        await drive.press("enter", "down")
        assert drive.title("dials") == "dials · “refused” 2 of 4 · 1 of 2"
        await drive.press("enter", "left")
        assert title_of(drive).startswith("dial 2"), "the dials that are not listed are left out"
        await drive.press("escape", "escape")
        assert drive.title("dials") == "dials · “refused” 2 of 4", "the mark goes first"
        await drive.press("escape")
        assert drive.title("dials") == "dials"


async def test_each_pane_has_its_own_filter() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("slash", *"next", "tab")
        await drive.press("tab", "slash", *"east-2", "enter")
        assert drive.title("events") == "events · “next”"
        assert "“east-2”" in drive.title("dials")
        await drive.press("slash", "escape")
        assert "“" not in drive.title("dials")
        assert drive.title("events") == "events · “next”"
        await drive.press("escape")
        assert drive.title("events") == "events"


async def test_servers_are_a_page_and_on_a_wide_screen_a_panel() -> None:
    async with driven(dial_streams.secured()) as drive:
        assert not drive.app.query_one("#servers").display
        await drive.press("s")
        assert on_top(drive) == "servers"
        assert "ORDERS" in page_of(drive)
        assert "● east-1 " in page_of(drive)
        t = drive.source.t
        await drive.emit(
            ev.Pool(
                t=t,
                changed=[ev.PoolMember(server="nats://west:4222", discovered=True)],
                removed=["tls://east-2.example.com:4222", "tls://192.0.2.20:4222"],
            )
        )
        assert "west:4222" in page_of(drive)
        await drive.press("escape")
        await drive.pilot.resize_terminal(200, 40)
        await drive.settle()
        assert "west:4222" in drive.shown("servers")


async def test_colours_of_a_page_follow_the_theme() -> None:
    async with driven(dial_streams.secured()) as drive:
        await drive.press("enter")
        sheet = drive.app.screen.query_one("Sheet", Panel)
        segments = sheet.render_line(1)._segments
        assert len({str(segment.style) for segment in segments}) > 1


async def test_hostile_text_is_escaped_on_a_page() -> None:
    async with driven(dial_streams.hostile_dial(), size=(80, 24)) as drive:
        await drive.press("tab", "end", "enter")
        for _ in range(30):
            await drive.pilot.press("pagedown")
        await drive.press("end")
        assert "\x1b" not in page_of(drive)
        await drive.press("escape", "s", "end", "escape")
        assert isinstance(drive.app, NatsmonApp)
        assert drive.app.is_running


def test_pages_are_not_loaded_before_they_are_opened() -> None:
    seen = "import sys, natsmon.tui.app; print([m for m in sys.modules if m.startswith('natsmon.tui.')])"
    done = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True)
    loaded = [name for name in done.stdout.split("'") if name.startswith("natsmon.tui.pages.")]
    assert sorted(loaded) == ["natsmon.tui.pages.dashboard", "natsmon.tui.pages.pane_screen"]
