"""Run the property tests with new examples, pass after pass, until a time is over: ``make explore``.

Each pass has a seed, which is printed. The same seed makes the same examples: ``make explore SEED=…``.
"""

import argparse
import random
import signal
import subprocess
import sys
import time

_PYTEST = [sys.executable, "-m", "pytest", "-q", "-m", "hypothesis", "--numprocesses=4", "--dist=worksteal"]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.harness.explore", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="begin no pass after so many, and end the last one")
    parser.add_argument("--seed", type=int, help="of the first pass (default: a random one)")
    arguments = parser.parse_args()
    deadline = time.monotonic() + arguments.seconds
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**9)
    while (left := deadline - time.monotonic()) > 0:
        print(f"natsmon: exploring with seed {seed}", flush=True)
        command = [*_PYTEST, "--hypothesis-profile=explore", f"--hypothesis-seed={seed}"]
        with subprocess.Popen(command) as process:
            try:
                status = process.wait(left)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)  # pytest ends its workers
                break
        if status:
            print(f"natsmon: failed; the same examples again: make explore SEED={seed}", file=sys.stderr)
            return status
        seed += 1
    print("natsmon: no counterexample found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
