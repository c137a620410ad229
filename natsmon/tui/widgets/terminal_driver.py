"""Textual's driver of a terminal, for terminals that accept no output and processes that are stopped and continued."""

import os
import re
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.drivers.linux_driver import LinuxDriver

from natsmon.tui.widgets.stray_output import StrayOutput
from natsmon.tui.widgets.terminal_output import TerminalOutput

if TYPE_CHECKING:
    from natsmon.tui.monitor_app import MonitorApp

GIVE_UP_AFTER = 2.0
"""Seconds a terminal may take to accept the end of the output, before natsmon leaves without it."""
_CONTROL = re.compile(r"(\x1b\](?!8)\d+);.*|(\x1b\[[?<>=]?[\d;$ ]*)[a-zA-Z]|(\a)", re.DOTALL)
"""One control sequence; everything else is a frame."""


class TerminalDriver(LinuxDriver):
    """Draws on standard output, in a thread of its own, and keeps the output of others off the screen.

    After SIGSTOP and SIGCONT, Textual enters application mode a second time. The threads of the first time would then
    keep the process from ending, and the terminal's settings would not be restored; so it is left first.
    """

    blocked = False
    """True when the terminal has not accepted the end of the output."""
    _entered = False
    _frame = ""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._file = sys.__stdout__  # of Textual's own writer, which has nothing to write
        encoding = getattr(sys.__stdout__, "encoding", None) or "utf-8"
        app = cast("MonitorApp", self._app)
        self._output = TerminalOutput(
            os.dup(1), encoding, partial(self._call, app.refresh), partial(self._call, app.quit_at_once)
        )
        self._stray = StrayOutput(app.stray_line)

    def _sigtstp_application(self, *_: object) -> None:
        """In the loop, and not in the middle of a frame."""
        self._loop.call_soon_threadsafe(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(super()._sigcont_application)

    def _call(self, function: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(function)

    def _get_terminal_size(self) -> tuple[int, int]:
        """From standard input: standard output is replaced."""
        try:
            return shutil.get_terminal_size(os.get_terminal_size(self.fileno))
        except OSError:
            return shutil.get_terminal_size()

    def write(self, data: str) -> None:
        """Write a control sequence, or a part of a frame: the sequences around a frame belong to it."""
        if data == SYNC_START:
            self._frame = data
        elif data == SYNC_END:
            self._output.write(self._frame + data)
            self._frame = ""
        elif control := _CONTROL.fullmatch(data):
            self._output.write(data, control[control.lastindex or 0])
        elif self._frame:
            self._frame += data
        else:
            self._output.write(data)

    def start_application_mode(self) -> None:
        """Enter it; a shell may have changed the terminal while the process was stopped."""
        if self._entered:
            self.suspend_application_mode()
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self._entered = self._key_thread is not None and self._key_thread.is_alive()
        if self._entered:
            self._stray.begin()

    def stop_application_mode(self) -> None:
        super().stop_application_mode()
        self._entered = False

    def close(self) -> None:
        super().close()
        self.blocked = not self._output.finish(GIVE_UP_AFTER)
        self._stray.end(write=not self.blocked)
