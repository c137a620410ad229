"""How long does a jump in a recording of a million events take, and what do loading and keeping it cost?

The recording is the report's: a busy day that was made up. Loading and jumping are measured in a process of their
own, without a screen, as the player does them; a jump is over when the whole state and the log are there.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.report import day_file
from benchmarks.table import Row, mb, ms, spread

_EVENTS = 1_000_000
_JUMPS = 200
_WITHIN = 0.3
_MEASURED = [sys.executable, "-m", "benchmarks.replay"]


class Figures(msgspec.Struct):
    loading: float
    first: float
    """Until there was something to show."""
    before: int
    """Bytes resident at most before anything was loaded."""
    loaded: int
    jumps: list[float]
    outages: list[float]
    steps: list[float]


def run(quick: bool) -> Row:
    events = _EVENTS // 10 if quick else _EVENTS
    with tempfile.TemporaryDirectory(prefix="natsmon-benchmark-") as folder:
        file = day_file(Path(folder), events)
        size = file.stat().st_size
        done = subprocess.run([*_MEASURED, str(file)], stdout=subprocess.PIPE, check=True)
    figures = msgspec.json.decode(done.stdout, type=Figures)
    slowest = max(*figures.jumps, *figures.outages, *figures.steps)
    return Row(
        f"replay of {events:,} events, slowest jump",
        ms(slowest),
        f"≤ {ms(_WITHIN)}",
        slowest <= _WITHIN,
        notes=[
            f"a recording of {mb(size)}, not compressed; something to show after {ms(figures.first)}",
            f"loaded in {figures.loading:.1f} s; {mb(figures.loaded - figures.before)} more resident for it",
            f"to a random time: {spread(figures.jumps)}",
            f"to the next outage or the one before: {spread(figures.outages)}",
            f"one event back: {spread(figures.steps)}",
        ],
    )


def measure(file: str) -> Figures:
    from natsmon.recording.reader import Recording
    from natsmon.replay.player import Player
    from natsmon.replay.recording_index import RecordingIndex

    before = _resident()
    index = RecordingIndex(Recording([file]))
    began = time.perf_counter()
    index.begin()
    first = time.perf_counter() - began
    while index.load_slice():
        pass
    loaded = time.perf_counter() - began
    memory = _resident()
    player, noise = Player(index, playing=False), random.Random(7)
    length = index.length
    jumps, outages, steps = [], [], []
    for _ in range(_JUMPS):
        jumps.append(_timed(lambda: player.seek(noise.uniform(0, length))))
        steps.append(_timed(lambda: player.step(-1)))
        outages.append(_timed(lambda: player.to_outage(noise.choice((-1, 1)))))
    return Figures(loaded, first, before, memory, jumps, outages, steps)


def _timed(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.stdout.buffer.write(msgspec.json.encode(measure(sys.argv[1])))
