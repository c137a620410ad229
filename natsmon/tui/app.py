"""The app: takes the events in, draws at each frame, turns keys into commands."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import msgspec
from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.events import Event
from textual.events import Key as KeyPressed
from textual.screen import Screen
from textual.widgets import Input

from natsmon.config.view_settings import ViewSettings
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.source import Source
from natsmon.tui.model import decisions
from natsmon.tui.model.key_table import KEYS, RECORD_KEYS, Key, bindings, keymap_problems, rebound, with_keys
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.recordings import Recordings
from natsmon.tui.model.watched import Watched
from natsmon.tui.pages.dashboard import Dashboard
from natsmon.tui.widgets import themes
from natsmon.tui.widgets.key_bar import MomentView, doing

if TYPE_CHECKING:
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
NOTICE_SECONDS = 2.5
CONFIRM_WITHIN = 3.0
"""Seconds within which a second ``d`` confirms the drain."""
COPIED_AT_MOST = 64 * 1024
"""Bytes of one OSC 52; terminals drop longer ones."""
_PROMPT = 0.5
"""Seconds after a key in which events are drawn as they come, not at the next frame."""
_BURST = 256
"""Events taken in before the screen gets a turn."""


class Fault(Protocol):
    """A fault that the demo can cause."""

    @property
    def name(self) -> str:
        """For ``Demo.apply``."""
        ...

    @property
    def key(self) -> str:
        """In the menu."""
        ...

    @property
    def description(self) -> str:
        """What it does."""
        ...


class Demo(Protocol):
    """The servers of the demo. Every method may block."""

    def faults(self) -> Sequence[Fault]:
        """What ``apply`` can do."""
        ...

    def apply(self, fault: str, server: str | None = None) -> str:
        """Cause a fault at the server of this URL; what was done, in a sentence."""
        ...


class UnknownTheme(ValueError):
    """Its text lists the themes."""


class NatsmonApp(App[int]):
    """One connection, watched and acted upon. Its return value is the exit code."""

    TITLE = "natsmon"
    CSS_PATH = Path(__file__).with_name("app.tcss")  # for a subclass elsewhere, too
    # Textual's own annotation of these two is not a class variable's, which mypy and ruff disagree about.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (78, "-normal"), (180, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (22, "-short"), (34, "-tall"), (52, "-grand")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)
    ENABLE_COMMAND_PALETTE = True

    def __init__(
        self,
        source: Source,
        *,
        demo: Demo | None = None,
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
            clock: The view's clock, in seconds.
            leave_at_end: Whether to quit when the stream ends.
            record: Where a key records to.
            recorder: A recording that has begun.
            unable: Why no command can be given, where the source takes none.
            view: Theme, keymap and the like.
        """
        super().__init__()
        self.view = view or ViewSettings()
        self._alerts: HealthWatch | None = None
        self._choose_theme()
        self._source = source
        self._demo = demo
        self._demo_busy = False
        self._clock = clock
        self._leave_at_end = leave_at_end
        self.keymap_of_user = dict(self.view.keymap)
        self._keys = rebound(self.key_table(), self.keymap_of_user)
        self.watched = self.make_watched(source, clock, unable)
        self.watched.on_answer = self._answered
        self.recordings = Recordings(source, self.watched, record, recorder)
        self._dashboard = self.make_dashboard()
        self._interrupted = False
        self._killed = False
        self._prompt_until = 0.0
        self._draw_due = False
        self._notice_until = 0.0
        self._drain_asked = -CONFIRM_WITHIN
        self._session = self.watched.sessions

    def _choose_theme(self) -> None:
        """The one of the settings, else natsmon's own."""
        for theme in (themes.DARK, themes.LIGHT):
            self.register_theme(theme)
        wanted = self.view.theme or themes.DARK.name
        if wanted not in self.available_themes:
            raise UnknownTheme(f'"{wanted}" is not a theme; there are {", ".join(sorted(self.available_themes))}')
        # As setting it would, but before anything is styled: else all of it would be styled twice.
        self.set_reactive(App.theme, wanted)
        self.stylesheet.set_variables(self.get_css_variables())

    # -- what a replay replaces -------------------------------------------------------------------

    def key_table(self) -> tuple[Key, ...]:
        """The keys of this app."""
        return KEYS if self._demo is not None else tuple(key for key in KEYS if key.id != "faults")

    def make_watched(self, source: Source, clock: Callable[[], float], unable: str) -> Watched:
        """What is known from the source."""
        return Watched(source, clock, unable)

    def make_dashboard(self) -> Dashboard:
        """The screen below every page."""
        return Dashboard(self.watched.window, self._keys)

    # -- from the start to the end ----------------------------------------------------------------

    def get_default_screen(self) -> Dashboard:
        """It has the classes of its size from the start: Textual sets them once it is painted, to paint it again."""
        for cells, breakpoints in zip(self.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True):
            _, name = max((least, name) for least, name in breakpoints if least <= cells)
            self._dashboard.add_class(name, update=False)
        return self._dashboard

    def get_driver_class(self) -> type[Driver]:
        """Replace Textual's driver of a Unix terminal."""
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":
            return found
        from natsmon.tui.widgets.terminal_driver import TerminalDriver

        return TerminalDriver

    def on_mount(self) -> None:
        self._signals(add=True)
        if self.keymap_of_user:
            self.set_keymap(self.keymap_of_user)
            for problem in keymap_problems(self.keymap_of_user, self.key_table()):
                self.watched.note(problem, "warn")
                self.say(problem)
        self.set_interval(FRAME, self.draw)
        self._start()
        self._watch_health()
        self.draw()  # so that every panel has something to show as soon as it has a size

    def on_unmount(self) -> None:
        self._signals(add=False)

    def _signals(self, *, add: bool) -> None:
        loop = asyncio.get_running_loop()
        handlers = {signal.SIGTERM: self.action_leave, signal.SIGINT: self.action_interrupt}
        for name in ("SIGHUP", "SIGQUIT"):  # the terminal is gone, or ctrl+\: leave at once, the terminal restored
            if (number := getattr(signal, name, None)) is not None:
                handlers[number] = self._end_probe
        with suppress(NotImplementedError, RuntimeError, ValueError):  # no signals here: a thread, or Windows
            for number, handler in handlers.items():
                if add:
                    loop.add_signal_handler(number, handler)
                else:
                    loop.remove_signal_handler(number)

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
        if self._notice_until and self._clock() > self._notice_until:
            self._notice_until = 0.0
            for screen in self._views:
                screen.keybar.show_notice("")
        self.recordings.look()
        self.watched.look()
        if (late := self.watched.sent.overdue()) is not None:
            self.say(f"{doing(late)}: no answer from the monitor process yet")
        if self._session != self.watched.sessions:
            self._session = self.watched.sessions
            self._leave_records()
        moment = self.watched.moment()
        self._views[-1].show(moment, self.watched.revision)
        if self._alerts is not None and (health := moment.health) is not None:
            self._alerts.update(moment.state, health, moment.now)

    def _watch_health(self) -> None:
        """Start the alerts that are wanted, if any."""
        view = self.view
        if view.bell or view.notify or view.on_change or view.on_outage:
            from natsmon.alerts.health_watch import HealthWatch  # most runs have no alerts

            without_title = msgspec.structs.replace(view, title=False)
            self._alerts = HealthWatch(without_title, self._write_control, self._alert_failed)

    def _write_control(self, sequence: str) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def _alert_failed(self, failure: str) -> None:
        self.watched.note(failure, "bad")

    def _leave_records(self) -> None:
        """Another session has other records: close the pages of the last one's."""
        while any(isinstance(screen, MomentView) and screen.of_a_record for screen in self.screen_stack):
            self.pop_screen()  # and what is on top of one

    @property
    def _views(self) -> list[MomentView]:
        """The dashboard and the pages over it."""
        return [self._dashboard, *(screen for screen in self.screen_stack[1:] if isinstance(screen, MomentView))]

    def say(self, notice: str) -> None:
        """Show a sentence in the place of the key bar, for a few seconds."""
        self._views[-1].keybar.show_notice(notice)
        self._notice_until = self._clock() + NOTICE_SECONDS

    # -- keys -------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """Execute a key before looking at the next one, which may be meant for what it opens.

        Textual would send each of them to the screen first. Several that come together, as over a slow line, would
        then all be commands: the letters after a ``/``, too.
        """
        if not isinstance(event, KeyPressed) or event.is_forwarded or self._typing:
            await super().on_event(event)
            return
        self.app_focus = True  # as Textual does
        if not await self._check_bindings(event.key, priority=True):
            await self._check_bindings(event.key)

    @property
    def _typing(self) -> bool:
        """Whether keys are for a prompt, a menu or the palette."""
        return isinstance(self.focused, Input) or not isinstance(self.screen, MomentView)

    def _decide(self, action: str) -> bool:
        """Send the command of an action; False when it does not apply."""
        decision = decisions.decide(action, self.watched.moment(), pausing=self.watched.sent.pausing)
        if isinstance(decision, str):
            self.say(with_keys(decision, self._keys))
            return False
        self._send(decision)
        return True

    def _send(self, command: commands.AnyCommand) -> None:
        self._prompt_until = self._clock() + _PROMPT
        self._source.send(self.watched.sent.issue(command))

    def _answered(self, command: commands.AnyCommand, answer: ev.Answer) -> None:
        if answer.outcome == "ignored":
            self.say(f"{doing(command)}: {with_keys(answer.reason, self._keys)}")
        elif len(self._views) > 1:  # the page hides what the dashboard shows of it
            self.say(f"{doing(command)}: done")

    def action_cancel(self) -> None:
        self._decide("cancel")

    def action_reconnect(self) -> None:
        moment = self.watched.moment()
        if moment.over and moment.can_restart:
            self.watched.note("starting the monitor again")
            self.watched.begin()
            self._start()
            self._draw_soon()
            return
        self._decide("reconnect")

    def action_next_server(self) -> None:
        self._decide("next_server")

    def action_pause(self) -> None:
        self._decide("pause")

    def action_drain(self) -> None:
        """Drain at the second press: it ends the connection."""
        confirmed = self._clock() - self._drain_asked <= CONFIRM_WITHIN
        self._drain_asked = -CONFIRM_WITHIN
        if confirmed:
            self._decide("drain")
            return
        decision = decisions.decide("drain", self.watched.moment())
        if isinstance(decision, str):
            self.say(with_keys(decision, self._keys))
            return
        self._drain_asked = self._clock()
        self.say(f"{self._shown('drain')} again within {CONFIRM_WITHIN:.0f} s drains and closes the connection")

    def _shown(self, key_id: str) -> str:
        return next((key.shown for key in self._keys if key.id == key_id), "")

    def action_faults(self) -> None:
        """Open the demo's menu of faults."""
        if self._demo is None:
            self.say("only natsmon demo causes faults")
            return
        from natsmon.tui.pages.fault_menu import FaultMenu

        self.push_screen(FaultMenu(self._demo.faults()), self._cause)

    def _cause(self, fault: str | None) -> None:
        if fault is None or self._demo is None:
            return
        if self._demo_busy:
            self.say("the fault before is still being caused")
            return
        self._demo_busy = True
        connected = self.watched.state.connected
        server = connected.server if connected is not None else None
        self.run_worker(partial(self._apply, self._demo, fault, server), group="demo", thread=True)

    def _apply(self, demo: Demo, fault: str, server: str | None) -> None:
        """In a thread: starting a server takes a while."""
        kind: Kind = "info"
        try:
            done = demo.apply(fault, server)
        except Exception as error:  # the view goes on without the demo's servers
            lines = str(error).strip().splitlines() or [type(error).__name__]
            done, kind = f"{fault}: {lines[-1].strip()}", "bad"
        self.call_from_thread(self._applied, done, kind)

    def _applied(self, done: str, kind: "Kind") -> None:
        self._demo_busy = False
        self._prompt_until = self._clock() + _PROMPT
        self.watched.note(done, kind)
        self.say(done)

    # -- pages ------------------------------------------------------------------------------------

    def action_page(self, name: str) -> None:
        """Open a page from anywhere: the help over the page in sight, another one in its place."""
        while name != "help" and len(self.screen_stack) > 1 and self.screen.name != name:
            self.pop_screen()
        if name != "dashboard" and self.screen.name != name:
            from natsmon.tui.pages.page_list import page_named

            keys = tuple(key for key in self._keys)
            self.push_screen(page_named(name, keys, rebound(RECORD_KEYS, self.keymap_of_user)))

    def action_back_or_quit(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.action_leave()

    def copy_rows(self, lines: list[str]) -> None:
        """Copy lines to the clipboard of the terminal (OSC 52), and confirm."""
        text = "\n".join(lines)
        cut = text.encode()[:COPIED_AT_MOST].decode(errors="ignore")
        if not cut.strip():
            self.say("nothing to copy")
            return
        self.copy_to_clipboard(cut)
        what = f"{len(lines):,} lines" if len(lines) > 1 else "1 line"
        self.say(f"copied {what}" + (f": only the first {len(cut.encode()):,} bytes" if len(cut) < len(text) else ""))

    # -- the end ----------------------------------------------------------------------------------

    def action_leave(self) -> None:
        if self.watched.stream == "live" and self.watched.unable:
            self._leave_now()
        elif self.watched.stream == "live":
            self.watched.leave()
            self._send(commands.Close())
            self.set_timer(self._patience, self._end_probe)
            self.say("")  # the key bar shows what is waited for, as long as it is
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

    # -- what is shown ----------------------------------------------------------------------------

    def action_messages(self) -> None:
        shown = not self.watched.window.messages
        self._dashboard.events.show_messages(shown)
        self.say("single messages are " + ("shown" if shown else "hidden; the counters go on"))

    def action_record(self) -> None:
        self.say(self.recordings.toggle())
        self._draw_soon()

    def action_save_screen(self) -> None:
        from natsmon.tui import screenshot

        words, kind = screenshot.save(self)
        self.watched.note(words, kind)
        self.say(words)
        self._draw_soon()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for key in self._keys:
            if key.title and _works_on(screen, key):
                yield SystemCommand(f"{key.title} ({key.shown})", key.tooltip, partial(self.run_action, key.action))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)


def _works_on(screen: Screen[object], key: Key) -> bool:
    """A key that acts on the screen may not be one of every page."""
    target, _, action = key.action.partition("(")[0].rpartition(".")
    return target != "screen" or hasattr(screen, f"action_{action}")


def run(
    source: Source,
    *,
    demo: Demo | None = None,
    leave_at_end: bool = True,
    record: "Target | None" = None,
    recorder: "Recorder | None" = None,
    unable: str = "",
    view: ViewSettings | None = None,
    afterwards: Callable[[Moment, list[str]], None] | None = None,
) -> int:
    """Show a source until the user quits.

    ``afterwards`` is called when the screen is gone, with what was known last and the names of the recordings made.

    Returns:
        The exit code.
    """
    app = NatsmonApp(
        source, demo=demo, leave_at_end=leave_at_end, record=record, recorder=recorder, unable=unable, view=view
    )
    try:
        code = app.run()
    finally:
        source.kill()
        for failure in app.recordings.close():
            sys.stderr.write(f"natsmon: {failure}\n")
    if afterwards is not None:
        afterwards(app.watched.moment(), app.recordings.made)
    return code if code is not None else app.return_code or 1
