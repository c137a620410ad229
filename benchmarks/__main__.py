"""Speed and size of natsmon, measured on this machine: ``python -m benchmarks [--quick] [NAME ...]``.

How to read the table. Each line is one promise: what was measured, the figure of *this* natsmon, the
*baseline* beside it, their *ratio*, what the figure or the ratio *must reach*, and whether it did. Baselines
are measured in the same run, turn by turn with natsmon, because two figures from a machine that other
programs use as well are only comparable when they were taken at the same time; where the promise is absolute
there is none. What a figure is made of stands in the indented lines below it.

Times are as seen from outside: a probe's from the line written to its standard input to the line read from
its standard output, a key's from its byte written to the terminal to the bytes of the changed screen. Of
several runs the median is shown. Ratios are ``this / baseline``; a higher one is worse, except for message rates,
where it is better.

Every process is one of compiled modules, as an installed program has them: ``PYTHONDONTWRITEBYTECODE``, which
has a source tree compiled anew at each start, beside packages that are compiled, is not passed on to it.

Benchmarks print; they never fail. ``--quick`` takes fewer samples, for a look; its percentiles are rough.
Everything runs on loopback, and is ended when its line has been printed.
"""

import argparse
import importlib
import os
import platform
import sys
import time

from benchmarks import table

NAMES: tuple[str, ...] = (
    "round_trip",
    "latency_truth",
    "cancel",
    "reconnect",
    "keys",
    "first_paint",
    "cpu",
    "publish",
    "recording",
    "memory",
)
NAMES += (
    "import_cost",
    "dial_plain",
    "dial_tls",
    "dial_dead_address",
    "dial_cancel",
    "library_publish",
    "report",
    "replay",
    "fold",
)
"""A module each, with ``run(quick) -> Row``; the order of the table."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed and size of natsmon, as a table.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; all of them without one")
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    args = parser.parse_args()
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        parser.error(f"{unknown[0]}: is not a benchmark; the benchmarks are {', '.join(NAMES)}")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.monotonic()
    load = os.getloadavg()[0]
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, load {load:.2f} before the first run\n")
    print(table.heading(), flush=True)
    for name in args.names or NAMES:
        try:
            row = importlib.import_module(f"benchmarks.{name}").run(args.quick)
        except Exception as error:
            print(f"{name}: not measured: {type(error).__name__}: {error}", flush=True)
            continue
        print(table.line(row), flush=True)
    print(f"\n{time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
