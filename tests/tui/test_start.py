"""What the first screen costs, and that it is the right one at once."""

import os
import subprocess
import sys
from typing import Any

import pytest
from textual.events import Resize
from textual.geometry import Region
from textual.strip import Strip

from natsmon.tui.app import NatsmonApp
from natsmon.tui.widgets.list_panel import RecordTable
from tests.harness.time_limits import WAIT
from tests.tui.fakes import Recorded
from tests.tui.streams import Stream

_UNTIL_PAINTED = """
import asyncio, gc, sys
import natsmon.cli.main, natsmon.cli.dashboard_command, natsmon.cli.run_modes, natsmon.stream.probe_child
from natsmon.tui.app import NatsmonApp

class Silent:
    can_restart, exit_reason = False, ""

    async def events(self):
        await asyncio.Event().wait()
        yield

    def kill(self):
        pass

async def look(pilot):
    await pilot.pause()
    print(*sys.modules, file=sys.__stdout__)
    app.exit(0)

app = NatsmonApp(Silent())
app.run(headless=True, auto_pilot=look)
"""
_LATER: tuple[str, ...] = ("nats", "nkeys", "websockets", "uvloop", "markdown_it", "pygments")
_LATER += tuple(f"natsmon.{name}" for name in ("probe", "protocol", "library", "check", "lab", "report"))
_LATER += tuple(f"natsmon.{name}" for name in ("wording.narration", "wording.cause_table", "recording"))
_LATER += tuple(f"natsmon.{name}" for name in ("replay", "stream.pipe", "stream.ssh"))
_LATER += tuple(f"natsmon.tui.widgets.{name}" for name in ("prompt", "prose", "sheet"))
_LATER += ("natsmon.tui.replay", "natsmon.tui.screenshot")
_LATER += tuple(f"natsmon.charts.{name}" for name in ("dial_gantt", "latency_course", "latency_spread"))
"""What an event, a key or another command needs."""


def test_first_screen_loads_only_what_it_shows() -> None:
    env = {**os.environ, "TERM": "xterm-256color"}
    command = [sys.executable, "-c", _UNTIL_PAINTED]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=2 * WAIT)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "natsmon.tui.pages.dashboard" in loaded
    early = [name for name in loaded if any(name == later or name.startswith(f"{later}.") for later in _LATER)]
    early += [
        name
        for name in loaded
        if name.startswith("natsmon.tui.pages.") and not name.endswith((".dashboard", ".pane_screen"))
    ]
    assert not early


@pytest.mark.parametrize(("width", "shown"), [(80, "last 10 minutes"), (120, "silent")])
async def test_first_paint_has_the_legend_of_its_width(width: int, shown: str) -> None:
    titles: list[str] = []
    source = Recorded(Stream())
    app = NatsmonApp(source, clock=source.clock)
    panel = next(panel for panel in app._dashboard.panels if panel.id == "timeline")
    paint = panel.render_lines

    def viewed(crop: Region) -> list[Strip]:
        lines = paint(crop)
        titles.append(str(panel.border_title))
        return lines

    panel.render_lines = viewed  # type: ignore[method-assign]
    async with app.run_test(size=(width, 36)) as pilot:
        await pilot.pause()
        assert titles
        assert all(shown in title for title in titles)
        app.exit()


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (200, 60)])
async def test_first_layout_fits_the_size(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[Any] = []

    def on_resize(self: RecordTable[Any], event: Resize) -> None:
        sizes.append(event.size)

    monkeypatch.setattr(RecordTable, "on_resize", on_resize, raising=False)
    source = Recorded(Stream())
    app = NatsmonApp(source, clock=source.clock)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert sizes
        assert set(sizes) == {app.query_one(RecordTable).outer_size}
        app.exit()
