"""A probe that writes the number of its loop's tasks to standard error on SIGUSR1."""

import asyncio
import os
import signal
from collections.abc import Callable

from natsmon.probe import process
from natsmon.probe.child import main as probe


def _reporting(make: Callable[[], asyncio.AbstractEventLoop]) -> Callable[[], asyncio.AbstractEventLoop]:
    def new_loop() -> asyncio.AbstractEventLoop:
        loop = make()
        loop.call_soon(lambda: loop.add_signal_handler(signal.SIGUSR1, _report, loop))
        return loop

    return new_loop


def _report(loop: asyncio.AbstractEventLoop) -> None:
    os.write(2, b"%d\n" % len(asyncio.all_tasks(loop)))


def main() -> int:
    loop_factory = _reporting(process._loop_factory() or asyncio.new_event_loop)
    process._loop_factory = lambda: loop_factory
    return probe()
