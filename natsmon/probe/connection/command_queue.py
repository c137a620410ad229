"""Command queue: one order at a time, which ends the step in progress at once."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Order = Literal["cancel", "reconnect", "next", "drain", "close"]


class Orders:
    """Holds one order until a step takes it."""

    def __init__(self) -> None:
        self._order: Order | None = None
        self._end_step: Callable[[], None] | None = None

    def give(self, order: Order) -> None:
        """Set the order; it replaces one that no step has taken, except ``close``."""
        if self._order is None and self._end_step is not None:
            self._end_step()
        if self._order != "close":
            self._order = order

    async def take(self) -> Order:
        order = await self.unless_done(asyncio.get_running_loop().create_future())
        assert order is not None, "nothing else ends the wait"
        return order

    async def unless_done(self, future: asyncio.Future[Any]) -> Order | None:
        """Wait for an order or a future; the order, if one came, after one turn of the loop."""
        if self._order is None and not future.done():
            ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

            def end(_: object = None) -> None:
                if not ended.done():
                    ended.set_result(None)

            self._end_step = end
            future.add_done_callback(end)
            try:
                await ended
            finally:
                self._end_step = None
                future.remove_done_callback(end)
        return self._taken()

    async def unless_given(self, step: Awaitable[T]) -> tuple[T | None, Order | None]:
        """The step's result, or the order that came first and ended it; both if they came together.

        The order sets the time of a timeout. A task for each step would take three turns of the loop more.
        """
        result = None
        try:
            async with asyncio.timeout(None if self._order is None else 0.0) as limit:
                self._end_step = lambda: limit.reschedule(0.0)
                result = await step
        except TimeoutError:
            if self._order is None:
                raise
        finally:
            self._end_step = None
        return result, self._taken()

    def _taken(self) -> Order | None:
        order, self._order = self._order, None
        return order
