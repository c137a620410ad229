"""A probe that on SIGUSR1 tells, on standard error, how many tasks its loop has. Nothing else is changed."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

from natsmon.probe import process
from natsmon.probe.__main__ import main


def _telling(make: Callable[[], asyncio.AbstractEventLoop]) -> Callable[[], asyncio.AbstractEventLoop]:
    def new_loop() -> asyncio.AbstractEventLoop:
        loop = make()
        loop.call_soon(lambda: loop.add_signal_handler(signal.SIGUSR1, _tell, loop))
        return loop

    return new_loop


def _tell(loop: asyncio.AbstractEventLoop) -> None:
    os.write(2, b"%d\n" % len(asyncio.all_tasks(loop)))


if __name__ == "__main__":
    loop_factory = _telling(process._loop_factory() or asyncio.new_event_loop)
    process._loop_factory = lambda: loop_factory
    status = main()
    sys.stderr.flush()
    os._exit(status)
