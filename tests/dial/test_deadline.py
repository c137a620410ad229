"""A deadline ends in TimeoutError and a cancel in CancelledError, whatever became of the task before."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from natsmon.dial.deadline import until, within
from tests.harness.time_limits import FOREVER


async def in_a_task(work: Callable[[], Awaitable[None]], *, cancelled_before: bool) -> asyncio.Task[None]:
    async def run() -> None:
        if cancelled_before:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(FOREVER)
        await work()

    task = asyncio.ensure_future(run())
    await asyncio.sleep(0)
    if cancelled_before:
        task.cancel()
    return task


@pytest.mark.parametrize("before", [False, True], ids=["", "cancelled before"])
async def test_deadline_ends_the_wait(before: bool) -> None:
    async def work() -> None:
        async with within(0.01):
            await asyncio.sleep(FOREVER)

    task = await in_a_task(work, cancelled_before=before)
    with pytest.raises(TimeoutError):
        await task


@pytest.mark.parametrize("before", [False, True], ids=["", "cancelled before"])
async def test_outer_of_two_deadlines_is_the_one_that_ends(before: bool) -> None:
    async def work() -> None:
        async with within(0.01):
            with suppress(TimeoutError):
                async with within(FOREVER):
                    await asyncio.sleep(FOREVER)

    task = await in_a_task(work, cancelled_before=before)
    with pytest.raises(TimeoutError):
        await task


@pytest.mark.parametrize("before", [False, True], ids=["", "cancelled before"])
@pytest.mark.parametrize("late", [False, True], ids=["in time", "at the deadline"])
async def test_cancel_is_raised(before: bool, late: bool) -> None:
    waiting = asyncio.Event()

    async def work() -> None:
        when = asyncio.get_running_loop().time() if late else None
        async with until(when):
            waiting.set()
            await asyncio.sleep(FOREVER)

    task = await in_a_task(work, cancelled_before=before)
    await waiting.wait()
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def test_result_within_the_deadline_is_returned() -> None:
    async with within(FOREVER), until(None):
        await asyncio.sleep(0)


async def test_deadline_that_is_no_time_is_refused() -> None:
    """A NaN among the timers of a loop disorders them: later timeouts of the program never come."""
    with pytest.raises(ValueError, match="NaN"):
        until(math.nan)
    with pytest.raises(ValueError, match="NaN"):
        within(math.nan)
    with pytest.raises(TimeoutError):
        async with within(0.01):
            await asyncio.sleep(FOREVER)
