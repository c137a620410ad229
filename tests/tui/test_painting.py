"""When the screen is painted, its theme, and a terminal that is too small."""

from pathlib import Path
from unittest import mock

import pytest

from natsmon.charts.cells import text_of
from natsmon.config.config_file import load_choices
from natsmon.config.settings import ViewSettings
from natsmon.tui.screen_app import NOTICE_SECONDS
from natsmon.tui.widgets.panel import Panel
from tests.tui import streams
from tests.tui.driven import driven


async def test_theme_and_messages_chosen_on_screen_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    async with driven(streams.connected(), view=ViewSettings(theme="nord")) as drive:
        assert drive.app.theme == "nord"
        assert load_choices() == {}, "a setting is not a choice"
        await drive.press("m")
        drive.app.theme = "natsmon-light"
        await drive.settle()
        assert load_choices() == {"messages": True, "theme": "natsmon-light"}
    assert [path.name for path in (tmp_path / "natsmon").iterdir()] == ["state.json"]


async def test_kept_theme_that_no_longer_exists_is_replaced() -> None:
    view = ViewSettings(theme="gone", origins={"theme": "chosen on screen"})
    async with driven(streams.connected(), view=view) as drive:
        assert drive.app.theme == "natsmon-dark"


async def test_terminal_too_small_shows_a_notice_and_recovers() -> None:
    async with driven(streams.connected()) as drive:
        await drive.pilot.resize_terminal(40, 10)
        await drive.settle()
        notice = drive.app.query("_Notice").first(Panel)
        assert (
            " ".join(text_of(row).strip() for row in notice._rows) == "terminal too small (40x10), natsmon needs 60x16"
        )
        await drive.pilot.resize_terminal(80, 24)
        await drive.settle()
        assert not drive.app.query("_Notice")
        assert "CONNECTED" in drive.shown("status")
        assert "connected to" in drive.shown("events")


async def test_nothing_is_painted_when_nothing_changed() -> None:
    async with driven(streams.connected()) as drive:
        with mock.patch.object(Panel, "refresh") as painted:
            for _ in range(20):
                drive.app.draw()
        assert not painted.called


async def test_notice_is_on_the_screen_for_a_frame_although_its_time_is_over() -> None:
    """The machine may be too busy for any frame in that time."""
    async with driven(streams.connected()) as drive:
        drive.app.show_notice("what happened")
        drive.source.t += NOTICE_SECONDS + 1.0
        drive.app.draw()
        assert drive.shown("keybar").startswith("what happened")
        drive.app.draw()
        assert drive.shown("keybar").startswith("c cancel")


async def test_another_theme_changes_every_colour() -> None:
    async with driven(streams.connected()) as drive:
        panel = drive.app.query_one("#status", Panel)
        dark = panel.render_line(0)._segments[0].style
        drive.app.theme = "natsmon-light"
        await drive.settle()
        light = panel.render_line(0)._segments[0].style
        assert dark is not None
        assert light is not None
        assert dark.bgcolor != light.bgcolor
        assert dark.color != light.color
