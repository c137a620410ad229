"""What is typed in the place of the key bar: who loses the focus meanwhile is typed into no more, and closes."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.events import AppBlur, AppFocus

from natsmon.tui.pages.pane_screen import PaneScreen
from natsmon.tui.widgets.list_panel import RecordTable
from natsmon.tui.widgets.prompt import Prompt
from tests.replay.indexed import EVENTS, written
from tests.tui import streams
from tests.tui.driven import Driven, driven
from tests.tui.pages import on_top
from tests.tui.played import played


def gone(drive: Driven) -> bool:
    screen = drive.app.screen
    assert isinstance(screen, PaneScreen)
    return not screen.query(Prompt) and screen.keybar.display


async def click_the_events(drive: Driven) -> None:
    await drive.pilot.click("#events", offset=(5, 2))


async def click_a_dial(drive: Driven) -> None:
    await drive.pilot.click("#dials", offset=(5, 5))
    await drive.settle()
    assert on_top(drive) == "dial"
    await drive.press("escape")


async def shrink_and_grow(drive: Driven) -> None:
    for size in ((50, 12), (120, 36)):
        await drive.pilot.resize_terminal(*size)
        await drive.settle()


async def press_tab(drive: Driven) -> None:
    await drive.press("tab")


@pytest.mark.parametrize("take", [click_the_events, click_a_dial, shrink_and_grow, press_tab])
async def test_confirmed_filter_stays_and_letters_are_keys_again(take: Callable[[Driven], Awaitable[None]]) -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("slash", *"con")
        await take(drive)
        await drive.settle()
        assert gone(drive)
        assert drive.app.viewed.window.needle == "con"
        assert drive.source.sent_commands == []


@pytest.mark.parametrize(
    ("open_page", "keys"),
    [
        ((), ("slash",)),
        (("o",), ("slash",)),
        ((), ("o", "slash")),
        (("enter",), ("escape", "slash")),
        (("question_mark",), ("escape", "slash")),
    ],
    ids=" ".join,
)
async def test_letters_typed_with_the_slash_are_not_commands(open_page: tuple[str, ...], keys: tuple[str, ...]) -> None:
    async with driven(streams.outage()) as drive:
        await drive.press(*open_page)
        await drive.together(*keys, *"cdnkq")
        assert drive.source.sent_commands == []
        screen = drive.app.screen
        assert screen.query_one(Prompt).value == "cdnkq"
        assert screen.query_one(Prompt).region.bottom == drive.app.size.height, "it stands where the key bar does"
        pane = screen.query_one(RecordTable) if on_top(drive) == "outages" else drive.app.viewed.window
        assert pane.needle == "cdnkq"
        await drive.together("x", "enter")
        assert gone(drive)
        assert pane.needle == "cdnkqx"


async def test_filter_cancelled_at_once_is_removed() -> None:
    async with driven(streams.outage()) as drive:
        await drive.together("slash", *"con", "escape", "d")
        assert gone(drive)
        assert drive.app.viewed.window.needle == ""
        assert drive.source.sent_commands == []


async def test_terminal_too_small_shows_a_notice_while_a_filter_is_typed() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("slash", "c", "enter")
        await drive.pilot.resize_terminal(50, 10)
        await drive.settle()
        assert not drive.app.query_one("#keybar").display
        notice = drive.app.query_one("_Notice")
        assert notice.region.y == 0
        assert notice.region.height > 1
        await drive.pilot.resize_terminal(80, 24)
        await drive.settle()
        assert gone(drive)


async def test_prompt_that_lost_the_focus_does_not_take_it_back() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("tab", "slash", "x")
        await click_the_events(drive)
        await drive.settle()
        assert gone(drive)
        assert drive.app.focused is drive.app.query_one("#events")
        await drive.press("slash", *"con")
        assert drive.app.viewed.window.needle == "con"
        await drive.press("escape")
        assert gone(drive)
        assert drive.app.focused is drive.app.query_one("#events")


async def test_click_ends_the_prompt_on_the_page_of_the_outages() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("o", "slash", "f")
        await drive.pilot.click("#outages-table", offset=(60, 20))
        await drive.settle()
        assert on_top(drive) == "outages"
        assert gone(drive)
        await drive.press("escape", "escape")
        assert on_top(drive) == "dashboard"


async def test_terminal_that_regains_focus_returns_it_to_the_prompt() -> None:
    async with driven(streams.outage()) as drive:
        await drive.press("slash", "c")
        drive.app.post_message(AppBlur())
        await drive.settle()
        drive.app.post_message(AppFocus())
        await drive.settle()
        await drive.press("o")
        assert drive.app.viewed.window.needle == "co"
        drive.app.post_message(AppBlur())
        await drive.settle()
        await shrink_and_grow(drive)
        drive.app.post_message(AppFocus())
        await drive.settle()
        assert gone(drive)


async def test_time_that_is_not_confirmed_does_not_seek(tmp_path: Path) -> None:
    async with played(written(tmp_path / "run.jsonl", EVENTS)) as replay:
        await replay.press("t")
        await replay.type("#30")
        await replay._pilot.click("#events", offset=(5, 2))
        await replay.settle()
        assert not replay.app.screen.query(Prompt)
        assert replay.app.query_one("#keybar").display
        assert replay.player.number != 30
        await replay.press("t")
        await replay.type("#31")
        await replay.press("enter")
        assert replay.player.number == 31
