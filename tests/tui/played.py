"""A replay under test, its clock in the test's hands."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace

from textual.pilot import Pilot

from natsmon.recording.reader import Recording
from natsmon.replay.recording_index import RecordingIndex
from natsmon.tui.replay.replay_app import ReplayApp
from natsmon.tui.widgets.panel import Panel
from tests.tui.drawn import text_on


class Played:
    """A replay under test, and its clock."""

    def __init__(self, app: ReplayApp, pilot: Pilot[int], clock: SimpleNamespace) -> None:
        self.app = app
        self.player = app.player
        self._pilot = pilot
        self._clock = clock

    async def press(self, *keys: str) -> None:
        await self._pilot.press(*keys)
        await self.settle()

    async def wait(self, seconds: float) -> None:
        self._clock.now += seconds
        await self.settle()

    async def settle(self) -> None:
        await self._pilot.pause()
        if self.app.is_running:
            self.app.draw()
            await self._pilot.pause()

    async def type(self, text: str) -> None:
        await self.press(*(_KEY.get(letter, letter) for letter in text))

    async def click(self, x: int, y: int = 0) -> None:
        await self._pilot.click("#replay", offset=(x, y))
        await self.settle()

    def shown(self, panel: str) -> str:
        return text_on(self.app.query_one(f"#{panel}", Panel))


_KEY = {"#": "number_sign", ":": "colon", "+": "plus", ".": "full_stop", "-": "minus", " ": "space"}


@asynccontextmanager
async def played(path: Path, *, size: tuple[int, int] = (120, 36), playing: bool = False) -> AsyncIterator[Played]:
    index = RecordingIndex(Recording([path]))
    assert index.begin()
    clock = SimpleNamespace(now=100.0)
    app = ReplayApp(index, playing=playing, clock=lambda: clock.now)
    async with app.run_test(size=size) as pilot:
        while not index.complete:
            await pilot.pause()
        played = Played(app, pilot, clock)
        await played.settle()
        yield played
