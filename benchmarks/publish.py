"""Messages a second at full speed, each one published, received again and counted."""

import importlib.util

from benchmarks import servers
from benchmarks.bare_client import publish_rate
from benchmarks.probe_child import ProbeChild, settings
from benchmarks.table import Row, median, rate
from natsmon.config.settings import MAX_RATE
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import events as ev

_LIMIT = 1.0
_PROBES = {"uvloop": "natsmon.probe.child", "asyncio": "benchmarks.asyncio_probe"}


def run(quick: bool) -> Row:
    runs, count = (2, 100_000) if quick else (5, 300_000)
    loops = ["asyncio"] + (["uvloop"] if importlib.util.find_spec("uvloop") else [])
    ours: dict[str, list[float]] = {loop: [] for loop in loops}
    bare: dict[str, list[float]] = {loop: [] for loop in loops}
    with servers.nats_server() as server:
        for _ in range(runs):
            for loop in loops:
                ours[loop].append(_natsmon_rate(server, count, _PROBES[loop]))
                bare[loop].append(publish_rate(server.url, count, loop))
    ran_on = loops[-1]
    this, baseline = median(ours[ran_on]), median(bare["asyncio"])
    return Row(
        "publish and echo at full speed",
        rate(this),
        f"≥ {_LIMIT}×",
        this >= baseline * _LIMIT,
        f"{rate(baseline)} nats-py, asyncio",
        f"{this / baseline:.2f}×",
        [
            f"medians of {runs} runs of {count:,} messages in turn; natsmon on {ran_on}, its events read and let go",
            *(f"on {loop}: natsmon {rate(median(ours[loop]))}, nats-py {rate(median(bare[loop]))}" for loop in loops),
            f"each run of natsmon: {' '.join(map(rate, ours[ran_on]))}",
            f"each run of nats-py on asyncio: {' '.join(map(rate, bare['asyncio']))}",
        ],
    )


def _natsmon_rate(server: NatsServer, count: int, module: str) -> float:
    """From CONNECTED until the drain that follows the last message has ended: every echo is in it."""
    connected = drained = 0.0
    echoed = 0
    with ProbeChild(settings(servers.address(server), interval=MAX_RATE, count=count), module) as probe:
        for event, _ in probe.pipe.during(120.0):
            match event:
                case ev.Connected():
                    connected = event.t
                case ev.Tally():
                    echoed = event.delivered
                case ev.Drained():
                    drained = event.t
                case ev.End():
                    break
    if echoed != count:
        raise AssertionError(f"{echoed:,} of {count:,} messages came back")
    return count / (drained - connected)
