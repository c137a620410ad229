"""Views of the connection under test: a dashboard in a terminal and a plain log, and what may be done to them."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Self

from tests.chaos.machine import Clock, SmallDisk
from tests.chaos.subject import QUICK
from tests.harness import processes
from tests.harness.polling import wait_until
from tests.harness.unseen_terminal import UnseenTerminal

WITHIN = 60.0
"""Seconds in which a view draws, a probe starts, or a process ends; each takes a fraction of one."""


_APPLICATION_MODE = b"\x1b[?1049h"


class Dashboard:
    """A dashboard that records; it is started again where a fault ends it. Use as a context."""

    def __init__(self, url: str, folder: Path, disk: SmallDisk | None, clock: Clock | None) -> None:
        self._command = [sys.executable, "-m", "natsmon", *QUICK, url]
        if clock is not None:
            self._command = ["env", *(f"{name}={value}" for name, value in clock.environment.items()), *self._command]
        self._folder = folder if disk is None else disk.path
        self._disk = disk
        self._records = False
        """Its recording has not ended by a full disk."""
        self._started = 0
        self._terminal: UnseenTerminal | None = None

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        """Leave it with ``q``, as a user does."""
        try:
            with suppress(OSError):  # a fault that failed has closed the terminal
                self.terminal.send(b"q")
            self._until_ended("q")
        finally:
            self.terminal.__exit__()

    @property
    def terminal(self) -> UnseenTerminal:
        assert self._terminal is not None
        return self._terminal

    @property
    def probe(self) -> int:
        """Process id of its probe."""
        wait_until(lambda: len(processes.children(self.terminal.pid)) == 1, "probe of the dashboard", WITHIN)
        return processes.children(self.terminal.pid)[0]

    def check(self) -> None:
        """It draws, and has shown no traceback.

        Raises:
            TimeoutError: It does not.
        """
        if b"Traceback" in self.terminal.tail:
            raise TimeoutError(f"the dashboard shows a traceback: {self.terminal.tail[-2000:]!r}")
        drawn = self.terminal.bytes_drawn
        self._wait(lambda: self.terminal.bytes_drawn > drawn, "drawing")

    def _wait(self, met: Callable[[], bool], what: str) -> None:
        try:
            wait_until(met, what, WITHIN)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; the screen:\n{self.terminal.text()}") from None

    def _start(self) -> None:
        self._started += 1
        record = self._folder / f"dashboard-{self._started}.jsonl"
        self._terminal = UnseenTerminal([*self._command, "--record", str(record)]).__enter__()
        self._records = True
        self.check()

    def _until_ended(self, cause: str) -> None:
        family = [self.terminal.pid, *processes.descendants(self.terminal.pid)]
        self._wait(lambda: not any(map(processes.alive, family)), f"end of the dashboard after {cause}")

    # -- faults -------------------------------------------------------------------------------------

    def stop_view(self, random: Random) -> None:
        """When it continues, it enters application mode again; keys pressed before are discarded, as by Textual."""
        drawn = self.terminal.bytes_drawn
        self._stop(self.terminal.pid, random)
        self._wait(lambda: _APPLICATION_MODE in self.terminal.since(drawn), "application mode of the dashboard")

    def stop_probe(self, random: Random) -> None:
        self._stop(self.probe, random)

    def _stop(self, pid: int, random: Random) -> None:
        os.kill(pid, signal.SIGSTOP)
        try:
            with suppress(TimeoutError):  # nothing is to happen meanwhile
                wait_until(lambda: False, "end of the pause", random.uniform(0.05, 0.5))
        finally:
            os.kill(pid, signal.SIGCONT)

    def kill_probe(self, _: Random) -> None:
        """Kill it, and start another one with ``r``."""
        killed = self.probe
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: killed not in processes.children(self.terminal.pid), "end of the probe", WITHIN)

        def restarted() -> bool:
            self.terminal.send(b"r")  # again and again: the view may not have read the event yet
            time.sleep(0.2)
            return bool(processes.children(self.terminal.pid))

        self._wait(restarted, "new probe")

    def kill_view(self, _: Random) -> None:
        """Its probe ends with it."""
        probe = self.probe
        os.kill(self.terminal.pid, signal.SIGKILL)
        self._restart(probe, "SIGKILL of the view")

    def close_terminal(self, _: Random) -> None:
        probe = self.probe
        self.terminal.close_terminal()
        self._restart(probe, "its terminal was closed")

    def leave(self, _: Random) -> None:
        """Leave it with ``q``, and start it again."""
        probe = self.probe
        self.terminal.send(b"q")
        self._restart(probe, "q")

    def fill_disk(self, _: Random) -> None:
        """Its recording ends, with the reason on the screen. Without a disk to fill, the process may write no more."""
        if self._disk is None:
            resource.prlimit(self.terminal.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
            return
        self._disk.fill()
        try:
            if self._records:
                self._wait(lambda: b"No space left" in self.terminal.tail, "notice of the full disk")
            self._records = False
        finally:
            self._disk.empty()

    def _restart(self, probe: int, cause: str) -> None:
        self._wait(lambda: not processes.alive(probe), f"end of the probe after {cause}")
        self._until_ended(cause)
        self.terminal.__exit__()
        self._start()


FAULTS: tuple[Callable[[Dashboard, Random], None], ...] = (
    Dashboard.stop_view, Dashboard.stop_probe, Dashboard.kill_probe, Dashboard.kill_view, Dashboard.close_terminal,
    Dashboard.leave, Dashboard.fill_disk,
)  # fmt: skip


class PlainLog:
    """``natsmon --plain`` into a file. Use as a context."""

    def __init__(self, url: str, folder: Path) -> None:
        self._file = folder / "plain.log"
        self._command = [sys.executable, "-m", "natsmon", "--plain", *QUICK, url]

    def __enter__(self) -> Self:
        with self._file.open("wb") as file:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        return self

    def __exit__(self, *_: object) -> None:
        processes.end(self._process, WITHIN)

    def check(self) -> None:
        """It runs, and has logged no traceback.

        Raises:
            TimeoutError: It has ended, or shows a traceback.
        """
        if self._process.poll() is not None:
            raise TimeoutError(f"the plain log has ended with {self._process.returncode}")
        if b"Traceback" in self._file.read_bytes():
            raise TimeoutError(f"a traceback in {self._file}")
