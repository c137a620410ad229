"""Screenshots: the content of the files, their place, and the notice when they cannot be written."""

import os
import re
from pathlib import Path

import pytest
from textual.command import CommandList

from natsmon.tui import screenshot
from tests.tui import streams
from tests.tui.driven import Driven, driven
from tests.tui.fakes import FakeDemo

_NAMED = screenshot._name


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(screenshot, "_name", lambda: "natsmon-20261122-161800")
    return tmp_path


def saved(folder: Path, end: str = "") -> tuple[str, str]:
    stem = folder / f"natsmon-20261122-161800{end}"
    return Path(f"{stem}.svg").read_text(), Path(f"{stem}.txt").read_text()


def files(folder: Path, ending: str = "") -> list[Path]:
    return sorted(folder.glob(f"*{ending}"))


def noted(drive: Driven) -> str:
    return list(drive.app.viewed.window.log)[-1].text


def test_name_has_the_time() -> None:
    assert re.fullmatch(r"natsmon-20\d{6}-\d{6}", _NAMED())


async def test_screen_is_saved_and_the_place_shown(folder: Path) -> None:
    async with driven(streams.connected()) as drive:
        shown = drive.shown("status").splitlines()[0]
        await drive.press("S")
        words = f"screenshot: {folder}/natsmon-20261122-161800.svg and .txt"
        assert words.startswith(drive.shown("keybar").rstrip(" …"))
        assert noted(drive) == words
        picture, text = saved(folder)
        assert len(text.splitlines()) == 36
        assert shown.strip() in text
        assert "c cancel" in text.splitlines()[-1], "the notice of the key itself is not on it"
        assert all(line == line.rstrip() for line in text.splitlines())
        assert picture.startswith('<svg xml:space="preserve" ')
        assert "CONNECTED" in picture
        assert "url(" not in picture.replace("url(#", ""), "who looks at it fetches nothing"
        assert {path.stat().st_mode & 0o777 for path in files(folder)} == {0o600}


async def test_existing_files_are_not_overwritten(folder: Path) -> None:
    taken = folder / "natsmon-20261122-161800.txt"
    taken.write_text("mine")
    async with driven(streams.connected(), size=(80, 24)) as drive:
        await drive.press("S")
        await drive.press("S")
        assert noted(drive).endswith("-161800-3.svg and .txt")
    assert taken.read_text() == "mine"
    assert len(files(folder)) == 5
    saved(folder, "-2")


async def test_page_in_sight_is_saved(folder: Path) -> None:
    async with driven(streams.connected()) as drive:
        await drive.press("s")
        await drive.press("S")
        assert "screenshot: " in drive.app.screen.keybar.notice  # type: ignore[attr-defined]
    _, text = saved(folder)
    assert "servers" in text
    assert "events" not in text


async def test_palette_saves_the_screen_beneath_it(folder: Path) -> None:
    async with driven(streams.connected()) as drive:
        titles = [command.title for command in drive.app.get_system_commands(drive.app.screen)]
        assert [title for title in titles if title.startswith("Save the screen")] == ["Save the screen (S)"]
        await drive.press("ctrl+p", *"savescreen")
        while drive.app.screen.query_one(CommandList).option_count != 1:
            await drive.pilot.pause()
        await drive.press("enter")
        while not files(folder, ".txt"):
            await drive.pilot.pause()
    _, text = saved(folder)
    assert "c cancel" in text
    assert "screenshot" not in text.lower()


async def test_folder_that_cannot_be_written_is_reported_in_one_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    async with driven(streams.connected(), size=(200, 60)) as drive:
        with monkeypatch.context() as patch:
            patch.setattr(os, "open", full)
            await drive.press("S")
        words = "no screenshot: natsmon-20261122-161800 cannot be written in the current folder: "
        assert noted(drive) == words + "No space left on device"
        assert drive.shown("keybar").startswith(words)
        assert "CONNECTED" in drive.shown("status")
    assert not files(folder)


async def test_failure_of_one_file_removes_the_other(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: object) -> str:
        return "\ud800"  # cannot be written

    monkeypatch.setattr(screenshot, "text", unknown)
    async with driven(streams.connected()) as drive:
        with pytest.raises(UnicodeEncodeError):
            screenshot.save(drive.app)
    assert not files(folder)


async def test_menu_of_faults_works_on_a_page() -> None:
    demo = FakeDemo()
    async with driven(streams.connected(), demo=demo) as drive:
        await drive.press("s", "x", "k")
        await drive.fault_caused()
        assert len(demo.applied) == 1
        assert "kill: done" in drive.app.screen.keybar.notice  # type: ignore[attr-defined]
