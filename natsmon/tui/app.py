"""The dashboard: takes the events in, draws on one clock, turns keys into commands."""

import asyncio
import signal
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import ClassVar, Protocol

from textual import constants
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen

from natsmon import events as ev
from natsmon.narration import Narrator
from natsmon.sources import Source
from natsmon.state import State
from natsmon.tui import decisions, figures, themes
from natsmon.tui.dashboard import Dashboard
from natsmon.tui.keys import KEYS, Key, keys
from natsmon.tui.log import Book, Entry
from natsmon.tui.moment import Moment, Stream, StreamClock

FRAME = 1 / 10
"""Seconds between two looks at the clock; nothing is painted where nothing changed."""
LEAVE_WITHIN = 6.0
"""Seconds a probe may take to drain and end before it is ended."""
NOTICE_SECONDS = 5.0
_PROMPT = 0.5
"""Seconds after a key in which events are drawn as they come, not at the next frame."""
_BURST = 256
"""Events taken in before the screen gets a turn."""


def _binding(key: Key) -> Binding:
    return Binding(key.keys, key.action, key.title, tooltip=key.tooltip, id=key.id, show=False, priority=key.priority)


class Sandbox(Protocol):
    """The server of the demo."""

    def kill_or_start(self) -> str:
        """Kill it, or start it when it is down; say in a sentence what was done. May block."""
        ...


class NatsmonApp(App[int]):
    """One connection, watched and acted upon. Its return value is the exit code."""

    TITLE = "natsmon"
    CSS_PATH = "app.tcss"
    # Textual's own annotation of these two is not a class variable's, which mypy and ruff disagree about.
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (78, "-normal")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (22, "-short"), (34, "-tall"), (52, "-grand")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *(_binding(key) for key in KEYS),
        Binding("escape", "drop_filter", show=False, id="natsmon.drop_filter"),
    ]

    def __init__(
        self,
        source: Source,
        *,
        sandbox: Sandbox | None = None,
        clock: Callable[[], float] = time.monotonic,
        leave_at_end: bool = True,
    ) -> None:
        super().__init__()
        for theme in (themes.DARK, themes.LIGHT):
            self.register_theme(theme)
        if constants.DEFAULT_THEME == "textual-dark":  # unless TEXTUAL_THEME asks for another
            self.theme = themes.DARK.name
        self._source = source
        self._sandbox = sandbox
        self._sandbox_busy = False
        self._clock = clock
        self._leave_at_end = leave_at_end
        self._keys = keys(sandbox=sandbox is not None)
        self.book = Book()
        self._dashboard = Dashboard(self.book, self._keys)
        self.state = State()
        self.stream: Stream = "live"
        self._narrator = Narrator()
        self._stream_clock = StreamClock(clock)
        self._revision = 0
        self._interrupted = False
        self._killed = False
        self._prompt_until = 0.0
        self._draw_due = False
        self._notice_until = 0.0

    def get_default_screen(self) -> Dashboard:
        return self._dashboard

    def on_mount(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError, ValueError):  # no signals here: a thread, or Windows
            loop.add_signal_handler(signal.SIGTERM, self.action_leave)
            loop.add_signal_handler(signal.SIGINT, self.action_interrupt)
        self.set_interval(FRAME, self.draw)
        self._start()

    def on_unmount(self) -> None:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError, RuntimeError, ValueError):
            loop.remove_signal_handler(signal.SIGTERM)
            loop.remove_signal_handler(signal.SIGINT)

    # -- events in --------------------------------------------------------------------------------

    def _start(self) -> None:
        """Listen to a stream from its beginning; the log keeps what it has."""
        self.state = State()
        self._narrator = Narrator()
        self._stream_clock = StreamClock(self._clock)
        self.stream = "live"
        self._revision += 1
        self.run_worker(self._listen(), group="stream", exclusive=True)

    async def _listen(self) -> None:
        taken = 0
        async for event in self._source.events():
            self._take(event)
            taken += 1
            if taken % _BURST == 0:
                await asyncio.sleep(0)
        self._stream_over()

    def _take(self, event: ev.AnyEvent) -> None:
        self.state.apply(event)
        self._stream_clock.hear(event.t)
        message = isinstance(event, ev.Published | ev.Echoed)
        self._revision += not message  # the panels show totals, which come as a tally
        line = self._narrator.tell(event, self.state)
        if line is not None:
            at = figures.wall_millis(self.state.wall(line.t))
            self.book.add(Entry(at, line.text, line.kind, message))
        if self._clock() < self._prompt_until:
            self._draw_soon()

    def _stream_over(self) -> None:
        leaving = self.stream == "leaving"
        self.stream = "ended" if self.state.end is not None else "died"
        self._stream_clock.stop()
        self._revision += 1
        if leaving or (self.stream == "ended" and self._leave_at_end):
            self._leave_now()
        elif self.stream == "died":
            how = f" ({self._source.obituary})" if self._source.obituary else ""
            self._log_line(f"the probe died{how}", "bad")
            self._draw_soon()

    def _log_line(self, text: str, kind: str) -> None:
        """A line about what no event tells."""
        self.book.add(Entry(figures.wall_millis(self.state.wall(self.moment().now)), text, kind))

    # -- the screen -------------------------------------------------------------------------------

    def moment(self) -> Moment:
        now = self._stream_clock.now(self.state.now)
        return Moment(self.state, now, self.stream, self._source.obituary, self._source.can_restart)

    def _draw_soon(self) -> None:
        if not self._draw_due:
            self._draw_due = True
            self.call_later(self.draw)

    def draw(self) -> None:
        """Show the present; whatever looks the same is not painted again."""
        self._draw_due = False
        if self._notice_until and self._clock() > self._notice_until:
            self._notice_until = 0.0
            self._dashboard.keybar.say("")
        self._dashboard.show(self.moment(), self._revision)

    def say(self, notice: str) -> None:
        """A sentence in the place of the key bar, for a few seconds."""
        self._dashboard.keybar.say(notice)
        self._notice_until = self._clock() + NOTICE_SECONDS

    # -- keys -------------------------------------------------------------------------------------

    def _decide(self, decision: decisions.Decision) -> None:
        if isinstance(decision, str):
            self.say(decision)
            return
        self._prompt_until = self._clock() + _PROMPT
        self._source.send(decision)

    def action_cancel(self) -> None:
        self._decide(decisions.cancel(self.moment()))

    def action_reconnect(self) -> None:
        moment = self.moment()
        if moment.over and moment.can_restart:
            self._log_line("starting a new probe", "info")
            self._start()
            self._draw_soon()
            return
        self._decide(decisions.reconnect(moment))

    def action_next_server(self) -> None:
        self._decide(decisions.next_server(self.moment()))

    def action_pause(self) -> None:
        self._decide(decisions.pause(self.moment()))

    def action_drain(self) -> None:
        self._decide(decisions.drain(self.moment()))

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
        done = "nothing was done"
        try:
            done = sandbox.kill_or_start()
        finally:
            self.call_from_thread(self._sandbox_done, done)

    def _sandbox_done(self, done: str) -> None:
        self._sandbox_busy = False
        self._prompt_until = self._clock() + _PROMPT
        self._log_line(done, "info")
        self.say(done)

    def action_leave(self) -> None:
        if self.stream == "live":
            self.stream = "leaving"
            self._revision += 1
            self._source.send(ev.Close())
            self.set_timer(LEAVE_WITHIN, self._end_probe)
            doing = "draining…" if self.state.status in ("CONNECTED", "DRAINING") else "closing…"
            self.say(f"{doing} q again leaves at once")
        elif self.stream == "leaving":
            self._end_probe()
        else:
            self._leave_now()

    def action_interrupt(self) -> None:
        self._interrupted = True
        self.action_leave()

    def _end_probe(self) -> None:
        self._killed = True
        self._source.kill()
        self._leave_now()

    def _leave_now(self) -> None:
        self.exit(decisions.exit_code(self.moment(), interrupted=self._interrupted, killed=self._killed))

    def action_help(self) -> None:
        from natsmon.tui.help import HelpScreen  # only when asked for: it costs first paint else

        self.push_screen(HelpScreen(self._keys))

    # -- the event log ----------------------------------------------------------------------------

    def action_filter(self) -> None:
        from natsmon.tui.filter import FilterInput

        self._dashboard.keybar.display = False
        entry = FilterInput(self.book.needle)
        self._dashboard.mount(entry)
        entry.focus()

    def filter_events(self, needle: str) -> None:
        self.book.select(needle)
        self._dashboard.log_panel.redraw()

    def close_filter(self) -> None:
        from natsmon.tui.filter import FilterInput

        self._dashboard.query(FilterInput).remove()
        self._dashboard.keybar.display = True

    def action_drop_filter(self) -> None:
        if self.book.needle:
            self.filter_events("")

    def action_follow(self) -> None:
        self._dashboard.log_panel.toggle_follow()

    def action_messages(self) -> None:
        self.book.select(messages=not self.book.messages)
        self._dashboard.log_panel.redraw()
        self.say("single messages are " + ("shown" if self.book.messages else "hidden; the counters go on"))

    def action_scroll_log(self, lines: int) -> None:
        self._dashboard.log_panel.move(lines)

    def action_page_log(self, direction: int) -> None:
        self._dashboard.log_panel.page(direction)

    def action_log_start(self) -> None:
        self._dashboard.log_panel.to_start()

    def action_log_end(self) -> None:
        self._dashboard.log_panel.to_end()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for key in self._keys:
            if key.title:
                yield SystemCommand(f"{key.title} ({key.shown})", key.tooltip, partial(self.run_action, key.action))
        yield SystemCommand(
            "Theme", "Change the colours: natsmon-dark, natsmon-light and more", self.action_change_theme
        )
        yield SystemCommand(
            "Screenshot", "Save the screen as SVG", lambda: self.set_timer(0.1, self.deliver_screenshot)
        )


def run(source: Source, *, sandbox: Sandbox | None = None, leave_at_end: bool = True) -> int:
    """Show a source until the user leaves; the exit code."""
    app = NatsmonApp(source, sandbox=sandbox, leave_at_end=leave_at_end)
    try:
        code = app.run()
    finally:
        source.kill()
    return code if code is not None else app.return_code or 1
