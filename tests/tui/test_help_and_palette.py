"""The help and its search, and the command palette."""

import pytest
from rich.style import Style
from textual.command import CommandList, CommandPalette
from textual.events import Click

from natsmon.charts.cells import text_of
from natsmon.stream import commands
from natsmon.tui.widgets.panel import Panel
from tests.tui import streams
from tests.tui.driven import driven, find_by_name, run_by_name
from tests.tui.fakes import FakeDemo


async def test_search_of_the_help_finds_words_on_two_lines() -> None:
    async with driven(streams.connected(), size=(80, 24)) as drive:
        await drive.press("question_mark", "slash", *"notices, steps", "enter")
        rows = [text_of(row).rstrip() for row in drive.app.screen.query_one("Sheet", Panel)._rows]
        assert rows[0].startswith("u 3")
        assert rows[1].strip().startswith("duck notices, steps")
        assert len(rows) == 2


async def test_help_is_searched() -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("question_mark", "slash", *"lame", "enter")
        sheet = drive.app.screen.query_one("Sheet", Panel)
        rows = [text_of(row) for row in sheet._rows]
        assert any("sends clients away" in row for row in rows)
        assert all("lame" in row.casefold() for row in rows)
        assert drive.source.sent_commands == []


async def test_help_opens_and_closes() -> None:
    async with driven(streams.connected(), size=(80, 24)) as drive:
        for close in ("escape", "q"):
            await drive.press("question_mark")
            assert drive.app.screen.name == "help"
            await drive.press(close)
            assert drive.app.screen is drive.app.screen_stack[0]
        assert drive.source.sent_commands == []


async def test_palette_has_every_action() -> None:
    async with driven(streams.connected(), demo=FakeDemo()) as drive:
        titles = [command.title for command in drive.app.get_system_commands(drive.app.screen)]
        wanted = ("Cancel", "Reconnect", "Next", "Pause", "Drain", "Cause", "Filter", "Hold", "Help", "Quit", "Theme")
        for name in wanted:
            assert any(title.startswith(name) for title in titles), name
        command = next(c for c in drive.app.get_system_commands(drive.app.screen) if c.title.startswith("Drain"))
        await command.callback()
        await command.callback()
        assert drive.source.sent_commands == [commands.Drain()]
        await drive.press("ctrl+p")
        assert isinstance(drive.app.screen, CommandPalette)
        await drive.press("escape")


@pytest.mark.parametrize("key", ["o", "s", "enter"])
async def test_palette_runs_actions_on_a_page(key: str) -> None:
    async with driven(streams.countdown()) as drive:
        await drive.press(key)
        page = drive.app.screen
        assert page is not drive.app.screen_stack[0]
        await run_by_name(drive.app, drive.pilot, "Cancel the dial")
        assert drive.source.sent_commands == [commands.Cancel()]
        assert drive.app.screen is page
        await run_by_name(drive.app, drive.pilot, "Theme")
        assert isinstance(drive.app.screen, CommandPalette)
        await drive.press("escape")
        assert drive.app.screen is page
        await drive.press("escape")
        assert drive.app.screen is drive.app.screen_stack[0]


async def test_second_enter_at_once_closes_no_more_than_the_palette() -> None:
    async with driven(streams.connected()) as drive:
        for keys in ("", "o"):
            await drive.press(*keys, "ctrl+p", *"pause")
            await drive.together("enter", "enter")
            assert drive.app.screen is drive.app.screen_stack[len(keys)]


async def test_second_enter_at_once_does_not_run_a_command_again() -> None:
    async with driven(streams.connected()) as drive:
        await find_by_name(drive.app, drive.pilot, "Pause")
        await drive.together("enter", "enter")
        assert drive.source.sent_commands == [commands.Pause()]


async def test_no_page_opens_over_the_palette() -> None:
    async with driven(streams.connected()) as drive:
        await drive.together("j", "enter", "ctrl+p", "ctrl+p")
        assert isinstance(drive.app.screen, CommandPalette)
        await drive.together("escape", "ctrl+p", "escape")
        assert drive.app.screen is drive.app.screen_stack[0]


async def test_click_on_a_command_that_is_no_longer_listed_does_nothing() -> None:
    async with driven(streams.connected()) as drive:
        await find_by_name(drive.app, drive.pilot, "Pause")
        listed = drive.app.screen.query_one(CommandList)
        listed.clear_options()  # as a search that begins; the screen still shows what it found
        click = Click(listed, 1, 0, 0, 0, 1, False, False, False, style=Style(meta={"option": 0}))
        listed.post_message(click)
        await drive.settle()
        assert drive.source.sent_commands == []
        await drive.press("escape")
        assert drive.app.screen is drive.app.screen_stack[0]
