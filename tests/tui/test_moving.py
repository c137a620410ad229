"""Moving between pages and rows: pages from anywhere, marks, and clicks on rows."""

import gc

import pytest
from textual._styles_cache import StylesCache

from natsmon.charts.cells import text_of
from natsmon.stream import commands
from natsmon.tui.widgets.panel import Panel
from tests.tui import streams
from tests.tui.driven import driven


@pytest.mark.parametrize("key", ["o", "2", "u", "3", "l", "4", "s", "5", "question_mark"])
@pytest.mark.parametrize("before", ["", "enter", "o", "l"])
async def test_every_page_is_reached_from_any_page(before: str, key: str) -> None:
    name = {"o": "outages", "2": "outages", "u": "upgrade", "3": "upgrade", "l": "latency", "4": "latency"}
    name |= {"s": "servers", "5": "servers", "question_mark": "help"}
    async with driven(streams.outage()) as drive:
        await drive.press(*([before] if before else []), key)
        assert drive.app.screen.name == name[key]
        await drive.press("1")
        assert drive.app.screen.name == "dashboard"
        assert drive.source.sent_commands == []


async def test_closed_pages_are_freed() -> None:
    """But for the newest, which may be drawn once more while it is closed."""

    def kept() -> int:
        gc.collect()
        return sum(isinstance(each, StylesCache) for each in gc.get_objects())

    async with driven(streams.outage()) as drive:
        await drive.press("o", "enter", "1", "ctrl+p", "escape")
        before = kept()
        for _ in range(8):  # of some 20 each
            await drive.press("o", "enter", "l", "question_mark", "1", "ctrl+p", "escape")
        assert kept() - before < 40


async def test_q_goes_back_on_a_page_and_quits_on_the_dashboard() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("o", "enter", "q")
        assert drive.app.screen.name == "outages"
        await drive.press("q")
        assert drive.app.screen.name == "dashboard"
        assert drive.source.sent_commands == []
        await drive.press("q")
        assert drive.source.sent_commands == [commands.Close()]


async def test_capital_q_quits_from_a_page() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("o", "Q")
        assert drive.source.sent_commands == [commands.Close()]


async def test_y_copies_the_cursor_row_and_confirms() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("k", "k", "y")
        assert "copied 1 line" in drive.shown("keybar")
        assert "attempt 1 on east-2 failed" in drive.app.clipboard
        await drive.press("escape", "tab", "j", "v", "j", "v", "y")
        assert "copied 2 lines" in drive.shown("keybar")
        first, second = drive.app.clipboard.splitlines()
        assert "dial 4 " in first
        assert "dial 3 " in second
        await drive.press("o", "y")
        assert "PINGs not answered" in drive.app.clipboard
        await drive.press("l", "y")
        assert "PING to PONG" in drive.app.clipboard


@pytest.mark.parametrize("key", ["z", "escape"])
async def test_z_enlarges_the_focused_panel_and_z_or_escape_ends_it(key: str) -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("tab", "z")
        assert drive.app.query_one("#dials").size.height > 20
        assert not drive.app.query_one("#events").size.height
        assert drive.app.query_one("#status").size.height
        await drive.press(key)
        assert drive.app.query_one("#events").size.height
        assert drive.app.query_one("#dials").size.height < 20


async def test_enter_opens_the_newest_dial_after_another_one_was_looked_at() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("enter", "left", "escape", "enter")
        assert "dial 4" in str(drive.app.screen.query_one("Sheet", Panel).border_title)


async def test_mark_is_visible_and_escape_and_end_remove_it() -> None:
    async with driven(streams.outage()) as drive:
        events = drive.app._dashboard.events
        for remove in ("escape", "end", "G"):
            await drive.press("k")
            assert len(events.lit) > 0
            lit = events.render_line(min(events.lit))._segments[0].style
            dark = events.render_line(0)._segments[0].style
            assert lit is not None
            assert dark is not None
            assert lit.bgcolor != dark.bgcolor
            await drive.press(remove)
            assert len(events.lit) == 0
        await drive.press("tab", "j")
        assert "▸" in drive.shown("dials")
        await drive.press("escape")
        assert "▸" not in drive.shown("dials")


async def test_enter_opens_a_marked_event_in_full() -> None:
    async with driven(streams.outage(), size=(80, 24)) as drive:
        await drive.press("k", "k", "enter")
        assert drive.app.screen.name == "event"
        await drive.press("escape")
        assert drive.app.screen.name == "dashboard"


async def test_enter_opens_the_marked_event_not_a_selected_one() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("k", "v", "k", "k", "enter")
        marked = drive.app.viewed.window.current()
        assert marked is not None
        opened = drive.app.screen.query_one("Sheet", Panel)
        assert marked[1].text[:30] in "\n".join(text_of(row) for row in opened._rows)


async def test_click_on_an_event_marks_it_and_a_second_opens_it() -> None:
    async with driven(streams.outage()) as drive:
        line = next(n for n, text in enumerate(drive.shown("events").splitlines()) if "1 lost, 2 buffered" in text)
        for _ in range(2):
            assert drive.app.screen.name == "dashboard"
            await drive.pilot.click("#events", offset=(30, line + 1))
            await drive.settle()
        assert "1 lost, 2 buffered" in "\n".join(text_of(r) for r in drive.app.screen.query_one("Sheet", Panel)._rows)
        await drive.press("escape")
        marked = drive.app.viewed.window.current()
        assert marked is not None
        assert "1 lost, 2 buffered" in marked[1].text


async def test_click_on_the_headline_opens_the_servers() -> None:
    async with driven(streams.outage()) as drive:
        await drive.pilot.click("#status", offset=(30, 0))
        await drive.settle()
        assert drive.app.screen.name == "servers"
