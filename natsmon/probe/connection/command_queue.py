"""Command queue: one order at a time, which ends the step in progress at once."""

import asyncio
from collections.abc import Awaitable
from typing import Literal, TypeVar

T = TypeVar("T")
Order = Literal["cancel", "now", "next", "manual", "drain", "close"]


class Orders:
    """Holds one order until a step takes it."""

    def __init__(self) -> None:
        self._order: Order | None = None
        self._step: asyncio.Timeout | None = None
        """Ends the step in progress: an order is a timeout that has no time before. A task for each step would take
        three turns of the loop more."""

    def give(self, order: Order) -> None:
        """Set the order; it replaces one that no step has taken, except ``close``."""
        if self._order is None and self._step is not None:
            self._step.reschedule(0.0)
        if self._order != "close":
            self._order = order

    async def take(self) -> Order:
        """Wait for an order and remove it."""
        never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        _, order = await self.unless_given(never)
        assert order is not None, "nothing else ends the wait"
        return order

    async def unless_given(self, step: Awaitable[T]) -> tuple[T | None, Order | None]:
        """The step's result, or the order that came first and ended it; both if they came together."""
        result = None
        try:
            async with asyncio.timeout(None if self._order is None else 0.0) as self._step:
                result = await step
        except TimeoutError:
            if self._order is None:
                raise
        finally:
            self._step = None
        order, self._order = self._order, None
        return result, order
