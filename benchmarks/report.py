"""How long is a person kept waiting for the report of a million events, and what memory does it take?

The recording is made up, in the mix of a busy day: single messages, PINGs, tallies, and a loss now and then
with the dials that ended it. The command is run as a person would run it, from its start to its end.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from benchmarks.table import Row, mb
from natsmon.stream import codec
from natsmon.stream import events as ev

_EVENTS = 1_000_000
_WITHIN = 10.0
_MEMORY = 200e6
_FORMATS = ("text", "markdown", "html", "json")
_BETWEEN_LOSSES = 20_000
"""Messages."""
_SERVERS = ("nats://east-1:4222", "nats://east-2:4222", "nats://east-3:4222")


def run(quick: bool) -> Row:
    events = _EVENTS // 10 if quick else _EVENTS
    with tempfile.TemporaryDirectory(prefix="natsmon-benchmark-") as folder:
        file = day_file(Path(folder), events)
        size = file.stat().st_size
        measured = {name: _measured(file, name, Path(folder) / "report") for name in _FORMATS}
    slowest = max(took for took, _ in measured.values())
    largest = max(memory for _, memory in measured.values())
    return Row(
        f"report of {events:,} events, slowest format",
        f"{slowest:.2f} s",
        f"≤ {_WITHIN * events / _EVENTS:g} s",
        slowest <= _WITHIN * events / _EVENTS and largest <= _MEMORY,
        f"at most {mb(_MEMORY)}",
        notes=[
            f"a recording of {mb(size)}, not compressed",
            *(f"{name}: {took:.2f} s, {mb(memory)} resident at most" for name, (took, memory) in measured.items()),
        ],
    )


def day_file(folder: Path, events: int) -> Path:
    """A recording of a busy day's first events."""
    file = folder / "day.jsonl"
    with file.open("wb") as out:
        out.writelines(codec.encode(event) for event in islice(_day(), events))
    return file


def _measured(file: Path, as_format: str, out: Path) -> tuple[float, float]:
    """Seconds from the start of the command to its end, and the most bytes it had resident."""
    command = [sys.executable, "-m", "natsmon", "report", str(file), "--format", as_format, "--outfile", str(out)]
    began = time.perf_counter()
    child = subprocess.Popen(command)
    _, status, usage = os.wait4(child.pid, 0)
    took = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return took, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _day() -> Iterator[ev.AnyEvent]:
    """Without an end: 50 messages a second, and a PING a second."""
    yield ev.Session(t=0.0, id="day", started=1_750_000_000.0)
    yield ev.Connection(t=0.0, name="benchmark", servers=list(_SERVERS), interval=0.02)
    t, dial, lost = 0.0, 0, 0
    sent = 0
    while True:
        server = _SERVERS[dial % len(_SERVERS)]
        yield ev.StatusChanged(t=t, status="RECONNECTING" if dial else "CONNECTING", previous="CONNECTED")
        dial += 1
        yield ev.DialStart(
            t=t, dial=dial, attempt=1, pool_pass=1, server=server, reason="reconnect" if lost else "initial"
        )
        stages: list[tuple[ev.Stage, float]] = [("dns", 0.0004), ("tcp", 0.0007), ("info", 0.0006), ("connect", 0.0011)]
        for stage, seconds in stages:
            yield ev.DialStage(t=t, dial=dial, stage=stage, outcome="started")
            t = round(t + seconds, 6)
            yield ev.DialStage(t=t, dial=dial, stage=stage, outcome="complete", elapsed=seconds)
        yield ev.DialEnd(t=t, dial=dial, outcome="connected", stage="connect", total=sum(s for _, s in stages))
        yield ev.StatusChanged(t=t, status="CONNECTED", previous="CONNECTING")
        yield ev.Connected(t=t, server=server, server_name=server[7:13], version="2.15.0", cid=dial)
        for number in range(_BETWEEN_LOSSES):
            t = round(t + 0.02, 6)
            sent += 1
            latency = 0.0003 + number % 97 * 1e-5 + (0.02 if number % 997 == 0 else 0.0)
            yield ev.Published(t=t, seq=sent)
            yield ev.Echoed(t=round(t + latency, 6), seq=sent, latency=latency)
            if number % 50 == 0:
                yield ev.Rtt(t=t, seconds=latency * 0.6)
                yield ev.Tally(t=t, attempted=sent, sent=sent, delivered=sent - lost, lost=lost)
        lost += 1
        yield ev.Disconnected(t=t, outage=lost, cause="eof", text="closed by the server", server=server)
        began, t = t, round(t + 1.5, 6)
        yield ev.Outage(
            t=t, outage=lost, began=began, ended=t, cause="eof", before=server, detected_after=0.02, dials=1, lost=1
        )
