"""``asyncio.timeout``, as it should be on every Python.

Up to 3.11.2, which Debian 12 has, its end is a CancelledError instead of a TimeoutError in a task that was cancelled
before and goes on: one that closes its connection in a ``finally`` clause, say.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager


def within(seconds: float) -> AbstractAsyncContextManager[object]:
    """What is awaited inside has so long; then TimeoutError is raised."""
    return until(asyncio.get_running_loop().time() + seconds)


def until(when: float | None) -> AbstractAsyncContextManager[object]:
    """The same until a time of the running loop's clock; for ever where that is None."""
    return asyncio.timeout_at(when) if sys.version_info >= (3, 12) else _until(when)


@asynccontextmanager
async def _until(when: float | None) -> AsyncIterator[None]:
    task = asyncio.current_task()
    cancels = task.cancelling() if task else 0
    limit = asyncio.timeout_at(when)
    try:
        async with limit:
            yield
    except asyncio.CancelledError as error:
        if limit.expired() and task is not None and task.cancelling() <= cancels:
            raise TimeoutError from error
        raise
