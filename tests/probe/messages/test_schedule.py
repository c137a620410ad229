"""Schedule of messages: each at its time, without a turn of the loop that publishes nothing."""

import asyncio

import pytest

from natsmon.probe.messages.schedule import Schedule
from tests.harness.time_limits import WAIT

MESSAGES = 200


@pytest.mark.parametrize("library", ["asyncio", "uvloop"])
@pytest.mark.parametrize("interval", [0.002, 0.0033])
def test_timer_that_is_early_is_not_waited_for_again(library: str, interval: float) -> None:
    module = pytest.importorskip(library)

    async def publish() -> None:
        loop = asyncio.get_running_loop()
        published: list[float] = []
        ticks = 0
        done = asyncio.Event()

        def note(due: float) -> bool:
            published.append(loop.time())
            if len(published) == MESSAGES:
                done.set()
            return True

        def tick() -> None:
            nonlocal ticks
            ticks += 1
            schedule._tick()

        schedule = Schedule(interval, loop.time, note)
        schedule._timer._callback = tick
        began = loop.time()
        schedule.start(interval)
        async with asyncio.timeout(WAIT):
            await done.wait()
        schedule.stop()
        assert ticks <= MESSAGES + 2
        assert published[-1] - began >= (MESSAGES - 1) * interval, "sooner than scheduled"

    with asyncio.Runner(loop_factory=module.new_event_loop) as runner:
        runner.run(publish())
