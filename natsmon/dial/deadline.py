"""``asyncio.timeout`` with a correction for Python up to 3.11.2 (Debian 12).

There it raises CancelledError instead of TimeoutError in a task that was cancelled before, as one that closes its
connection in a ``finally`` clause.
"""

import asyncio
import math
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext


def within(seconds: float | None) -> AbstractAsyncContextManager[object]:
    """Raise TimeoutError when the block takes longer than so many seconds; never for None."""
    return until(None if seconds is None else asyncio.get_running_loop().time() + seconds)


def until(when: float | None) -> AbstractAsyncContextManager[object]:
    """Raise TimeoutError at a time of the running loop's clock; never for None.

    Raises:
        ValueError: The time is NaN, which would disorder the timers of the loop.
    """
    if when is None:
        return _NO_LIMIT
    if math.isnan(when):
        raise ValueError("a deadline is a time of the loop's clock, not NaN")
    return asyncio.timeout_at(when) if sys.version_info >= (3, 12) else _until(when)


_NO_LIMIT = nullcontext()


@asynccontextmanager
async def _until(when: float) -> AsyncIterator[None]:
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
