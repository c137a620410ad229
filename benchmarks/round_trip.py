"""Does drawing disturb measuring? PING to PONG as the probe times it, with the dashboard and without a view.

Both run all the time; the one whose turn it is not is stopped. So the turns can be short, and what else
happens on the machine meets both.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from benchmarks import servers
from benchmarks.event_pipe import EventPipe
from benchmarks.probe_child import ProbeChild, settings
from benchmarks.table import Row, in_ms, median, ms, percentile
from benchmarks.tapped_dashboard import TappedDashboard
from natsmon.stream import events as ev
from tests.harness import processes

_INTERVAL = 0.02
_SETTLE = 3.0
_WARM_UP = 0.5
_LIMIT = 1.5


def run(quick: bool) -> Row:
    turns, seconds = (4, 3.0) if quick else (18, 4.0)
    drawing: list[list[float]] = []
    alone: list[list[float]] = []
    with servers.nats_server() as server:
        probe = settings(servers.address(server), rtt_interval=_INTERVAL)
        with TappedDashboard(probe, [ev.StatusChanged, ev.Rtt]) as dashboard, ProbeChild(probe) as child:
            for pipe in (dashboard.pipe, child.pipe):
                pipe.until_status("CONNECTED")
                pipe.discard(_SETTLE)
            with_view, without = (dashboard.view_pid, dashboard.probe_pid), (child.pid,)
            cpu = 0.0
            for _ in range(turns):
                with _stopped(without):
                    before = processes.cpu_seconds(dashboard.view_pid)
                    drawing.append(_sample(dashboard.pipe, seconds))
                    cpu += processes.cpu_seconds(dashboard.view_pid) - before
                with _stopped(with_view):
                    alone.append(_sample(child.pipe, seconds))
    this, baseline = (median([percentile(turn, 99) for turn in block]) for block in (drawing, alone))
    share = 100 * cpu / (turns * (seconds + _WARM_UP))
    return Row(
        "PING/PONG p99 while the dashboard draws",
        ms(this),
        f"≤ {_LIMIT}×",
        this <= baseline * _LIMIT,
        f"{ms(baseline)} without a view",
        f"{this / baseline:.2f}×",
        [
            f"median p99 of {turns} turns of {seconds:g} s each, a PING every {_INTERVAL * 1000:g} ms, 120×36",
            f"drawing, with {share:.0f} % of a core: {_figures(drawing)}",
            f"without a view: {_figures(alone)}",
        ],
    )


@contextmanager
def _stopped(pids: Sequence[int]) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _sample(pipe: EventPipe, seconds: float) -> list[float]:
    pipe.discard(_WARM_UP)
    return [event.seconds for event, _ in pipe.during(seconds) if isinstance(event, ev.Rtt)]


def _figures(turns: list[list[float]]) -> str:
    every = [seconds for turn in turns for seconds in turn]
    p50, p90, p99 = in_ms([percentile(every, wanted) for wanted in (50, 90, 99)], 2).split()[:3]
    each = in_ms([percentile(turn, 99) for turn in turns], 1)
    return f"p50 {p50}, p90 {p90}, p99 {p99} ms of all; p99 of each turn {each}"
