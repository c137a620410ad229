"""Is the round trip shown the round trip there is? PING to PONG as the probe measures it, and as bare nats-py does.

Both PING the same server at the same time and the same pace, on the same kind of event loop, each in a process of
its own; the bare one does what ``Client.rtt()`` does, with a finer clock. They are read every few seconds, so that
the reader disturbs neither. What else the machine does meets both.
"""

import importlib.util
import time

from benchmarks import servers
from benchmarks.bare_client import BarePings
from benchmarks.event_pipe import EventPipe
from benchmarks.probe_child import ProbeChild, settings
from benchmarks.table import Row, in_ms, percentile
from natsmon.stream import events as ev

_INTERVAL = 0.02
_SETTLE = 2.0
_READING = 0.1
_SHARE, _SECONDS = 0.10, 50e-6
"""How far off a percentile may be; the greater of the two."""


def run(quick: bool) -> Row:
    turns, seconds = (4, 5.0) if quick else (20, 5.0)
    loop = "uvloop" if importlib.util.find_spec("uvloop") else "asyncio"
    measured: list[float] = []
    bare: list[float] = []
    with servers.nats_server() as server:
        probe = settings(servers.address(server), rtt_interval=_INTERVAL)
        with ProbeChild(probe) as child, BarePings(server.url, _INTERVAL, loop) as pings:
            child.pipe.until_status("CONNECTED")
            child.pipe.discard(_SETTLE)
            pings.take()
            for _ in range(turns):
                time.sleep(seconds)
                measured += _round_trips(child.pipe)
                bare += pings.take()
    ours, theirs = ([percentile(block, wanted) for wanted in (50, 99)] for block in (measured, bare))
    return Row(
        "PING/PONG p50 and p99 beside bare nats-py",
        in_ms(ours, 2),
        "10%, 50 µs",
        all(abs(a - b) <= max(_SHARE * b, _SECONDS) for a, b in zip(ours, theirs, strict=True)),
        f"{in_ms(theirs, 2)} nats-py, {loop}",
        f"{ours[1] / theirs[1]:.2f}×",
        [
            f"both at the same time for {turns * seconds:g} s, a PING every {_INTERVAL * 1000:g} ms; ratio of p99",
            f"natsmon {_all(measured)}",
            f"nats-py {_all(bare)}",
        ],
    )


def _round_trips(pipe: EventPipe) -> list[float]:
    return [event.seconds for event, _ in pipe.during(_READING) if isinstance(event, ev.Rtt)]


def _all(every: list[float]) -> str:
    p50, p90, p99, most = in_ms([percentile(every, wanted) for wanted in (50, 90, 99, 100)], 3).split()[:4]
    return f"p50 {p50}, p90 {p90}, p99 {p99}, max {most} ms of {len(every)}"
