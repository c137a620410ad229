"""Takes the pictures in this folder, from real runs: real servers, killed and started again.

``python -m screenshots [NAME …]`` writes an SVG each, and a PNG beside it where Chromium is installed.
"""

import asyncio
import math
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from textual.pilot import Pilot

from natsmon.sandbox import Sandbox
from natsmon.settings import Server, Settings
from natsmon.sources import ProbeProcess
from natsmon.state import State
from natsmon.tui.app import NatsmonApp

HERE = Path(__file__).parent
SIZE = (120, 36)
PATIENCE = 90.0

Scene = Callable[[NatsmonApp, Pilot[int], Sandbox], Awaitable[None]]


async def connected(app: NatsmonApp, pilot: Pilot[int], sandbox: Sandbox) -> None:
    await until(app, pilot, lambda state: len(state.rtts) >= 40)


async def dialing(app: NatsmonApp, pilot: Pilot[int], sandbox: Sandbox) -> None:
    """The server is down from the beginning: what was tried, and when the next dial comes."""
    await asyncio.to_thread(sandbox.kill_or_start)
    await pilot.press("r")
    await until(app, pilot, lambda state: state.waiting is not None and state.dial_count >= 4)


async def outage(app: NatsmonApp, pilot: Pilot[int], sandbox: Sandbox) -> None:
    """Two outages behind it, a third under way."""
    await until(app, pilot, lambda state: len(state.rtts) >= 12)
    for outages, dials in ((1, 2), (2, 4)):
        await asyncio.to_thread(sandbox.kill_or_start)
        await until(app, pilot, lambda state, n=outages: state.outage_count == n)
        await until(app, pilot, lambda state, n=dials: state.outage is not None and state.outage.dials >= n)
        await asyncio.to_thread(sandbox.kill_or_start)
        await until(app, pilot, lambda state, n=outages: state.reconnects == n)
        seen = len(app.watched.state.rtts)
        await until(app, pilot, lambda state, n=seen: len(state.rtts) >= n + 8)
    await asyncio.to_thread(sandbox.kill_or_start)
    await until(app, pilot, lambda state: state.outage is not None and state.outage.dials >= 3)
    await until(app, pilot, lambda state: state.waiting is not None)


async def cancelled(app: NatsmonApp, pilot: Pilot[int], sandbox: Sandbox) -> None:
    await until(app, pilot, lambda state: len(state.rtts) >= 5)
    await asyncio.to_thread(sandbox.kill_or_start)
    await until(app, pilot, lambda state: state.outage is not None and state.outage.dials >= 3)
    await until(app, pilot, lambda state: state.waiting is not None)
    await pilot.press("c")
    await until(app, pilot, lambda state: state.closed is not None)


async def one_dial(app: NatsmonApp, pilot: Pilot[int], sandbox: Sandbox) -> None:
    """The dial after an outage, opened."""
    await asyncio.to_thread(sandbox.kill_or_start)
    await until(app, pilot, lambda state: state.outage is not None and state.outage.dials >= 2)
    await asyncio.to_thread(sandbox.kill_or_start)
    await until(app, pilot, lambda state: state.reconnects == 1)
    await pilot.press("enter")


async def show_help(app: NatsmonApp, pilot: Pilot[int], sandbox: Sandbox) -> None:
    await until(app, pilot, lambda state: len(state.rtts) >= 3)
    await pilot.press("question_mark")


SCENES: dict[str, Scene] = {
    "connected": connected,
    "dialing": dialing,
    "outage": outage,
    "cancelled": cancelled,
    "dial": one_dial,
    "help": show_help,
}


async def until(app: NatsmonApp, pilot: Pilot[int], condition: Callable[[State], bool]) -> None:
    """Wait until the state on the screen is as wanted; the screen has been drawn by then."""
    end = time.monotonic() + PATIENCE
    while not condition(app.watched.state):
        if time.monotonic() > end:
            raise TimeoutError(f"still {app.watched.state.status} after {PATIENCE:g} s")
        await pilot.pause(0.05)
    await pilot.pause(0.2)


async def take(name: str) -> Path:
    with Sandbox.start() as sandbox:
        servers = tuple(Server(url.hostname or "", url.port or 0) for url in map(urlsplit, sandbox.urls))
        settings = Settings(servers=servers, name="natsmon demo")
        app = NatsmonApp(ProbeProcess(settings), sandbox=sandbox)
        async with app.run_test(size=SIZE) as pilot:
            await until(app, pilot, lambda state: state.connected is not None)
            await SCENES[name](app, pilot, sandbox)
            picture = HERE / f"{name}.svg"
            picture.write_text(app.export_screenshot(title=f"natsmon: {name}"))
    return picture


def as_png(svg: Path) -> None:
    """By a browser: simpler converters drop the spaces between the words of a terminal."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print(f"{svg.name}: no PNG, Chromium is not installed", file=sys.stderr)
        return
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text())
    assert box is not None, "Textual's pictures have a viewBox"
    size = ",".join(str(math.ceil(float(side))) for side in box.groups())
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser,
                *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                f"--user-data-dir={profile}",
                f"--window-size={size}",
                f"--screenshot={svg.with_suffix('.png')}",
                svg.as_uri(),
            ],
            check=True,
            timeout=60,
            stderr=subprocess.DEVNULL,
        )


def main() -> int:
    wanted = sys.argv[1:] or list(SCENES)
    if unknown := [name for name in wanted if name not in SCENES]:
        print(f"no such picture: {', '.join(unknown)}; there are {', '.join(SCENES)}", file=sys.stderr)
        return 2
    for name in wanted:
        picture = asyncio.run(take(name))
        as_png(picture)
        print(f"screenshots/{picture.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
