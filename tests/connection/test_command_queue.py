"""Command queue: orders and the steps that they end."""

import asyncio

import pytest

from natsmon.probe.connection.command_queue import Order, Orders
from tests.harness.time_limits import WAIT


async def result() -> str:
    return "result"


async def begin(orders: Orders, step: "asyncio.Future[str]") -> "asyncio.Task[tuple[str | None, str | None]]":
    """Start a step, and return when it waits."""
    task = asyncio.ensure_future(orders.unless_given(step))
    await asyncio.sleep(0)
    return task


async def test_step_without_an_order_returns_its_result() -> None:
    assert await Orders().unless_given(result()) == ("result", None)


async def test_order_ends_the_step() -> None:
    orders, step = Orders(), asyncio.get_running_loop().create_future()
    waiting = await begin(orders, step)
    orders.give("next")
    assert await asyncio.wait_for(waiting, WAIT) == (None, "next")
    assert step.cancelled()
    assert await orders.unless_given(result()) == ("result", None)


async def test_result_and_order_of_one_moment_are_both_returned() -> None:
    orders, step = Orders(), asyncio.get_running_loop().create_future()
    waiting = await begin(orders, step)
    step.set_result("result")
    orders.give("cancel")
    assert await asyncio.wait_for(waiting, WAIT) == ("result", "cancel")


async def test_later_order_replaces_one_that_was_not_taken_except_close() -> None:
    orders, step = Orders(), asyncio.get_running_loop().create_future()
    waiting = await begin(orders, step)
    orders.give("next")
    orders.give("close")
    orders.give("cancel")
    assert await asyncio.wait_for(waiting, WAIT) == (None, "close")


async def test_order_given_before_is_taken() -> None:
    orders = Orders()
    orders.give("reconnect")
    assert await asyncio.wait_for(orders.take(), WAIT) == "reconnect"


async def test_timeout_of_the_step_itself_is_raised() -> None:
    orders, step = Orders(), asyncio.get_running_loop().create_future()
    step.set_exception(TimeoutError("its own"))
    with pytest.raises(TimeoutError, match="its own"):
        await orders.unless_given(step)


async def test_cancel_from_outside_is_not_an_order() -> None:
    orders, step = Orders(), asyncio.get_running_loop().create_future()
    waiting = await begin(orders, step)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    orders.give("reconnect")
    assert await asyncio.wait_for(orders.take(), WAIT) == "reconnect"


@pytest.mark.parametrize(("done", "order"), [(True, None), (False, "drain"), (True, "drain")])
async def test_wait_ends_with_the_future_or_an_order(done: bool, order: Order | None) -> None:
    """Either one or both of one moment; the future is not cancelled, and nothing of the wait stays at it."""
    orders, future = Orders(), asyncio.get_running_loop().create_future()
    waiting = asyncio.ensure_future(orders.unless_done(future))
    await asyncio.sleep(0)
    if done:
        future.set_result(None)
    if order is not None:
        orders.give(order)
    assert await asyncio.wait_for(waiting, WAIT) == order
    assert future.done() == done
    assert "cb=" not in repr(future)
    assert await orders.unless_given(result()) == ("result", None)


async def test_wait_for_what_has_come_already_returns_at_once() -> None:
    orders, future = Orders(), asyncio.get_running_loop().create_future()
    orders.give("reconnect")
    assert await asyncio.wait_for(orders.unless_done(future), WAIT) == "reconnect"
    future.set_result(None)
    assert await asyncio.wait_for(orders.unless_done(future), WAIT) is None
