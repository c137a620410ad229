"""``python -m tests.soak [--cycles N] [--kinds kill,cut] [--seconds N] [--seed N] [--mode core]``."""

import argparse
import signal
import sys

from tests.soak import report
from tests.soak.cycles import KINDS, PROMISED
from tests.soak.run import MODES, Cycle, soak


def main() -> int:
    arguments = _parser().parse_args()
    plan = {kind: arguments.cycles or PROMISED.get(kind, 100) for kind in arguments.kinds}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a shell in the background has the first ignored
        signal.signal(number, _leave)
    progress = _Progress(sum(plan.values()))
    try:
        run = soak(plan, mode=arguments.mode, seed=arguments.seed, within=arguments.seconds, on_cycle=progress)
    except TimeoutError as error:
        sys.stderr.write(f"no result: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: no result\n")
        return 130
    finally:
        progress.clear()
    for line in (*report.table(run), *report.violations(run)):
        sys.stdout.write(f"{line}\n")
    return 1 if run.violations else 0


class _Progress:
    """One line that changes, on a terminal."""

    def __init__(self, planned: int) -> None:
        self._planned = planned
        self._done = 0

    def __call__(self, cycle: Cycle) -> None:
        self._done += 1
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\033[K{self._done} of {self._planned} cycles, {cycle.kind}")
            sys.stderr.flush()

    def clear(self) -> None:
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()


def _leave(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _kinds(text: str) -> list[str]:
    kinds = text.split(",")
    for kind in kinds:
        if kind not in KINDS:
            raise argparse.ArgumentTypeError(f"{kind!r} is none of {', '.join(KINDS)}")
    return kinds


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description="natsmon's account, held against witnesses."
    )
    parser.add_argument("--cycles", type=_positive, metavar="N", help="of each kind (default: " + _promised() + ")")
    parser.add_argument(
        "--kinds", type=_kinds, default=list(PROMISED), help=f"of {','.join(KINDS)}; all but the last two"
    )
    parser.add_argument("--seconds", type=float, default=3600.0, help="begin no cycle after so many (default: 3600)")
    parser.add_argument("--seed", type=int, default=0, help="of the order of the cycles (default: 0)")
    parser.add_argument("--mode", choices=list(MODES), default="core", help="what is promised (default: core)")
    return parser


def _promised() -> str:
    return ", ".join(f"{times} {kind}" for kind, times in PROMISED.items())


if __name__ == "__main__":
    sys.exit(main())
