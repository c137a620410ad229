"""Command queue: one order at a time, which ends the step in progress at once."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

T = TypeVar("T")
Order = Literal["cancel", "now", "next", "manual", "drain", "close"]


class Orders:
    """Holds one order until a step takes it."""

    def __init__(self) -> None:
        self._order: asyncio.Future[Order] = asyncio.get_running_loop().create_future()

    def give(self, order: Order) -> None:
        """Set the order; it replaces one that no step has taken, except ``close``."""
        if self._order.done():
            if self._order.result() == "close":
                return
            self._order = asyncio.get_running_loop().create_future()
        self._order.set_result(order)

    async def take(self) -> Order:
        """Wait for an order and remove it."""
        await asyncio.shield(self._order)
        order = self._order.result()  # a later order may have replaced the one that was waited for
        self._order = asyncio.get_running_loop().create_future()
        return order

    async def unless_given(self, step: Coroutine[Any, Any, T]) -> tuple[T | None, Order | None]:
        """The step's result, or the order that came first and ended it."""
        task = asyncio.ensure_future(step)
        try:
            await asyncio.wait((task, self._order), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait((task,))
        result = None if task.cancelled() else task.result()
        return result, (await self.take() if self._order.done() else None)
