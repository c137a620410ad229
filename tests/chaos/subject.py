"""A natsmon under test: its event stream, and what must hold of it at all times."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from natsmon.config.settings import to_line
from natsmon.stream import commands
from natsmon.stream.codec import encode_command
from natsmon.stream.process_start import child_argv
from tests.chaos.machine import Clock
from tests.harness import processes
from tests.harness.listening import settings
from tests.harness.time_limits import IN_TIME

ANSWERED_WITHIN = IN_TIME
"""Seconds; the limit itself is 0.1 s, and the longest answer is reported."""
STARTS_WITHIN = 30.0
ENDS_WITHIN = IN_TIME
CLOCK_WITHIN = 3.0
"""Seconds; the newest event may be a second old, and a busy machine reads it late."""
INTERRUPTED = 130
"""Exit status of a run that was never CONNECTED."""
PING_INTERVAL = 0.2
PINGS_OUT = 2
STALE_WITHIN = (PINGS_OUT + 1) * PING_INTERVAL
"""Seconds after the last PONG until a connection is given up."""
QUICK = (
    "--ping-interval=200ms", "--max-pings-out=2", "--connect-timeout=500ms", "--reconnect-wait=20ms",
    "--reconnect-jitter=0s", "--max-reconnects=-1", "--rtt-interval=100ms",
)  # fmt: skip
"""Settings under which natsmon detects a fault and returns within a second or so."""
_SENT = ("delivered", "in_flight", "undelivered", "lost", "unverified")
COMMANDS = ("cancel", "reconnect", "next_server", "pause", "resume", "publish", "drain")


class Subject:
    """``natsmon --json --control``, its stream read on a thread. Use as a context.

    Args:
        urls: Of the servers, with commas.
        rate: Messages a second.
        record: Where it is recorded.
        clock: Changes its clocks.
        opens: It is the dashboard's child instead, which is not recorded and takes the command ``open`` too.
    """

    def __init__(
        self, urls: str, rate: float, record: Path, clock: Clock | None = None, *, opens: bool = False
    ) -> None:
        self.possible = (*COMMANDS, "open") if opens else COMMANDS
        """The commands that it takes."""
        self.violations: list[str] = []
        self.status = "DISCONNECTED"
        self.silent = False
        self.delivered = 0
        self.dials = 0
        self.server = ""
        self.commands = 0
        self.answers: list[float] = []
        """Seconds until the answer to each command."""
        self.connected_at = 0.0
        """``time.monotonic`` of the last change to CONNECTED."""
        self.wait = 0.0
        """Seconds of the wait before the next dial; 0 when there is none."""
        self._changed = threading.Condition()
        self._waiting: dict[str, float] = {}
        self._ids = itertools.count(1)
        self._t = 0.0
        self._started = False
        self._ended = False
        command = [sys.executable, "-m", "natsmon", "--json", "--control", *QUICK, f"--rate={rate:g}"]
        self._command = child_argv("natsmon.probe.child") if opens else [*command, "--record", str(record), urls]
        self._settings = settings(
            *urls.split(","),
            interval=1 / rate,
            ping_interval=PING_INTERVAL,
            max_pings_out=PINGS_OUT,
            connect_timeout=0.5,
            reconnect_wait=0.02,
            rtt_interval=0.1,
            drain_timeout=5.0,
            subject="",
        )
        """Those of ``open``: the same as QUICK."""
        self._conn = 0
        """The connection that is open; one replaces the other."""
        self._clock = clock
        self._wall_began = 0.0
        """The wall clock at the beginning of the stream, by its newest event about the clock."""
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._read, self._read_errors)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # ctrl+c is for the harness
            env=environment_with(self._clock),
        )
        for thread in self._threads:
            thread.start()
        if "open" in self.possible:
            self._write(to_line(self._settings))
        self.wait_for(lambda: self._started, STARTS_WITHIN)  # the start of a program is no answer time
        return self

    def end(self) -> None:
        """End it as a user does, and check that it ends."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(ENDS_WITHIN)
            if status not in ((0,) if self.connected_at else (0, INTERRUPTED)):
                self.violations.append(f"exit status {status} after SIGTERM")
        except subprocess.TimeoutExpired:
            self.violations.append(f"still running {ENDS_WITHIN:g} s after SIGTERM")
            self._process.kill()
            self._process.wait()

    def __exit__(self, *_: object) -> None:
        self.end()
        for thread in self._threads:
            thread.join()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, command: str) -> None:
        """Send a command; the answer is expected from now on."""
        number = str(next(self._ids))
        self._waiting[number] = time.monotonic()
        self.commands += 1
        try:
            if command == "open":
                self._write(encode_command(commands.Open(id=number, conn=self._conn, settings=self._settings)))
            else:
                self._write(json.dumps({"type": command, "id": number}).encode() + b"\n")
        except BrokenPipeError:
            self._waiting.pop(number, None)  # it has ended, which is a violation of its own

    def _write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line)
        self._process.stdin.flush()

    def wait_for(self, met: Callable[[], bool], within: float) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: met() or self._ended, within) and met()

    def check_answers(self) -> None:
        """Every command has its answer, or gets it in time."""
        if not self.wait_for(lambda: not self._waiting, ANSWERED_WITHIN):
            self.violations.append(f"{len(self._waiting)} commands without an answer for {ANSWERED_WITHIN:g} s")
            self._waiting.clear()

    def check_clock(self) -> None:
        """Its events give the wall clock, also after that was set or the machine was suspended."""
        clock = self._clock
        if clock is None:
            return

        def right() -> bool:
            return abs(self._wall_began + self._t - time.time() - clock.offset) < CLOCK_WITHIN

        if not self.wait_for(right, ANSWERED_WITHIN):
            self.violations.append(f"the wall clock is {self._wall_began + self._t}, not {time.time() + clock.offset}")

    def resources(self) -> dict[str, int]:
        """What must not grow."""
        return {
            "threads": processes.threads(self.pid),
            "descriptors": len(list(Path(f"/proc/{self.pid}/fd").iterdir())),
            "MiB": processes.resident(self.pid) >> 20,
        }

    # -- on its threads -----------------------------------------------------------------------------

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                try:
                    self._take(json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    self.violations.append(f"{type(error).__name__} {error} in the line {line[:300]!r}")
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if b"Traceback" in line or b"Exception" in line or b"Error:" in line:
                self.violations.append(f"standard error: {line.decode(errors='replace').strip()}")

    def _take(self, event: dict[str, Any]) -> None:
        t = event.get("t", 0.0)
        if t < self._t:
            self.violations.append(f"time went back from {self._t} to {t}: {event}")
        self._t = t
        self._started = True
        match event["type"]:
            case "connection":
                self._follow(event)
            case "session":
                self._wall_began = event["started"]
            case "clock":
                self._wall_began = event["wall"] - t
            case "status":
                if event["previous"] != self.status:
                    self.violations.append(f"the status was {self.status}: {event}")
                self.status = event["status"]
                self.silent = False
                if self.status == "CONNECTED":
                    self.connected_at = time.monotonic()
            case "silent":
                self.silent = True
            case "silence_ended":
                self.silent = False
            case "waiting":
                self.wait = event["delay"]
            case "dial_start":
                self.dials += 1
                self.wait = 0.0
            case "connected":
                self.server = event["server"]
            case "echoed":
                self.delivered += 1
            case "tally":
                self._check(event)
                self.delivered = max(self.delivered, event.get("delivered", 0))
            case "answer":
                if sent := self._waiting.pop(event.get("id", ""), None):
                    self.answers.append(time.monotonic() - sent)

    def _follow(self, connection: dict[str, Any]) -> None:
        """A connection is opened, in the place of one that is closed for good."""
        conn = connection.get("conn", 0)
        if conn and (connection.get("replaces") != self._conn or self.status != "CLOSED"):
            self.violations.append(f"connection {self._conn} was {self.status}: {connection}")
        self._conn, self.status, self.silent = conn, "DISCONNECTED", False
        self.delivered, self.wait = 0, 0.0

    def _check(self, tally: dict[str, Any]) -> None:
        counts = {name: tally.get(name, 0) for name in ("attempted", "sent", "buffered", "rejected", *_SENT)}
        balanced = counts["attempted"] == counts["sent"] + counts["buffered"] + counts["rejected"]
        if not balanced or counts["sent"] != sum(counts[name] for name in _SENT) or min(counts.values()) < 0:
            self.violations.append(f"the tally does not balance: {tally}")


def environment_with(clock: Clock | None) -> dict[str, str]:
    return {**os.environ, **(clock.environment if clock is not None else {})}
