"""A run: several natsmons, each with a network of its own, under one random fault after another, and one under keys."""

import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from natsmon.lab.nats_server import NatsServer
from natsmon.lab.relay import Relay
from natsmon.probe.connection.reconnect_wait import LONG_WAIT
from tests.chaos.faults import CLOCK_FAULTS, FAULTS, ISOLATED_FAULTS, Fault, Network, pause
from tests.chaos.hostile_server import HostileServer
from tests.chaos.keys import press
from tests.chaos.machine import Clock, Resolver, SmallDisk, clock_library, is_isolated
from tests.chaos.subject import STALE_WITHIN, Subject
from tests.chaos.views import FAULTS as VIEW_FAULTS
from tests.chaos.views import Dashboard, PlainLog
from tests.harness.time_limits import IN_TIME

RECOVERS_WITHIN = 60.0
"""Seconds after a fault until natsmon is CONNECTED and messages are delivered again; it takes some 0.1 s."""
DETECTED_WITHIN = 1.0
"""Seconds beyond the detection time after which a fault is detected, on a machine that is not busy."""
GROWTH = {"threads": 6, "descriptors": 12, "MiB": 96}
"""More than in the first seconds of a run, at most."""
_VIEW_FAULT_EVERY = 8
"""Faults of the network to one of the dashboard."""
_SETTLED_AFTER = 40
"""Faults until resources are compared."""
_UNKNOWN_NAME = "name.invalid"
"""A name that DNS does not have (RFC 2606)."""
_NOTHING_TO_REPORT = 2
"""Exit status for a recording whose disk was full, or whose process was killed, before its first line."""
RATES = (50.0, 2000.0, 50.0, 50.0, 50.0, 50.0)
"""Messages a second of each natsmon."""


@dataclass
class Run:
    """What came of it."""

    seed: int
    faults: Counter[str] = field(default_factory=Counter)
    commands: int = 0
    slowest_answer: float = 0.0
    slowest_recovery: float = 0.0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"seed {self.seed}: {self.faults.total()} faults of {len(self.faults)} kinds, {self.commands} commands, "
            f"slowest answer {self.slowest_answer * 1000:.0f} ms, slowest recovery {self.slowest_recovery:.2f} s, "
            f"{len(self.violations)} violations"
        )


class Arena:
    """One natsmon, its network, and the faults that it goes through."""

    def __init__(
        self, number: int, seed: int, rate: float, folder: Path, clock: Clock | None, disk: SmallDisk | None
    ) -> None:
        self.name = f"natsmon {number}, {rate:g}/s"
        self.random = Random(f"{seed} {number}")
        self.run = Run(seed)
        self._held = ExitStack()
        self._views = number == 0
        self._opens = number % 2 == 1
        """The one with the high rate among them."""
        self._disk = disk
        self._clock = clock
        self._faults = FAULTS + (CLOCK_FAULTS if clock else ()) + (ISOLATED_FAULTS if is_isolated() else ())
        self._dashboard: Dashboard | None = None
        self._log: PlainLog | None = None
        self._folder = folder
        self._rate = rate
        self._record = folder / f"{number}.jsonl.gz"
        self._first: dict[str, int] = {}
        self._fault = "start"

    def __enter__(self) -> "Arena":
        try:
            server = self._held.enter_context(NatsServer())
            hostile = self._held.enter_context(HostileServer())
            relay = self._held.enter_context(Relay(server.port))
            self.network = Network(relay, server, hostile, Resolver(), self._clock)
            urls = relay.url if self._views else f"{relay.url},nats://{_UNKNOWN_NAME}:4222"
            subject = Subject(urls, self._rate, self._record, self._clock, opens=self._opens)
            self.subject = self._held.enter_context(subject)
            if self._views:
                self._dashboard = self._held.enter_context(Dashboard(relay.url, self._folder, self._disk, self._clock))
                self._log = self._held.enter_context(PlainLog(relay.url, self._folder))
            self._recover()
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._fault = "the end"
        try:
            self.network.heal()  # a server that the fault thread started ended with it
            self._held.close()
        except TimeoutError as error:
            self._violated(str(error))
        self.run.commands = self.subject.commands
        self.run.slowest_answer = max(self.subject.answers, default=0.0)
        self._collect()

    def go_on(self, until: float, least: int) -> None:
        """One fault after another until a time, and at least so many, or until something is wrong."""
        try:
            while (time.monotonic() < until or self.run.faults.total() < least) and not self.run.violations:
                self._step(self.random.choice(self._faults))
                if self._dashboard and self._log and not self.random.randrange(_VIEW_FAULT_EVERY):
                    self._hurt_view(self._dashboard, self._log)
        except Exception as error:  # a fault that cannot be applied is one that was not tested
            self._violated(f"{type(error).__name__}: {error}")

    def _step(self, fault: Fault) -> None:
        self._fault = fault.name
        self.run.faults[fault.name] += 1
        fault.apply(self.network, self.random)
        began = time.monotonic()
        lasts = pause(self.random)
        while (left := began + lasts - time.monotonic()) > 0:
            if self.random.random() < 0.3:
                self.subject.send(self.random.choice(self.subject.possible))
            time.sleep(min(left, self.random.uniform(0.005, 0.1)))
        self._check_truth(fault, began)
        self.network.heal()
        self._recover()
        self.subject.check_answers()
        self.subject.check_clock()
        self._check_growth()
        self._collect()

    def _hurt_view(self, dashboard: Dashboard, log: PlainLog) -> None:
        fault = self.random.choice(VIEW_FAULTS)
        self._fault = fault.__name__
        self.run.faults[fault.__name__] += 1
        try:
            fault(dashboard, self.random)
            dashboard.check()
            log.check()
        except TimeoutError as error:
            self._violated(str(error))

    def _check_truth(self, fault: Fault, began: float) -> None:
        subject, lasted = self.subject, time.monotonic() - began
        down = fault.truth == "not connected" and lasted > DETECTED_WITHIN
        if down and not subject.wait_for(lambda: subject.status != "CONNECTED", IN_TIME):
            self._violated(f"CONNECTED {IN_TIME + lasted:.2f} s after the fault")
        since = time.monotonic() - max(began, subject.connected_at)
        silent = fault.truth == "silent" and since > STALE_WITHIN + DETECTED_WITHIN
        if silent and not subject.wait_for(lambda: subject.silent or subject.status != "CONNECTED", IN_TIME):
            self._violated(f"CONNECTED, and no notice of silence, {IN_TIME + since:.2f} s after the fault")

    def _recover(self) -> None:
        """The fault is over: natsmon connects again, and messages are delivered."""
        subject, began = self.subject, time.monotonic()
        subject.send("resume")
        deadline = began + RECOVERS_WITHIN
        while time.monotonic() < deadline:
            if subject.status == "CLOSED" or subject.wait >= LONG_WAIT:  # after 60 failed attempts
                subject.send("reconnect")
            if subject.wait_for(partial(self._delivers, subject.delivered), 0.5):
                self.run.slowest_recovery = max(self.run.slowest_recovery, time.monotonic() - began)
                return
        self._violated(f"{subject.status} with {subject.delivered} delivered, {RECOVERS_WITHIN:g} s after the fault")

    def _delivers(self, before: int) -> bool:
        subject = self.subject
        return subject.status == "CONNECTED" and subject.delivered > before

    def _check_growth(self) -> None:
        if self.run.faults.total() % _SETTLED_AFTER:
            return
        now = self.subject.resources()
        self._first = self._first or now
        for name, most in GROWTH.items():
            if now[name] > self._first[name] + most:
                self._violated(f"{name} grew from {self._first[name]} to {now[name]}")

    def _violated(self, text: str) -> None:
        self.run.violations.append(f"{self.name}, {self._fault}: {text}")

    def _collect(self) -> None:
        while self.subject.violations:
            self._violated(self.subject.violations.pop(0))


def unreadable(folder: Path) -> list[str]:
    """What is wrong with reports of the recordings: each is readable, whatever ended it."""
    found = []
    for recording in folder.glob("*.jsonl*"):
        command = [sys.executable, "-m", "natsmon", "report", str(recording), "--format", "json"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
        if "Traceback" in done.stderr or done.returncode not in (0, _NOTHING_TO_REPORT):
            found.append(f"the report of {recording.name} ended with {done.returncode}: {done.stderr.strip()}")
    return found


def chaos(
    seed: int, seconds: float, folder: Path, progress: Callable[[Any], None] = lambda _: None, *, least: int = 0
) -> Run:
    """Run for so long and at least so many faults of each natsmon, or until a violation. Leaves recordings there."""
    total = Run(seed)
    with ExitStack() as held:
        library = clock_library(folder)
        disk = held.enter_context(closing(SmallDisk(folder))) if is_isolated() else None
        arenas = [
            held.enter_context(
                Arena(number, seed, rate, folder, Clock(folder, number, library) if library else None, disk)
            )
            for number, rate in enumerate(RATES)
        ]
        until = time.monotonic() + seconds
        threads = [threading.Thread(target=arena.go_on, args=(until, least), name=arena.name) for arena in arenas]
        threads.append(threading.Thread(target=lambda: total.violations.extend(press(folder, seconds, Random(seed)))))
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(1.0)
                progress(sum(arena.run.faults.total() for arena in arenas))
        if disk is not None:
            disk.save()
    total.violations += unreadable(folder)
    for arena in arenas:
        total.faults += arena.run.faults
        total.commands += arena.run.commands
        total.slowest_answer = max(total.slowest_answer, arena.run.slowest_answer)
        total.slowest_recovery = max(total.slowest_recovery, arena.run.slowest_recovery)
        total.violations += arena.run.violations
    return total
