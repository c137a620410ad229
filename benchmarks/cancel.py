"""How long a cancel takes in the three places where a dial can hang, and whether it leaves anything behind."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from benchmarks import servers
from benchmarks.event_pipe import EventPipe
from benchmarks.probe_child import ProbeChild, settings
from benchmarks.table import Row, ms, percentile, spread
from natsmon.config.settings import Server
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.harness import processes

_TIMES = 201
_QUICK_TIMES = 60
_LIMIT = 0.002
_LONGEST_PAUSE = 0.02
"""Seconds a dial is let hang before it is cancelled, at random up to this."""


def run(quick: bool) -> Row:
    each = (_QUICK_TIMES if quick else _TIMES) // 3
    taken: dict[str, list[float]] = {}
    left: list[str] = []
    places: dict[str, tuple[Callable[[], AbstractContextManager[Server]], Callable[[ev.AnyEvent], bool]]] = {
        "blackholed TCP": (servers.blackholed, _begins("tcp")),
        "silent server": (servers.silent, _begins("info")),
        "waiting": (servers.refusing, lambda event: isinstance(event, ev.Waiting)),
    }
    for place, (peer, hangs) in places.items():
        cancelled = _closed if place == "waiting" else _dial_cancelled
        with _counted_probe(peer) as probe:
            taken[place], leftover = _cancel_often(probe, each, hangs, cancelled)
        left.append(f"{place}: {leftover}")
    times = [seconds for block in taken.values() for seconds in block]
    p99 = percentile(times, 99)
    clean = all("0 sockets" in leftover and "+0 tasks, +0 threads" in leftover for leftover in left)
    return Row(
        "cancel, from its line in to the line out",
        f"p99 {ms(p99)}",
        f"≤ {_LIMIT * 1000:g} ms",
        p99 <= _LIMIT and clean,
        notes=[
            f"all: {spread(times)}",
            *(f"{place}: {spread(block)}" for place, block in taken.items()),
            *(f"left behind, {leftover}" for leftover in left),
        ],
    )


@contextmanager
def _counted_probe(peer: Callable[[], AbstractContextManager[Server]]) -> Iterator[ProbeChild]:
    with (
        peer() as server,
        ProbeChild(
            settings(server, connect_timeout=60.0, reconnect_wait=60.0, max_reconnects=-1), "benchmarks.counted_probe"
        ) as probe,
    ):
        yield probe


def _cancel_often(
    probe: ProbeChild, times: int, hangs: Callable[[ev.AnyEvent], bool], cancelled: Callable[[ev.AnyEvent], bool]
) -> tuple[list[float], str]:
    """Seconds of each cancel; and what was there after the last one that was not after the first."""
    taken: list[float] = []
    before = (0, 0)
    rng = random.Random(1)
    for number in range(times):
        probe.pipe.until(hangs)
        probe.pipe.discard(rng.uniform(0.0, _LONGEST_PAUSE))
        asked = probe.pipe.send(commands.Cancel())
        _, answered = probe.pipe.until(cancelled)
        taken.append(answered - asked)
        if cancelled is not _closed:
            probe.pipe.until_status("CLOSED")
        if number == 0:
            before = _tasks(probe), processes.threads(probe.pid)
        if number < times - 1:
            _settle(probe.pipe)
            probe.pipe.send(commands.Reconnect())
    tasks, threads = _tasks(probe) - before[0], processes.threads(probe.pid) - before[1]
    return taken, f"{processes.tcp_sockets(probe.pid)} sockets, {tasks:+} tasks, {threads:+} threads"


def _tasks(probe: ProbeChild) -> int:
    time.sleep(0.1)
    os.kill(probe.pid, signal.SIGUSR1)
    return int(probe.complaint())


def _settle(pipe: EventPipe) -> None:
    """What else comes with CLOSED."""
    pipe.until(lambda event: isinstance(event, ev.Closed))


def _begins(stage: ev.Stage) -> Callable[[ev.AnyEvent], bool]:
    return lambda event: isinstance(event, ev.DialStage) and event.stage == stage and event.outcome == "started"


def _dial_cancelled(event: ev.AnyEvent) -> bool:
    return isinstance(event, ev.DialEnd) and event.outcome == "cancelled"


def _closed(event: ev.AnyEvent) -> bool:
    return isinstance(event, ev.StatusChanged) and event.status == "CLOSED"
