"""Run the property tests with new examples, pass after pass, until a time is over: ``make explore``.

Each pass has a seed, which is printed. The same seed makes the same examples: ``make explore SEED=…``.
"""

import argparse
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

_PYTEST = [sys.executable, "-m", "pytest", "-q", "-m", "hypothesis"]
_PYTEST += ["--numprocesses=4", "--maxschedchunk=1", "--exitfirst"]
"""A failure ends a pass, which may last longer than the time."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.harness.explore", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="begin no pass after so many, and end the last one")
    parser.add_argument("--seed", type=int, help="of the first pass (default: a random one)")
    parser.add_argument("tests", nargs="*", help="files and folders (default: all)")
    arguments = parser.parse_args(argv)
    deadline = time.monotonic() + arguments.seconds
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**9)
    while (left := deadline - time.monotonic()) > 0:
        print(f"natsmon: exploring with seed {seed}", flush=True)
        with TemporaryDirectory() as cache:
            command = [*_PYTEST, "-o", f"cache_dir={cache}", "--hypothesis-profile=explore"]
            with subprocess.Popen([*command, f"--hypothesis-seed={seed}", *arguments.tests]) as process:
                status = 0
                try:
                    status = process.wait(left)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGINT)  # pytest ends its workers
            # A pass that was ended by the time has the status of an interrupt, whatever it had found.
            status = status or (Path(cache) / "v/cache/lastfailed").exists()
        if status:
            print(f"natsmon: failed; the same examples again: make explore SEED={seed}", file=sys.stderr)
            return int(status)
        seed += 1
    print("natsmon: no counterexample found")
    return 0


if __name__ == "__main__":
    sys.exit(main())
