"""A dashboard on a fixed stream, driven by keys, and what it shows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.command import CommandPalette
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import OptionList

from natsmon.config.settings import ViewSettings
from natsmon.stream import events as ev
from natsmon.tui.app import NatsmonApp
from natsmon.tui.pages.menu import FAULT
from natsmon.tui.widgets.panel import Panel
from tests.harness.time_limits import WAIT
from tests.tui.drawn import text_on
from tests.tui.fakes import FakeDemo, Recorded
from tests.tui.streams import Stream

_CHARACTERS = {"slash": "/", "question_mark": "?", "enter": "\r", "escape": "\x1b"}


class Driven:
    """A dashboard under test: press keys, read the screen."""

    def __init__(self, app: NatsmonApp, source: Recorded, pilot: Pilot[int]) -> None:
        self.app = app
        self.source = source
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def together(self, *keys: str) -> None:
        """Keys that arrive together, as over a slow line or from a paste."""
        for key in keys:
            self.app.post_message(Key(key, key if len(key) == 1 else _CHARACTERS.get(key)))
        await self.settle()

    async def emit(self, *events: ev.AnyEvent | None) -> None:
        self.source.emit(*events)
        await self.settle()

    async def tick(self, seconds: float) -> None:
        """Let the view's clock go on, the probe alive."""
        self.source.t += seconds
        await self.emit(ev.Alive(t=self.source.t))

    async def settle(self) -> None:
        await self.pilot.pause()
        if self.app.is_running:
            self.app.draw()
            await self.pilot.pause()

    async def fault_caused(self) -> None:
        """Wait until the fault chosen from the menu has been caused."""
        while any(worker.group == FAULT for worker in self.app.workers):
            await self.pilot.pause()
        await self.settle()

    def shown(self, panel: str) -> str:
        return text_on(self.app.query_one(f"#{panel}", Panel))

    def title(self, panel: str) -> str:
        return str(self.app.query_one(f"#{panel}", Panel).border_title)


@asynccontextmanager
async def driven(
    stream: Stream,
    *,
    size: tuple[int, int] = (120, 36),
    demo: FakeDemo | None = None,
    ends: bool = False,
    view: ViewSettings | None = None,
) -> AsyncIterator[Driven]:
    source = Recorded(stream, ends=ends, exit_reason="killed by SIGKILL")
    app = NatsmonApp(source, demo=demo, clock=source.clock, view=view)
    async with app.run_test(size=size) as pilot:
        drive = Driven(app, source, pilot)
        await drive.settle()
        yield drive


async def find_by_name(app: NatsmonApp, pilot: Pilot[int], name: str) -> None:
    """Search an action in the command palette."""
    await pilot.press("ctrl+p", *name)
    palette = app.screen
    assert isinstance(palette, CommandPalette)
    found = palette.query_one(OptionList)
    async with asyncio.timeout(WAIT):
        while found.highlighted is None or name not in str(found.get_option_at_index(found.highlighted).prompt):
            await pilot.pause()


async def run_by_name(app: NatsmonApp, pilot: Pilot[int], name: str) -> None:
    """Run an action from the command palette."""
    await find_by_name(app, pilot, name)
    await pilot.press("enter")
    await pilot.pause()
    app.draw()
    await pilot.pause()
