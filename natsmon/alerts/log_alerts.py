"""Alerts beside a log: the same commands as beside a screen."""

import asyncio
import threading
from collections.abc import Callable

from natsmon.alerts.health_watch import HealthWatch
from natsmon.config.settings import ViewSettings
from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.stream.sink import Sink
from natsmon.wording.health import health

_EVERY = 0.1
"""Seconds between two looks, as between two frames: between the events of one change the health is another."""


class LogAlerts(Sink):
    """Runs the commands of ``view``. It has a thread and a loop of its own: neither measurements nor the log wait.

    ``on_failure`` is called on that thread with one line when a command fails.
    """

    def __init__(self, view: ViewSettings, on_failure: Callable[[str], None]) -> None:
        self._tracks = Tracks()
        self._watch = HealthWatch(view, lambda sequence: None, on_failure)
        self._loop = asyncio.new_event_loop()
        self._next: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        self._loop.call_soon_threadsafe(self._take, event)

    def close(self, timeout: float) -> bool:
        """Let the commands end within this time; those that do not are killed."""
        asyncio.run_coroutine_threadsafe(self._finish(timeout), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        return True

    # -- on its thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def _take(self, event: ev.AnyEvent) -> None:
        self._tracks.apply(event)
        if isinstance(event, ev.Connection):
            self._look()  # what comes after the first health is a change
        if self._next is None:
            self._next = self._loop.call_later(_EVERY, self._look)

    def _look(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        state = self._tracks.first.state
        if state.connection is not None:
            self._watch.update(state, health(state, state.now), state.now)

    async def _finish(self, seconds: float) -> None:
        self._look()
        await self._watch.commands.finish(seconds)
