"""Textual's driver of a terminal, for terminals that accept no output and processes that are stopped and continued."""

import asyncio
import os
import re
import select
import shutil
import sys
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from natsmon.tui.monitor_app import MonitorApp

GIVE_UP_AFTER = 2.0
"""Seconds a terminal may take to accept the end of the output, before natsmon leaves without it."""
_CONTROL = re.compile(r"(\x1b\](?!8)\d+);.*|(\x1b\[[?<>=]?[\d;$ ]*)[a-zA-Z]|(\a)", re.DOTALL)
"""One control sequence; everything else is a frame."""
LIMIT = 256 * 1024
"""Bytes that may wait before frames are dropped."""
_CHUNK = 64 * 1024
_LOOK_EVERY = 1.0
"""Seconds without output after which the terminal is looked at: one may be gone without a signal."""


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


class TerminalOutput:
    """Writes in a thread. Beyond the limit, whole frames are dropped until everything before them is written.

    In the thread, ``on_resumed`` is called when frames were dropped and the terminal has accepted the rest, ``on_gone``
    when the terminal is gone.
    """

    def __init__(
        self, descriptor: int, encoding: str, on_resumed: Callable[[], object], on_gone: Callable[[], object]
    ) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._on_resumed = on_resumed
        self._on_gone = on_gone
        self._pending: deque[tuple[str, bytes]] = deque()
        self._running = False
        self._finishing = False
        self._dropping = False
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """Bytes in the queue."""
        return sum(len(data) for _, data in self._pending)

    def write(self, text: str, kind: str = "") -> None:
        """Queue a frame, or a control sequence with its kind; never blocks.

        A control sequence is never dropped, but while frames are, the newest of a kind replaces the one before.
        """
        with self._changed:
            self._dropping |= self.waiting > LIMIT
            self._pending.append((kind, text.encode(self._encoding, "replace")))
            if self._dropping:
                self._keep_controls()
            self._changed.notify_all()
            if not self._running:
                self._running, self._finishing = True, False
                threading.Thread(target=self._run, name="terminal-output", daemon=True).start()

    def finish(self, seconds: float) -> bool:
        """Drop the frames that wait, write the control sequences, and end the thread; False if that takes longer."""
        with self._changed:
            self._keep_controls()
            self._finishing = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._running, seconds)

    def _keep_controls(self) -> None:
        kept: dict[str, bytes] = {}
        for kind, data in self._pending:
            if kind:
                kept.pop(kind, None)  # the newest one comes last
                kept[kind] = data
        self._pending = deque(kept.items())

    def _run(self) -> None:
        while data := self._next():
            self._put(data)

    def _next(self) -> bytes:
        """Wait for the next piece; empty at the end."""
        with self._changed:
            if not self._pending and self._dropping:
                self._dropping = False
                self._on_resumed()
            while not self._changed.wait_for(lambda: self._pending or self._finishing, _LOOK_EVERY):
                if is_gone(self._descriptor):
                    self._on_gone()
            if self._pending:
                return self._pending.popleft()[1]
            self._running = False
            self._changed.notify_all()
            return b""

    def _put(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # another program has made the terminal non-blocking
                select.select([], [self._descriptor], [])
            except OSError:
                self._on_gone()
                return


def is_gone(terminal: int) -> bool:
    """Whether nothing reads what is written to a terminal, nor will: its window or its connection has been closed."""
    looking = select.poll()
    looking.register(terminal, 0)
    return any(found & select.POLLHUP for _, found in looking.poll(0))


class StrayOutput:
    """Takes the place of the terminal on standard output and standard error, line by line."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._terminals: dict[int, int] = {}
        """Copies of the descriptors that were replaced."""
        self._part = b""
        self._read_end, self._write_end = os.pipe()
        for end in (self._read_end, self._write_end):  # a write to a pipe that is not read must not block
            os.set_blocking(end, False)
        asyncio.get_running_loop().add_reader(self._read_end, self._read)

    def begin(self) -> None:
        """Replace standard output and standard error, where they are terminals."""
        for descriptor in (1, 2):
            if os.isatty(descriptor):
                self._terminals[descriptor] = os.dup(descriptor)
                os.dup2(self._write_end, descriptor)

    def end(self, *, write: bool) -> None:
        """Restore them, and ``write`` to standard error what has not been read."""
        for descriptor, copy in self._terminals.items():
            os.dup2(copy, descriptor)
            os.close(copy)
        self._terminals.clear()
        rest = self._part + self._received()
        self._part = b""
        if write and rest:
            with suppress(OSError):
                os.write(2, rest)

    def _received(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self._read_end, _CHUNK)
        return b""

    def _read(self) -> None:
        *lines, part = (self._part + self._received()).split(b"\n")
        self._part = part[-_CHUNK:]
        for line in lines:
            if line.strip():
                self._on_line(line.decode(errors="replace").rstrip())
