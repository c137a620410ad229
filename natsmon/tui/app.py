"""The app: the dashboard of a monitor, drawn at each frame, with its pages, menus, recordings and alerts."""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from natsmon.config.config_file import keep_choice
from natsmon.config.settings import ViewSettings
from natsmon.stream.source import Source
from natsmon.tui.model import decisions
from natsmon.tui.model.key_table import KEYS, Key, keymap_problems
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.recordings import Recordings
from natsmon.tui.monitor_app import MonitorApp
from natsmon.tui.pages.dashboard import Dashboard

if TYPE_CHECKING:
    from natsmon.alerts.health_watch import HealthWatch
    from natsmon.recording.recorder import Recorder
    from natsmon.recording.writer import Target
    from natsmon.tui.pages.menu import Contexts, Demo

FRAME = 1 / 10
"""Seconds between two frames; nothing is painted where nothing changed."""
ALERTS_WITHIN = 1.0
"""Seconds that alert commands may take at the end."""


class NatsmonApp(MonitorApp):
    """Shows one connection and sends commands to it. Its return value is the exit code."""

    def __init__(
        self,
        source: Source,
        *,
        demo: "Demo | None" = None,
        contexts: "Contexts | None" = None,
        clock: Callable[[], float] = time.monotonic,
        leave_at_end: bool = True,
        record: "Target | None" = None,
        recorder: "Recorder | None" = None,
        unable: str = "",
        view: ViewSettings | None = None,
    ) -> None:
        """Make the app, with the servers that ``x`` acts on and the contexts that ``C`` lists.

        ``record`` is where a key records to, ``recorder`` a recording that has begun; ``unable`` is why no command can
        be given, where the source takes none.
        """
        self._demo = demo
        self._contexts = contexts
        keys = self.key_table()
        super().__init__(source, view or ViewSettings(), clock, keys, leave_at_end=leave_at_end, unable=unable)
        self._alerts: HealthWatch | None = None
        self.recordings = Recordings(source, self.viewed, record, recorder)
        self._dashboard = self.make_dashboard()
        self._shown_connection = self.viewed.shown

    # -- what a replay replaces -------------------------------------------------------------------

    def key_table(self) -> tuple[Key, ...]:
        usable = {"faults": self._demo, "contexts": self._contexts}
        return tuple(key for key in KEYS if usable.get(key.id, key) is not None)

    def make_dashboard(self) -> Dashboard:
        return Dashboard(self.viewed.window, self._keys)

    # -- from the start to the end ----------------------------------------------------------------

    def on_mount(self) -> None:
        if not self.is_headless:
            self.begin_capture_print(self)
        if self.keymap_of_user:
            self.set_keymap(self.keymap_of_user)
            if problems := keymap_problems(self.keymap_of_user, self.key_table()):
                self.log_notice(f"keymap: {'; '.join(problems.values())}", "warn")
        self.theme_changed_signal.subscribe(self, lambda theme: keep_choice("theme", theme.name))
        self.set_interval(FRAME, self.draw)
        self.call_after_refresh(self._start)  # a process that is being started would slow the first screen down
        self.app_suspend_signal.subscribe(self, self._restore_title)
        self.draw()  # so that every panel has something to show as soon as it has a size

    async def on_unmount(self) -> None:
        self._restore_title(None)
        if self._alerts is not None:
            await self._alert_commands.finish(0.0 if self._killed else ALERTS_WITHIN)

    # -- the screen -------------------------------------------------------------------------------

    def draw(self) -> None:
        """Show the present on the screen in sight; whatever looks the same is not painted again."""
        self._draw_due = False
        self._end_notice()
        self.recordings.look()
        self.viewed.look()
        if (late := self.viewed.sent.overdue()) is not None:
            self.show_notice(f"{decisions.doing(late)}: no answer from the monitor process yet")
        if self._shown_connection != self.viewed.shown:
            self._shown_connection = self.viewed.shown
            self._leave_records()
            for last in self.viewed.replaced():
                if self._alerts is not None and last.health is not None:
                    self._alerts.outages(last.state, last.health, last.now)
        moment = self.viewed.moment()
        self._views[-1].show(moment)
        if (health := moment.health) is not None:
            if self._alerts is None:
                from natsmon.alerts.alert import AlertCommands  # not needed before the first event
                from natsmon.alerts.health_watch import HealthWatch

                self._alert_commands = AlertCommands(partial(self.viewed.note, kind="bad"))
                self._alerts = HealthWatch(self.view, self.write_control, self._alert_commands.submit)
            self._alerts.update(moment.state, health, moment.now)

    def _restore_title(self, _: object) -> None:
        if self._alerts is not None:
            self._alerts.end()

    def action_contexts(self) -> None:
        if self._contexts is None:
            self.show_notice("contexts are chosen where natsmon opens the connection itself")
        else:
            from natsmon.tui.pages.menu import choose_context

            self.run_worker(choose_context(self, self._contexts), group="contexts", exclusive=True)

    def action_faults(self) -> None:
        if self._demo is None:
            self.show_notice("only natsmon demo causes faults")
        else:
            from natsmon.tui.pages.menu import choose_fault

            choose_fault(self, self._demo)

    # -- what is shown ----------------------------------------------------------------------------

    def action_messages(self) -> None:
        shown = not self.viewed.window.messages
        self._dashboard.events.show_messages(shown)
        keep_choice("messages", shown)
        self.show_notice("single messages are " + ("shown" if shown else "hidden; the counters go on"))

    def action_record(self) -> None:
        self.show_notice(self.recordings.toggle())
        self._draw_soon()

    def action_save_screen(self) -> None:
        from natsmon.tui import screenshot

        self.log_notice(*screenshot.save(self))


def run(source: Source, *, afterwards: Callable[[Moment, list[str]], None] | None = None, **options: Any) -> int:
    """Show a source until the user quits, with the options of ``NatsmonApp``; the exit code.

    ``afterwards`` is called when the screen is gone, for each connection, with what was known last; for the last one
    also with the names of the recordings made.
    """
    app = NatsmonApp(source, **options)
    try:
        code = app.run()
    finally:
        source.kill()
        for failure in app.recordings.close():
            if not app.blocked:
                sys.stderr.write(f"natsmon: {failure}\n")
    if afterwards is not None and not app.blocked:
        for moment in app.viewed.replaced():
            afterwards(moment, [])
        afterwards(app.viewed.moment(), app.recordings.made)
    return code if code is not None else app.return_code or 1
