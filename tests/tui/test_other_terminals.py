"""Terminals with 16 colours, without colour, of another encoding, or too simple for a dashboard."""

import re
import sys
from collections.abc import Mapping

import pytest
from rich.color import Color, ColorSystem

from natsmon.lab.nats_server import NatsServer
from natsmon.stream.exit_codes import Exit
from natsmon.tui.app import NatsmonApp
from tests.harness.terminal import Terminal
from tests.tui.fakes import Recorded
from tests.tui.streams import Stream

_SIXTEEN = {"TERM": "xterm", "COLORTERM": ""}


def natsmon(url: str, env: Mapping[str, str]) -> Terminal:
    return Terminal([sys.executable, "-m", "natsmon", url], size=(100, 30), env=env)


def colours(terminal: Terminal, mark: str) -> tuple[str, str]:
    """Of the first cell with this character: its own and the one of its ground."""
    cells = (cell for line in terminal.screen.buffer.values() for cell in line.values())
    return next((cell.fg, cell.bg) for cell in cells if cell.data == mark)


@pytest.mark.parametrize(
    "env",
    [_SIXTEEN, {**_SIXTEEN, "TERM": "linux"}, {**_SIXTEEN, "TERM": "screen", "TEXTUAL_THEME": "natsmon-light"}],
    ids=lambda env: env["TERM"],
)
async def test_sixteen_colours_distinguish_the_levels(server: NatsServer, env: dict[str, str]) -> None:
    async with natsmon(server.url, env) as terminal:
        await terminal.until("● CONNECTED")
        good, ground = colours(terminal, "●")
        server.stop()
        await terminal.until("▲ SILENT")
        warning, _ = colours(terminal, "▲")
        server.cont()
        server.kill()
        await terminal.until("✗ RECONNECTING")
        bad, _ = colours(terminal, "✗")
        assert len({good, warning, bad, ground}) == 4
        assert (good.removeprefix("bright"), warning.removeprefix("bright"), bad.removeprefix("bright")) == (
            "green",
            "brown",
            "red",
        )
        assert b"38;2;" not in terminal.output
        terminal.send("k")
        await terminal.until(
            lambda _: len({cell.bg for line in terminal.screen.buffer.values() for cell in line.values()}) > 1
        )


def test_sixteen_colours_of_every_theme_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in _SIXTEEN.items():
        monkeypatch.setenv(name, value)
    app = NatsmonApp(Recorded(Stream()))
    for theme in app.available_themes.values():
        if theme.ansi:
            continue
        app.theme = theme.name
        variables = app.get_css_variables()
        named = [variables[name] for name in ("success", "warning", "error", "primary", "background", "panel")]
        numbers = {Color.parse(colour).downgrade(ColorSystem.STANDARD).number for colour in named}
        assert len(numbers) == len(named), theme.name


async def test_theme_of_textual_is_used(server: NatsServer) -> None:
    async with natsmon(server.url, {"TEXTUAL_THEME": "natsmon-light"}) as terminal:
        await terminal.until("● CONNECTED")
        assert colours(terminal, "●") == ("1f7a3d", "f0f1ef")


async def test_no_color_sends_no_colour(server: NatsServer) -> None:
    async with natsmon(server.url, {"NO_COLOR": "1"}) as terminal:
        await terminal.until("● CONNECTED")
        terminal.send("k")
        await terminal.until(
            lambda _: any(cell.reverse for cell in terminal.screen.buffer[20].values()) or b"\x1b[7;" in terminal.output
        )
        numbers = {number for codes in re.findall(rb"\x1b\[([\d;]*)m", terminal.output) for number in codes.split(b";")}
        assert numbers <= {b"0", b"1", b"2", b"7", b"39", b"49"}


@pytest.mark.parametrize("env", [{"PYTHONIOENCODING": "latin-1"}, {"PYTHONIOENCODING": "ascii"}])
async def test_other_encoding_is_refused_in_one_line(env: dict[str, str]) -> None:
    async with natsmon("nats://127.0.0.1:1", env) as terminal:
        assert await terminal.ended() == Exit.USAGE
        shown = " ".join(line for line in terminal.lines if line)
        assert shown.startswith(
            f"natsmon: PYTHONIOENCODING={env['PYTHONIOENCODING']} cannot show the dashboard; try a "
        )
        assert b"\x1b[" not in terminal.output


async def test_locale_c_shows_the_dashboard(server: NatsServer) -> None:
    async with natsmon(server.url, {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": ""}) as terminal:
        text = await terminal.until("● CONNECTED")
        assert "\\u" not in text


async def test_dumb_terminal_gets_the_log_with_a_notice(server: NatsServer) -> None:
    async with natsmon(server.url, {"TERM": "dumb"}) as terminal:
        text = await terminal.until(f"connected to {server.name} (127.0.0.1:{server.port})")
        assert "natsmon: TERM=dumb cannot show the dashboard: this is the log, as with --plain" in text
        assert b"\x1b[" not in terminal.output
