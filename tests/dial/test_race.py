"""The staggered race, with tries that are no sockets."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from natsmon.dial.race import staggered_race
from tests.harness.time_limits import FOREVER


class Try:
    """One try: the test decides how it ends."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.started = asyncio.Event()
        self.cancelled = False
        self.ending: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self) -> str:
        self.started.set()
        try:
            return await asyncio.shield(self.ending)
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    def succeed(self) -> None:
        self.ending.set_result(self.name)

    def fail(self) -> None:
        self.ending.set_exception(OSError(self.name))
        self.ending.exception()


def race(tries: list[Any], *, delay: float = FOREVER, discarded: list[str] | None = None) -> asyncio.Task[str]:
    kept: list[str] = [] if discarded is None else discarded
    return asyncio.ensure_future(staggered_race(tries, delay=delay, discard=kept.append))


async def turns(number: int = 10) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def test_first_to_succeed_wins_and_the_others_are_cancelled() -> None:
    a, b, c = Try("a"), Try("b"), Try("c")
    racing = race([a, b, c], delay=0.0)
    await c.started.wait()
    b.succeed()
    assert await racing == "b"
    assert (a.cancelled, b.cancelled, c.cancelled) == (True, False, True)


async def test_next_try_waits_for_its_turn() -> None:
    loop = asyncio.get_running_loop()
    a, b = Try("a"), Try("b")
    began = loop.time()
    racing = race([a, b], delay=0.03)
    await b.started.wait()
    assert loop.time() - began >= 0.03
    a.succeed()
    assert await racing == "a"


async def test_quick_success_starts_no_other() -> None:
    a, b = Try("a"), Try("b")
    a.succeed()
    assert await race([a, b]) == "a"
    assert not b.started.is_set()


async def test_failure_starts_the_next_at_once() -> None:
    a, b, c = Try("a"), Try("b"), Try("c")
    racing = race([a, b, c])
    a.fail()
    await b.started.wait()
    assert not c.started.is_set()
    b.fail()
    await c.started.wait()
    c.succeed()
    assert await racing == "c"


async def test_later_failure_starts_the_next_too() -> None:
    a, b, c = Try("a"), Try("b"), Try("c")
    a.fail()
    racing = race([a, b, c])
    await b.started.wait()
    await turns()
    assert not c.started.is_set()
    b.fail()
    await c.started.wait()
    c.succeed()
    assert await racing == "c"


async def test_loser_that_succeeds_in_the_same_tick_is_discarded() -> None:
    discarded: list[str] = []
    a, b = Try("a"), Try("b")
    racing = race([a, b], delay=0.0, discarded=discarded)
    await b.started.wait()
    b.succeed()
    a.succeed()
    assert await racing == "a"
    await turns()
    assert discarded == ["b"]


async def test_loser_that_fails_in_the_same_tick_is_forgotten() -> None:
    a, b = Try("a"), Try("b")
    racing = race([a, b], delay=0.0)
    await b.started.wait()
    b.fail()
    a.succeed()
    assert await racing == "a"


async def test_loser_that_succeeds_although_cancelled_is_discarded() -> None:
    discarded: list[str] = []

    async def stubborn() -> str:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await turns(2)
        return "stubborn"

    a = Try("a")
    racing = race([stubborn, a], delay=0.0, discarded=discarded)
    await a.started.wait()
    a.succeed()
    assert await racing == "a"
    assert discarded == ["stubborn"]


async def test_error_lists_failures_in_order_of_attempts() -> None:
    a, b, c = Try("a"), Try("b"), Try("c")
    racing = race([a, b, c], delay=0.0)
    await c.started.wait()
    for failing in (c, a, b):
        failing.fail()
        await turns()
    with pytest.raises(ExceptionGroup) as caught:
        await racing
    assert [str(error) for error in caught.value.exceptions] == ["a", "b", "c"]


async def test_base_exception_ends_the_race() -> None:
    class Enough(BaseException):
        pass

    async def enough() -> str:
        raise Enough

    a = Try("a")
    with pytest.raises(Enough):
        await race([a, enough], delay=0.0)
    assert a.cancelled


async def test_cancelled_race_leaves_no_try() -> None:
    a, b = Try("a"), Try("b")
    racing = race([a, b], delay=0.0)
    await b.started.wait()
    racing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await racing
    assert (a.cancelled, b.cancelled) == (True, True)


async def test_success_in_the_tick_of_the_cancel_is_discarded() -> None:
    discarded: list[str] = []
    a = Try("a")
    racing = race([a], discarded=discarded)
    await a.started.wait()
    a.succeed()
    await turns(1)  # the try has succeeded, the race has not been notified
    racing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await racing
    await turns()
    assert discarded == ["a"] or a.cancelled


@pytest.mark.parametrize("ticks", range(8))
async def test_winner_is_never_lost_to_a_cancel(ticks: int) -> None:
    """However late the cancel comes, what was won is returned or discarded."""
    discarded: list[str] = []

    async def slow_to_leave() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await turns(3)
        return ""

    a = Try("a")
    tries: list[Callable[[], Awaitable[str]]] = [slow_to_leave, a]
    racing = race(tries, delay=0.0, discarded=discarded)
    await a.started.wait()
    a.succeed()
    await turns(ticks)
    racing.cancel()
    won: list[str] = []
    try:
        won.append(await racing)
    except asyncio.CancelledError:
        await turns()
    assert a.cancelled or won + discarded == ["a"]
