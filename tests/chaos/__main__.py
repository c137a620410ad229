"""``python -m tests.chaos [--seconds N] [--seed N]``: random faults until a time is over or something is wrong."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.chaos.machine import can_isolate, is_isolated, isolate
from tests.chaos.run import chaos


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="natsmon under random faults.")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (default: 60)")
    parser.add_argument("--seed", type=int, help="of the faults and commands (default: a random one)")
    arguments = parser.parse_args()
    if not is_isolated() and can_isolate():
        isolate()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**9)
    folder = Path(tempfile.mkdtemp(prefix="natsmon-chaos-"))
    print(f"natsmon: chaos with seed {seed}", flush=True)

    def progress(faults: int) -> None:
        if sys.stderr.isatty():
            print(f"\r{faults} faults", end="", file=sys.stderr, flush=True)

    run = chaos(seed, arguments.seconds, folder, progress)
    print(run)
    if not run.violations:
        shutil.rmtree(folder)
        return 0
    for violation in run.violations:
        print(f"violation: {violation}")
    print(f"recordings: {folder}; the same faults again: make chaos SEED={seed} SECONDS={arguments.seconds:g}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
