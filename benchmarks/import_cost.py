"""CPU time of importing the library and of importing nats-py, in fresh processes, turn by turn."""

import subprocess
import sys

from benchmarks.table import Row, median, ms

_LIMIT = 1.1
_PROGRAM = "import time; began = time.process_time(); {}; print(time.process_time() - began)"
_OURS = "import natsmon; natsmon.connect, natsmon.Dialer, natsmon.DialTrace"
_BARE = "import nats"


def run(quick: bool) -> Row:
    times = 7 if quick else 31
    ours: list[float] = []
    bare: list[float] = []
    for _ in range(times + 1):
        ours.append(_seconds(_OURS))
        bare.append(_seconds(_BARE))
    this, baseline = median(ours[1:]), median(bare[1:])
    return Row(
        "import of natsmon's connect, CPU, p50",
        ms(this),
        f"≤ {_LIMIT:g}×",
        this / baseline <= _LIMIT,
        f"{ms(baseline)} import nats",
        f"{this / baseline:.2f}×",
        [f"{times} fresh processes each"],
    )


def _seconds(statement: str) -> float:
    command = [sys.executable, "-c", _PROGRAM.format(statement)]
    return float(subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=60).stdout)
