"""A log with alerts: the same commands as beside a screen."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from natsmon.alerts.alert import Alert, AlertCommands
from natsmon.alerts.health_watch import HealthWatch
from natsmon.config.settings import ViewSettings
from natsmon.stream import events as ev
from natsmon.wording.health import health
from natsmon.wording.plain_log import PlainLog

_EVERY = 0.1
"""Seconds between two looks. Amid the events of one change the health is neither the old nor the new one."""
_ENDS_WITHIN = 5.0
"""Seconds that the commands may take at the end of the log."""


class AlertingLog(PlainLog):
    """A log that looks at the health after its lines, and runs the alert commands on a thread of its own.

    ``line`` is called on a running loop. ``on_failure`` is called on the thread with one line when a command fails.
    ``close`` ends the thread.
    """

    def __init__(
        self, view: ViewSettings, on_failure: Callable[[str], None], form: str, level: str, *, messages: bool
    ) -> None:
        super().__init__(form, level, messages=messages)
        self._watch = HealthWatch(view, lambda sequence: None, self._submit)
        self._next: asyncio.TimerHandle | None = None
        self._commands = AlertCommands(on_failure)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def line(self, event: ev.AnyEvent) -> bytes | None:
        line = super().line(event)
        if isinstance(event, ev.Connection):
            self._look()  # what comes after the first health is a change
        if self._next is None:
            self._next = asyncio.get_running_loop().call_later(_EVERY, self._look)
        return line

    def close(self) -> None:
        """Look for the last time, and let the commands end; those that do not are killed."""
        self._look()
        asyncio.run_coroutine_threadsafe(self._commands.finish(_ENDS_WITHIN), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _look(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None
        state = self._tracks.first.state
        if state.connection is not None:
            self._watch.update(state, health(state, state.now), state.now)

    def _submit(self, flag: str, command: Sequence[str], alert: Alert) -> None:
        self._loop.call_soon_threadsafe(self._commands.submit, flag, command, alert)

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()
