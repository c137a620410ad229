"""The keys of a replay: through time, from outage to outage, to a place, and on pages."""

from pathlib import Path

import pytest
from textual.command import CommandPalette

from natsmon.tui.pages.page import Page, RecordPage
from natsmon.tui.widgets.panel import Panel
from tests.tui.drawn import text_on
from tests.tui.driven import run_by_name
from tests.tui.pictures import SIZES
from tests.tui.played import played


async def test_space_plays_and_pauses_and_plus_changes_the_speed(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.wait(5.0)
        assert replay.player.at == 0.0
        await replay.press("space", "plus", "plus")
        await replay.wait(4.0)
        assert replay.player.at == pytest.approx(20.0)
        assert "▶    5×" in replay.shown("replay")
        await replay.press("minus", "space")
        await replay.wait(4.0)
        assert replay.player.at == pytest.approx(20.0)
        assert "‖    2×" in replay.shown("replay")


async def test_keys_step_by_event_outage_and_edge(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("right_square_bracket")
        assert "RECONNECTING" in replay.shown("status")
        assert "outage 1 of" in replay.shown("replay")
        number = replay.player.number
        await replay.press("full_stop", "full_stop", "comma")
        assert replay.player.number == number + 1
        await replay.press("left_square_bracket")
        assert replay.player.number == number
        await replay.press("left_square_bracket")
        assert replay.shown("keybar").startswith("there is no outage before this")
        await replay.press("right_curly_bracket")
        assert replay.player.at_end
        await replay.press("right_square_bracket")
        assert replay.shown("keybar").startswith("there is no further outage")
        assert "session 3 of 3" in replay.shown("replay")
        await replay.press("left_curly_bracket", "shift+right", "right", "left")
        assert replay.player.at == pytest.approx(replay.player.index.length / 10)


async def test_typed_place_is_sought(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("t")
        await replay.type("#30")
        assert replay.player.number != 30
        await replay.press("enter")
        assert (replay.player.number, replay.app.query_one("#keybar").display) == (30, True)
        await replay.press("t")
        await replay.type("+1")
        await replay.press("escape")
        assert replay.player.number == 30
        await replay.press("t")
        await replay.type("x")
        await replay.press("enter")
        assert replay.shown("keybar").startswith("“x” is not a time; try 15:04")
        await replay.press("slash")
        await replay.type(".+")
        assert replay.app.viewed.window.needle == ".+"
        assert replay.player.number == 30


async def test_click_on_the_track_goes_there(recording: Path) -> None:
    async with played(recording) as replay:
        width = replay.app.query_one("#replay").size.width
        await replay.click(1 + (width - 1) // 2)
        assert replay.player.at == pytest.approx(replay.player.index.length / 2, rel=0.02)
        await replay.click(width)
        assert replay.player.at_end
    async with played(recording, size=(80, 24)) as replay:
        await replay.click(3)  # on the figures
        assert replay.player.at == 0.0


@pytest.mark.parametrize("key", ["o", "l"])
async def test_pages_have_the_keys_that_move_in_time(recording: Path, key: str) -> None:
    async with played(recording) as replay:
        replay.player.seek(replay.player.index.length / 2)  # in the session with the most to see
        await replay.settle()
        await replay.press(key)
        page = replay.app.screen
        assert isinstance(page, Page)
        keybar = page.keybar
        first, second = (mark.began for mark in replay.player.index.outages[:2])

        async def at(key: str, at: float, shown: str) -> None:
            await replay.press(key)
            assert replay.app.screen is page
            assert replay.player.at == pytest.approx(at)
            assert text_on(keybar).startswith(shown)

        length = replay.player.index.length
        await at("left_curly_bracket", 0.0, "15:06:40.000")
        await at("left_square_bracket", 0.0, "there is no outage before this")
        await at("right_square_bracket", first, "outage 1 of 4")
        await at("right_square_bracket", second, "outage 2 of 4")
        await at("left_square_bracket", first, "outage 1 of 4")
        await at("right", first + length / 100, "15:")
        await at("left", first, "15:")
        await at("shift+right", first + length / 10, "15:")
        await at("shift+left", first, "15:")
        await at("right_curly_bracket", length, "15:")
        await replay.press("t")
        await replay.type("x[")
        await replay.press("left")
        assert replay.player.at == pytest.approx(length), "what is typed goes nowhere by itself"
        await replay.press("escape", "t")
        await replay.type("#30")
        await replay.press("enter")
        assert replay.player.number == 30
        assert (replay.app.screen, page.keybar.display) == (page, True)


async def test_left_and_right_open_neighbours_on_the_page_of_a_record(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("right_square_bracket", "right_square_bracket", "enter")
        page, at = replay.app.screen, replay.player.at
        assert isinstance(page, RecordPage)
        newest = page.record
        await replay.press("left")
        older = page.record
        assert older is not newest
        await replay.press("right", "left")
        assert page.record is older
        assert replay.player.at == at


async def test_help_of_a_replay_lists_its_keys(recording: Path) -> None:
    async with played(recording, size=(120, 60)) as replay:
        await replay.press("question_mark")
        shown = text_on(replay.app.screen.query_one("Sheet", Panel))
        for words in ("space", "Play or pause", "] [", "Go to a time", "Next or previous outage"):
            assert words in shown, words
        for words in ("Drain", "Cancel the dial", "Record"):
            assert words not in shown, words


async def test_commands_are_refused_in_a_replay(recording: Path) -> None:
    async with played(recording) as replay:
        for key in ("c", "r", "n", "p", "d"):
            replay.app.show_notice("")
            await replay.press(key)
            assert replay.shown("keybar").rstrip() == "a recording has no connection to act on"


@pytest.mark.parametrize("size", [(48, 16), (60, 16), *SIZES], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_key_bar_has_the_keys_of_a_replay(recording: Path, size: tuple[int, int]) -> None:
    async with played(recording, size=size) as replay:
        assert replay.shown("keybar").startswith("space play/pause")
        assert replay.shown("keybar").rstrip().endswith("q quit")
        await replay.press("o")
        page = replay.app.screen
        assert isinstance(page, Page)
        assert "esc back" in text_on(page.keybar)
        assert "cancel" not in text_on(page.keybar)


async def test_page_stays_on_its_record(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("right_square_bracket", "right_square_bracket", "enter")
        page = replay.app.screen
        assert isinstance(page, RecordPage)
        dial = page.record
        await replay.press("comma", "full_stop", "comma")
        assert page.record is not dial
        assert page.record is replay.app.viewed.state.find_dial(dial.id)
        assert replay.app.screen is page
        replay.player.seek(0.0)
        await replay.settle()
        assert not isinstance(replay.app.screen, RecordPage)
        await replay.press("space")
        assert replay.player.playing


async def test_page_without_its_record_closes_with_what_is_on_top_of_it(recording: Path) -> None:
    async with played(recording) as replay:
        await replay.press("right_square_bracket", "right_square_bracket", "enter", "question_mark")
        assert replay.app.screen.name == "help"
        await replay.press("left_curly_bracket")
        assert replay.app.screen is replay.app.screen_stack[0]


@pytest.mark.parametrize("keys", [("s",), ("right_square_bracket", "right_square_bracket", "enter")])
async def test_palette_opens_on_a_page_and_moves_in_time(recording: Path, keys: tuple[str, ...]) -> None:
    async with played(recording) as replay:
        await replay.press(*keys, "ctrl+p")
        assert isinstance(replay.app.screen, CommandPalette)
        await replay.press("left_square_bracket", "left", "escape")
        assert isinstance(replay.app.screen, Page)
        number = replay.player.number
        await run_by_name(replay.app, replay._pilot, "One event")
        assert replay.player.number == number + 1
        assert isinstance(replay.app.screen, Page)
