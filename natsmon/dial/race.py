"""A staggered race: start the next try when the last one failed or took too long; the first to succeed wins.

It does not depend on sockets. Unlike ``aiohappyeyeballs``, it keeps the error of each try.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


async def staggered_race(
    tries: Sequence[Callable[[], Awaitable[T]]], *, delay: float, discard: Callable[[T], None]
) -> T:
    """Return the result of the first try that succeeds (RFC 8305, section 5).

    Args:
        tries: In the order of starting.
        delay: Seconds until the next try starts beside a running one; a failure starts it at once.
        discard: Called with the result of a try that succeeded too late. The others are cancelled and waited for.

    Raises:
        ExceptionGroup: Every try failed; in the order of the tries.
    """
    tasks: list[asyncio.Task[T]] = []
    failed: dict[int, Exception] = {}
    winner: asyncio.Task[T] | None = None
    try:
        while True:
            if len(tasks) < len(tries):
                tasks.append(asyncio.ensure_future(tries[len(tasks)]()))
            running = [task for i, task in enumerate(tasks) if i not in failed]
            if not running:
                raise ExceptionGroup("every address failed", [failed[i] for i in sorted(failed)])
            more = len(tasks) < len(tries)
            await asyncio.wait(running, timeout=delay if more else None, return_when=asyncio.FIRST_COMPLETED)
            for i, task in enumerate(tasks):
                if i in failed or not task.done():
                    continue
                error = task.exception()
                if error is None:
                    winner = task
                    return task.result()
                if not isinstance(error, Exception):
                    raise error
                failed[i] = error
    finally:
        losers = [task for task in tasks if task is not winner]
        for task in losers:
            task.add_done_callback(lambda task: discard_result(task, discard))
            task.cancel()
        if any(not task.done() for task in losers):
            try:
                await asyncio.wait(losers)
            except asyncio.CancelledError:
                if winner is not None:
                    discard(winner.result())  # nothing returns it
                raise


def discard_result(task: asyncio.Task[T], discard: Callable[[T], None]) -> None:
    """Discard the result of a task that nothing waits for any more, unless it failed."""
    if not task.cancelled() and task.exception() is None:
        discard(task.result())
