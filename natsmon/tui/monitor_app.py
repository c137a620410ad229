"""An app with a monitor behind it: its events taken in, commands sent to it, its connection switched, and the end."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from functools import partialmethod
from typing import TYPE_CHECKING

from textual.driver import Driver

from natsmon.config.settings import Settings, ViewSettings
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.codec import encode_command
from natsmon.stream.source import Source
from natsmon.text.plain_text import printable
from natsmon.tui.model import decisions
from natsmon.tui.model.key_table import Key, with_keys
from natsmon.tui.model.viewed_stream import ViewedStream
from natsmon.tui.screen_app import ScreenApp

if TYPE_CHECKING:
    from natsmon.wording.narration import Kind

LEAVE_WITHIN = 6.0
"""Seconds a probe may take to drain and end before it is killed."""
READ_BACK_WITHIN = 22.0
"""The same, of one that first waits for acknowledgements and reads the stream back."""
CONFIRM_WITHIN = 3.0
"""Seconds within which a second ``d`` confirms the drain."""
_PROMPT = 0.5
"""Seconds after a key in which events are drawn as they come, not at the next frame."""
_BURST = 256
"""Events taken in before the screen gets a turn."""


class MonitorApp(ScreenApp):
    """Independent of what is drawn. Its arguments are described at ``NatsmonApp``."""

    def __init__(
        self,
        source: Source,
        view: ViewSettings,
        clock: Callable[[], float],
        keys: tuple[Key, ...],
        *,
        leave_at_end: bool,
        unable: str,
    ) -> None:
        super().__init__(view, clock, keys)
        self._source = source
        self._leave_at_end = leave_at_end
        self.viewed = self.make_viewed(source, clock, unable)
        self.viewed.restart_key = self._shown("reconnect")
        self.viewed.on_answer = self._answered
        self.viewed.window.messages = view.messages
        source.on_stray = self.stray_line
        self._interrupted = False
        self._killed = False
        self._prompt_until = 0.0
        self._draw_due = False
        self._drain_asked = -CONFIRM_WITHIN

    def make_viewed(self, source: Source, clock: Callable[[], float], unable: str) -> ViewedStream:
        return ViewedStream(source, clock, unable)

    def on_load(self) -> None:
        """Handle signals before the terminal is in application mode."""
        handlers = {"SIGTERM": self.action_leave, "SIGINT": self.action_interrupt}
        # The terminal is gone, or ctrl+\: leave at once, the terminal restored.
        handlers |= {"SIGHUP": self.quit_at_once, "SIGQUIT": self.quit_at_once}
        with suppress(NotImplementedError, RuntimeError, ValueError):  # no signals here: a thread, or Windows
            for name, handler in handlers.items():
                asyncio.get_running_loop().add_signal_handler(getattr(signal, name), handler)

    def get_driver_class(self) -> type[Driver]:
        """Replace Textual's driver of a Unix terminal."""
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":
            return found
        from natsmon.tui.widgets.terminal_driver import TerminalDriver

        return TerminalDriver

    # -- events in --------------------------------------------------------------------------------

    def _start(self) -> None:
        self.run_worker(self._listen(), group="stream", exclusive=True)

    async def _listen(self) -> None:
        taken = 0
        async for event in self._source.events():
            self.viewed.take(event)
            if self._clock() < self._prompt_until:
                self._draw_soon()
            taken += 1
            if taken % _BURST == 0:
                await asyncio.sleep(0)
        leaving = self.viewed.stream == "leaving"
        self.viewed.over()
        if leaving or (self.viewed.stream == "ended" and self._leave_at_end):
            self._leave_now()
        self._draw_soon()

    def _draw_soon(self) -> None:
        if not self._draw_due:
            self._draw_due = True
            self.call_later(self.draw)

    def draw(self) -> None:
        raise NotImplementedError

    def stray_line(self, line: str) -> None:
        """Log a line that a library or a child process wrote to the terminal."""
        self.viewed.note(printable(line), "warn")

    def log_notice(self, words: str, kind: "Kind" = "info") -> None:
        """Show what was done in the log, and for a few seconds in the place of the key bar."""
        self.viewed.note(words, kind)
        self.show_notice(words)
        self._prompt_until = self._clock() + _PROMPT
        self._draw_soon()

    # -- commands ---------------------------------------------------------------------------------

    def _decide(self, action: str, *, send: bool = True) -> bool:
        """Send the command of an action, unless it is only asked for; False, with a notice, when it does not apply."""
        decision = decisions.decide(action, self.viewed.moment(), pausing=self.viewed.sent.pausing)
        if isinstance(decision, str):
            self.show_notice(with_keys(decision, self._keys))
            return False
        if send:
            self.show_notice("")  # one before was about another key
            self._send(decision)
        return True

    def _send(self, command: commands.AnyCommand) -> None:
        self._prompt_until = self._clock() + _PROMPT
        self._source.send(self.viewed.sent.issue(command))

    def _answered(self, command: commands.AnyCommand, answer: ev.Answer) -> None:
        if answer.outcome == "ignored":
            self.show_notice(f"{decisions.doing(command)}: {with_keys(answer.reason, self._keys)}")
        elif len(self._views) > 1:  # the page hides what the dashboard shows of it
            self.show_notice(f"{decisions.doing(command)}: done")

    action_cancel = partialmethod(_decide, "cancel")
    action_next_server = partialmethod(_decide, "next_server")
    action_pause = partialmethod(_decide, "pause")

    def action_reconnect(self) -> None:
        moment = self.viewed.moment()
        if moment.over and moment.restart:
            self.viewed.note("starting the monitor again")
            self._start_again()
            return
        self._decide("reconnect")

    def switch(self, settings: Settings, words: str) -> None:
        """Connect with other settings, in a new session only where the monitor has stopped."""
        command = commands.Open(conn=self.viewed.state.conn, settings=settings)
        try:
            encode_command(command)
        except ValueError as error:
            self.log_notice(str(error), "bad")
            return
        self.log_notice(words)
        self._send(command)
        if self.viewed.moment().over:
            self._start_again()

    def _start_again(self) -> None:
        self.viewed.begin()
        self._start()
        self._draw_soon()

    def action_drain(self) -> None:
        """Drain at the second press: it ends the connection."""
        confirmed = self._clock() - self._drain_asked <= CONFIRM_WITHIN
        self._drain_asked = -CONFIRM_WITHIN
        if self._decide("drain", send=confirmed) and not confirmed:
            self._drain_asked = self._clock()
            self.show_notice(
                f"{self._shown('drain')} again within {CONFIRM_WITHIN:.0f} s drains and closes the connection"
            )

    # -- the end ----------------------------------------------------------------------------------

    def action_back_or_quit(self) -> None:
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Quit once the probe has drained and ended; at the second time at once."""
        if self.viewed.stream == "leaving":
            self.quit_at_once()
        elif self.viewed.stream != "live" or self.viewed.unable:
            self._leave_now()
        else:
            self.viewed.leave()
            self._send(commands.Close())
            self.set_timer(READ_BACK_WITHIN if self.viewed.state.acknowledged else LEAVE_WITHIN, self.quit_at_once)
            self.show_notice("")  # the key bar shows what is waited for, as long as it is
            self._draw_soon()

    def action_interrupt(self) -> None:
        self._interrupted = True
        self.action_leave()

    def quit_at_once(self) -> None:
        """Quit; the probe is killed."""
        self._killed = True
        self._source.kill()
        self._leave_now()

    def _leave_now(self) -> None:
        self.exit(decisions.exit_code(self.viewed.moment(), interrupted=self._interrupted, killed=self._killed))
