"""The app: takes the events in, draws at each frame, turns keys into commands."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from natsmon.config.config_file import keep_choice
from natsmon.config.view_settings import ViewSettings
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.source import Source
from natsmon.text.plain_text import printable
from natsmon.tui.context_switch import Contexts, ContextSwitch
from natsmon.tui.demo_faults import Demo, DemoFaults
from natsmon.tui.model import decisions
from natsmon.tui.model.key_table import KEYS, Key, keymap_problems, with_keys
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.recordings import Recordings
from natsmon.tui.model.watched import Watched
from natsmon.tui.pages.dashboard import Dashboard
from natsmon.tui.screen_app import ScreenApp
from natsmon.tui.widgets.key_bar import doing

if TYPE_CHECKING:
    from textual.timer import Timer

    from natsmon.alerts.health_watch import HealthWatch
    from natsmon.recording.recorder import Recorder
    from natsmon.recording.target import Target
    from natsmon.wording.narration import Kind

FRAME = 1 / 10
"""Seconds between two frames; nothing is painted where nothing changed."""
LEAVE_WITHIN = 6.0
"""Seconds a probe may take to drain and end before it is killed."""
READ_BACK_WITHIN = 22.0
"""The same, of one that first waits for acknowledgements and reads the stream back."""
ALERTS_WITHIN = 1.0
"""Seconds that alert commands may take at the end."""
CONFIRM_WITHIN = 3.0
"""Seconds within which a second ``d`` confirms the drain."""
_PROMPT = 0.5
"""Seconds after a key in which events are drawn as they come, not at the next frame."""
_BURST = 256
"""Events taken in before the screen gets a turn."""


class NatsmonApp(ScreenApp):
    """One connection, watched and acted upon. Its return value is the exit code."""

    def __init__(
        self,
        source: Source,
        *,
        demo: Demo | None = None,
        contexts: Contexts | None = None,
        clock: Callable[[], float] = time.monotonic,
        leave_at_end: bool = True,
        record: "Target | None" = None,
        recorder: "Recorder | None" = None,
        unable: str = "",
        view: ViewSettings | None = None,
    ) -> None:
        """Make the app.

        Args:
            source: Where events come from and commands go.
            demo: The servers that ``x`` acts on.
            contexts: What ``C`` lists.
            clock: The view's clock, in seconds.
            leave_at_end: Whether to quit when the stream ends.
            record: Where a key records to.
            recorder: A recording that has begun.
            unable: Why no command can be given, where the source takes none.
            view: Theme, keymap and the like.
        """
        self.faults = DemoFaults(self, demo) if demo is not None else None
        self.contexts = ContextSwitch(self, contexts) if contexts is not None else None
        self.finished: list[Moment] = []
        """The end of each session before this one, where another context was chosen."""
        self._restarting: Timer | None = None
        """Kills a monitor that does not end; none when it is not to be started again."""
        super().__init__(view or ViewSettings(), clock, self.key_table())
        self._alerts: HealthWatch | None = None
        self._source = source
        self._leave_at_end = leave_at_end
        self.watched = self.make_watched(source, clock, unable)
        self.watched.on_answer = self._answered
        self.watched.window.messages = self.view.messages
        source.on_stray = self.stray_line
        self.recordings = Recordings(source, self.watched, record, recorder)
        self._dashboard = self.make_dashboard()
        self._interrupted = False
        self._killed = False
        self._prompt_until = 0.0
        self._draw_due = False
        self._drain_asked = -CONFIRM_WITHIN
        self._session = self.watched.sessions

    # -- what a replay replaces -------------------------------------------------------------------

    def key_table(self) -> tuple[Key, ...]:
        """The keys of this app."""
        usable = {"faults": self.faults, "contexts": self.contexts}
        return tuple(key for key in KEYS if usable.get(key.id, key) is not None)

    def make_watched(self, source: Source, clock: Callable[[], float], unable: str) -> Watched:
        """What is known from the source."""
        return Watched(source, clock, unable)

    def make_dashboard(self) -> Dashboard:
        """The screen below every page."""
        return Dashboard(self.watched.window, self._keys)

    # -- from the start to the end ----------------------------------------------------------------

    def on_load(self) -> None:
        """Handle signals before the terminal is in application mode."""
        handlers = {"SIGTERM": self.action_leave, "SIGINT": self.action_interrupt}
        # The terminal is gone, or ctrl+\: leave at once, the terminal restored.
        handlers |= {"SIGHUP": self._end_probe, "SIGQUIT": self._end_probe}
        with suppress(NotImplementedError, RuntimeError, ValueError):  # no signals here: a thread, or Windows
            for name, handler in handlers.items():
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), handler)

    def on_mount(self) -> None:
        if not self.is_headless:
            self.begin_capture_print(self)
        if self.keymap_of_user:
            self.set_keymap(self.keymap_of_user)
            if problems := keymap_problems(self.keymap_of_user, self.key_table()):
                self.log_notice(f"keymap: {'; '.join(problems)}", "warn")
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.set_interval(FRAME, self.draw)
        self._start()
        self.app_suspend_signal.subscribe(self, self._restore_title)
        self.draw()  # so that every panel has something to show as soon as it has a size

    async def on_unmount(self) -> None:
        self._restore_title(None)
        if self._alerts is not None:
            await self._alerts.commands.finish(0.0 if self._killed else ALERTS_WITHIN)

    # -- events in --------------------------------------------------------------------------------

    def _start(self) -> None:
        self.run_worker(self._listen(), group="stream", exclusive=True)

    async def _listen(self) -> None:
        taken = 0
        async for event in self._source.events():
            self.watched.take(event)
            if self._clock() < self._prompt_until:
                self._draw_soon()
            taken += 1
            if taken % _BURST == 0:
                await asyncio.sleep(0)
        leaving = self.watched.stream == "leaving"
        self.watched.over()
        if self._restarting is not None and not leaving:
            self._restarting.stop()
            self._restarting = None
            self.finished.append(self.watched.moment())
            self.call_later(self._start_again)
            return
        if leaving or (self.watched.stream == "ended" and self._leave_at_end):
            self._leave_now()
        self._draw_soon()

    # -- the screen -------------------------------------------------------------------------------

    def _draw_soon(self) -> None:
        if not self._draw_due:
            self._draw_due = True
            self.call_later(self.draw)

    def draw(self) -> None:
        """Show the present on the screen in sight; whatever looks the same is not painted again."""
        self._draw_due = False
        self._end_notice()
        self.recordings.look()
        self.watched.look()
        if (late := self.watched.sent.overdue()) is not None:
            self.show_notice(f"{doing(late)}: no answer from the monitor process yet")
        if self._session != self.watched.sessions:
            self._session = self.watched.sessions
            self._leave_records()
        moment = self.watched.moment()
        self._views[-1].show(moment, self.watched.revision)
        if (health := moment.health) is not None:
            if self._alerts is None:
                from natsmon.alerts.health_watch import HealthWatch  # not needed before the first event

                self._alerts = HealthWatch(self.view, self.write_control, self._alert_failed)
            self._alerts.update(moment.state, health, moment.now)

    def _restore_title(self, _: object) -> None:
        if self._alerts is not None:
            self._alerts.end()

    def stray_line(self, line: str) -> None:
        self.watched.note(printable(line), "warn")

    def _alert_failed(self, failure: str) -> None:
        self.watched.note(failure, "bad")

    def log_notice(self, words: str, kind: "Kind" = "info") -> None:
        """Show what was done in the log, and for a few seconds in the place of the key bar."""
        self.watched.note(words, kind)
        self.show_notice(words)
        self._prompt_until = self._clock() + _PROMPT
        self._draw_soon()

    # -- commands ---------------------------------------------------------------------------------

    def _decide(self, action: str, *, send: bool = True) -> bool:
        """Send the command of an action, unless it is only asked for; False, with a notice, when it does not apply."""
        decision = decisions.decide(action, self.watched.moment(), pausing=self.watched.sent.pausing)
        if isinstance(decision, str):
            self.show_notice(with_keys(decision, self._keys))
            return False
        if send:
            self._send(decision)
        return True

    def _send(self, command: commands.AnyCommand) -> None:
        self._prompt_until = self._clock() + _PROMPT
        self._source.send(self.watched.sent.issue(command))

    def _answered(self, command: commands.AnyCommand, answer: ev.Answer) -> None:
        if answer.outcome == "ignored":
            self.show_notice(f"{doing(command)}: {with_keys(answer.reason, self._keys)}")
        elif len(self._views) > 1:  # the page hides what the dashboard shows of it
            self.show_notice(f"{doing(command)}: done")

    def action_cancel(self) -> None:
        self._decide("cancel")

    def action_reconnect(self) -> None:
        moment = self.watched.moment()
        if moment.over and moment.can_restart:
            self.watched.note("starting the monitor again")
            self._start_again()
            return
        self._decide("reconnect")

    def restart(self, words: str) -> None:
        """Start the monitor again, after the connection is drained and the monitor has ended."""
        self.log_notice(words)
        if self.watched.moment().over:
            self._start_again()
        elif self._restarting is None:
            self._send(commands.Close())
            self._restarting = self.set_timer(self._patience, self._source.kill)

    def _start_again(self) -> None:
        self.watched.begin()
        self._start()
        self._draw_soon()

    def action_next_server(self) -> None:
        self._decide("next_server")

    def action_pause(self) -> None:
        self._decide("pause")

    def action_drain(self) -> None:
        """Drain at the second press: it ends the connection."""
        confirmed = self._clock() - self._drain_asked <= CONFIRM_WITHIN
        self._drain_asked = -CONFIRM_WITHIN
        if self._decide("drain", send=confirmed) and not confirmed:
            self._drain_asked = self._clock()
            self.show_notice(
                f"{self._shown('drain')} again within {CONFIRM_WITHIN:.0f} s drains and closes the connection"
            )

    def action_contexts(self) -> None:
        """Open the menu of contexts."""
        if self.contexts is None:
            self.show_notice("contexts are chosen where natsmon opens the connection itself")
        else:
            self.contexts.open_menu()

    def action_faults(self) -> None:
        """Open the demo's menu of faults."""
        if self.faults is None:
            self.show_notice("only natsmon demo causes faults")
        else:
            self.faults.open_menu()

    # -- what is shown ----------------------------------------------------------------------------

    def action_messages(self) -> None:
        shown = not self.watched.window.messages
        self._dashboard.events.show_messages(shown)
        keep_choice("messages", shown)
        self.show_notice("single messages are " + ("shown" if shown else "hidden; the counters go on"))

    def action_record(self) -> None:
        self.show_notice(self.recordings.toggle())
        self._draw_soon()

    def action_save_screen(self) -> None:
        from natsmon.tui import screenshot

        self.log_notice(*screenshot.save(self))

    # -- the end ----------------------------------------------------------------------------------

    def action_leave(self) -> None:
        if self.watched.stream == "live" and self.watched.unable:
            self._leave_now()
        elif self.watched.stream == "live":
            self.watched.leave()
            self._send(commands.Close())
            self.set_timer(self._patience, self._end_probe)
            self.show_notice("")  # the key bar shows what is waited for, as long as it is
            self._draw_soon()
        elif self.watched.stream == "leaving":
            self._end_probe()
        else:
            self._leave_now()

    @property
    def _patience(self) -> float:
        connection = self.watched.state.connection
        return READ_BACK_WITHIN if connection is not None and connection.verification == "ack" else LEAVE_WITHIN

    def action_interrupt(self) -> None:
        self._interrupted = True
        self.action_leave()

    def _end_probe(self) -> None:
        self._killed = True
        self._source.kill()
        self._leave_now()

    def _leave_now(self) -> None:
        self.exit(decisions.exit_code(self.watched.moment(), interrupted=self._interrupted, killed=self._killed))


def run(
    source: Source,
    *,
    demo: Demo | None = None,
    contexts: Contexts | None = None,
    leave_at_end: bool = True,
    record: "Target | None" = None,
    recorder: "Recorder | None" = None,
    unable: str = "",
    view: ViewSettings | None = None,
    afterwards: Callable[[Moment, list[str]], None] | None = None,
) -> int:
    """Show a source until the user quits.

    ``afterwards`` is called when the screen is gone, for each session, with what was known last; at last also with the
    names of the recordings made.

    Returns:
        The exit code.
    """
    app = NatsmonApp(
        source,
        demo=demo,
        contexts=contexts,
        leave_at_end=leave_at_end,
        record=record,
        recorder=recorder,
        unable=unable,
        view=view,
    )
    try:
        code = app.run()
    finally:
        source.kill()
        for failure in app.recordings.close():
            if not app.blocked:
                sys.stderr.write(f"natsmon: {failure}\n")
    if afterwards is not None and not app.blocked:
        for moment in app.finished:
            afterwards(moment, [])
        afterwards(app.watched.moment(), app.recordings.made)
    return code if code is not None else app.return_code or 1
