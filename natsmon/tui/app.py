"""The dashboard: takes the events in, draws on one clock, turns keys into commands."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.events import Event
from textual.events import Key as KeyPressed
from textual.screen import Screen
from textual.widgets import Input

from natsmon.config.view_settings import ViewSettings
from natsmon.stream import commands
from natsmon.stream.source import Source
from natsmon.tui.model import decisions
from natsmon.tui.model.key_table import KEYS, RECORD_KEYS, Key, bindings, keys
from natsmon.tui.model.moment import Moment
from natsmon.tui.model.recordings import Recordings
from natsmon.tui.model.watched import Watch
from natsmon.tui.pages.dashboard import Dashboard
from natsmon.tui.widgets import themes
from natsmon.tui.widgets.key_bar import MomentView

if TYPE_CHECKING:
    from natsmon.recording.recorder import Recorder
    from natsmon.recording.target import Target
    from natsmon.wording.narration import Kind

FRAME = 1 / 10
"""Seconds between two looks at the clock; nothing is painted where nothing changed."""
LEAVE_WITHIN = 6.0
"""Seconds a probe may take to drain and end before it is ended."""
READ_BACK_WITHIN = 22.0
"""The same, of one that first waits for acknowledgements, and reads back what the stream has kept."""
NOTICE_SECONDS = 2.5
_PROMPT = 0.5
"""Seconds after a key in which events are drawn as they come, not at the next frame."""
_BURST = 256
"""Events taken in before the screen gets a turn."""


class Sandbox(Protocol):
    """The servers of the demo."""

    def servers(self) -> Sequence[tuple[str, str, str]]:
        """Return name, URL and condition of each: "running", "not running", or its faults. May block."""
        ...

    def apply(self, fault: str, server: str | None = None) -> str:
        """Cause a fault at the server with this URL, and return what was done, in a sentence. May block."""
        ...


class UnknownTheme(ValueError):
    """The text names the themes there are."""


class NatsmonApp(App[int]):
    """One connection, watched and acted upon. Its return value is the exit code."""

    TITLE = "natsmon"
    CSS_PATH = Path(__file__).with_name("app.tcss")  # for a subclass elsewhere, too
    # Textual's own annotation of these two is not a class variable's, which mypy and ruff disagree about.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (78, "-normal"), (180, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (22, "-short"), (34, "-tall"), (52, "-grand")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = bindings(KEYS)

    def __init__(
        self,
        source: Source,
        *,
        view: ViewSettings = ViewSettings(),  # noqa: B008 - frozen
        sandbox: Sandbox | None = None,
        clock: Callable[[], float] = time.monotonic,
        leave_at_end: bool = True,
        record: "Target | None" = None,
        recorder: "Recorder | None" = None,
        unable: str = "",
    ) -> None:
        """``record`` is where a key records to; ``recorder`` one that has been begun already.

        ``unable`` is why no command can be given, where the source takes none.
        """
        super().__init__()
        for theme in (themes.DARK, themes.LIGHT):
            self.register_theme(theme)
        self.view_settings = view
        wanted = view.theme or themes.DARK.name
        if wanted not in self.available_themes:
            raise UnknownTheme(f'"{wanted}" is not a theme; there are {", ".join(sorted(self.available_themes))}')
        # As setting it would, but before anything is styled: else all of it would be styled twice.
        self.set_reactive(App.theme, wanted)
        self.stylesheet.set_variables(self.get_css_variables())
        self._source = source
        self._sandbox = sandbox
        self._sandbox_busy = False
        self._clock = clock
        self._leave_at_end = leave_at_end
        self._keys = self.key_table()
        self.watched = self.make_watch(source, clock, unable)
        self.recordings = Recordings(source, self.watched, record, recorder)
        self._dashboard = self.make_dashboard()
        self._interrupted = False
        self._killed = False
        self._prompt_until = 0.0
        self._draw_due = False
        self._notice_until = 0.0
        self._session = self.watched.sessions

    # -- what a replay has another of -------------------------------------------------------------

    def key_table(self) -> tuple[Key, ...]:
        return keys(KEYS, sandbox=self._sandbox is not None)

    def page_key_table(self) -> tuple[Key, ...]:
        """What the help says of the pages."""
        return keys(RECORD_KEYS, sandbox=self._sandbox is not None)

    def make_watch(self, source: Source, clock: Callable[[], float], unable: str) -> Watch:
        return Watch(source, clock, unable)

    def make_dashboard(self) -> Dashboard:
        return Dashboard(self.watched.book, self._keys)

    # -- from the start to the end ----------------------------------------------------------------

    def get_default_screen(self) -> Dashboard:
        """It has the classes of its size from the start: Textual sets them once it is painted, to paint it again."""
        for cells, breakpoints in zip(self.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True):
            _, name = max((least, name) for least, name in breakpoints if least <= cells)
            self._dashboard.add_class(name, update=False)
        return self._dashboard

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError, ValueError):  # no signals here: a thread, or Windows
            loop.add_signal_handler(signal.SIGTERM, self.action_leave)
            loop.add_signal_handler(signal.SIGINT, self.action_interrupt)
        self.set_interval(FRAME, self.draw)
        self._start()
        self.draw()  # so that every panel has something to say as soon as it has a size

    def on_unmount(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_signal_handler(signal.SIGINT)

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
                screen.keybar.say("")
        self.recordings.look()
        if self._session != self.watched.sessions:
            self._session = self.watched.sessions
            self._leave_records()
        self._views[-1].show(self.watched.moment(), self.watched.revision)

    def _leave_records(self) -> None:
        """Another session has other records, and another beginning: of the last one's none is shown any more."""
        while any(isinstance(screen, MomentView) and screen.of_a_record for screen in self.screen_stack):
            self.pop_screen()  # and what is on top of one, such as the help

    @property
    def _views(self) -> list[MomentView]:
        """The dashboard, and a page on top of it if one is open."""
        return [self._dashboard, *(screen for screen in self.screen_stack[1:] if isinstance(screen, MomentView))]

    def say(self, notice: str) -> None:
        """A sentence in the place of the key bar, for a few seconds."""
        self._views[-1].keybar.say(notice)
        self._notice_until = self._clock() + NOTICE_SECONDS

    # -- keys -------------------------------------------------------------------------------------

    async def on_event(self, event: Event) -> None:
        """A key is obeyed before the next one is looked at, which may be meant for what it opens.

        Textual would send each of them to the screen first. Several that come together, as over a slow line, would
        then all be commands: the letters behind a ``/``, too.
        """
        if not isinstance(event, KeyPressed) or event.is_forwarded or isinstance(self.focused, Input):
            await super().on_event(event)
            return
        self.app_focus = True  # as Textual has it: who types looks at it
        if not await self._check_bindings(event.key, priority=True):
            await self._check_bindings(event.key)

    def _decide(self, decision: decisions.Decision) -> None:
        if isinstance(decision, str):
            self.say(decision)
            return
        if len(self._views) > 1:  # the page hides what the dashboard would show of it
            self.say(decisions.in_words(decision))
        self._prompt_until = self._clock() + _PROMPT
        self.watched.asked(decision)
        self._source.send(decision)

    def action_cancel(self) -> None:
        self._decide(decisions.cancel(self.watched.moment()))

    def action_reconnect(self) -> None:
        moment = self.watched.moment()
        if moment.over and moment.can_restart:
            self.watched.note("starting a new probe")
            if len(self._views) > 1:
                self.say("starting a new probe")
            self.watched.begin()
            self._start()
            self._draw_soon()
            return
        self._decide(decisions.reconnect(moment))

    def action_next_server(self) -> None:
        self._decide(decisions.next_server(self.watched.moment()))

    def get_driver_class(self) -> type[Driver]:
        """Replace the driver of a Unix terminal by ours."""
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":
            return found
        from natsmon.tui.widgets.terminal_driver import TerminalDriver

        return TerminalDriver

    def action_pause(self) -> None:
        self._decide(decisions.pause(self.watched.moment(), asked=self.watched.pausing))

    def action_drain(self) -> None:
        self._decide(decisions.drain(self.watched.moment()))

    def action_sandbox(self) -> None:
        if self._sandbox is None:
            return
        if self._sandbox_busy:
            self.say("one moment: the last kill or start is not done yet")
            return
        self._sandbox_busy = True
        self.run_worker(partial(self._kill_or_start, self._sandbox), group="sandbox", thread=True)

    def _kill_or_start(self, sandbox: Sandbox) -> None:
        """In a thread: starting a server takes a while."""
        kind: Kind = "info"
        try:
            down = any(condition == "not running" for _, _, condition in sandbox.servers())
            on = self.watched.state.connected
            done = sandbox.apply("start" if down else "kill", on.server if on else None)
        except Exception as error:  # a server that does not start is no reason to lose sight of the connection
            lines = str(error).strip().splitlines() or [type(error).__name__]
            done, kind = f"the demo's server: {lines[-1].strip()}", "bad"
        self.call_from_thread(self._sandbox_done, done, kind)

    def _sandbox_done(self, done: str, kind: "Kind") -> None:
        self._sandbox_busy = False
        self._prompt_until = self._clock() + _PROMPT
        self.watched.note(done, kind)
        self.say(done)

    def action_leave(self) -> None:
        if self.watched.stream == "live" and self.watched.unable:
            self._leave_now()
        elif self.watched.stream == "live":
            self.watched.leave()
            self._source.send(commands.Close())
            self.set_timer(self._patience, self._end_probe)
            self.say("")  # the key bar tells what is waited for, as long as it is
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

    def action_help(self) -> None:
        from natsmon.tui.pages.help_page import HelpScreen  # only when asked for: it costs first paint else

        self.push_screen(HelpScreen(self._keys, self.page_key_table()))

    def action_messages(self) -> None:
        shown = not self.watched.book.messages
        self._dashboard.log_panel.show_messages(shown)
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
        yield SystemCommand(
            "Theme", "Change the colours: natsmon-dark, natsmon-light and more", self.action_change_theme
        )


def _works_on(screen: Screen[object], key: Key) -> bool:
    """A key that acts on the screen may not be one of every page."""
    target, _, action = key.action.rpartition(".")
    return target != "screen" or hasattr(screen, f"action_{action}")


def run(
    source: Source,
    *,
    view: ViewSettings = ViewSettings(),  # noqa: B008 - frozen
    sandbox: Sandbox | None = None,
    leave_at_end: bool = True,
    record: "Target | None" = None,
    recorder: "Recorder | None" = None,
    unable: str = "",
    afterwards: Callable[[Moment, list[str]], None] | None = None,
) -> int:
    """Show a source until the user leaves; the exit code.

    ``afterwards`` is called when the screen is gone, with what was known last and the names of the recordings made.
    """
    app = NatsmonApp(
        source, view=view, sandbox=sandbox, leave_at_end=leave_at_end, record=record, recorder=recorder, unable=unable
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
