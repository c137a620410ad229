"""A probe that publishes to a stream, and what a test wants of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from natsmon.lab.nats_server import NatsServer
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.harness.listening import Listening, listening, settings
from tests.probe.streams import STREAM, stream_on


@asynccontextmanager
async def publishing(server: NatsServer, *, url: str = "", stream: Any = (), **changes: Any) -> AsyncIterator[Any]:
    """A stream on a server, a probe that publishes to it, and every number that the probe calls acknowledged."""
    async with AsyncExitStack() as held:
        store = await held.enter_async_context(stream_on(server, **dict(stream)))
        run = await held.enter_async_context(listening(settings(url or server.url, jetstream=STREAM, **changes)))
        numbers: list[int] = []
        arrived = run.connection.deliveries.arrived

        def note(seq: int) -> None:
            numbers.append(seq)
            arrived(seq)

        run.connection.deliveries.arrived = note  # type: ignore[method-assign]
        yield run, store, numbers


async def three_messages(run: Listening) -> None:
    """Where the schedule has none for ten minutes."""
    for _ in range(3):
        run.execute(commands.Publish())


def ids(run: Listening, numbers: list[int]) -> list[str]:
    session = run.events.of(ev.Session)[0].id
    return [f"{session}.0-{number}" for number in numbers]


async def read_back(run: Listening) -> ev.Audit:
    """What is read at the end, which comes before the connection is drained."""
    drained = len(run.events.of(ev.Drained))
    run.execute(commands.Drain())
    back = await run.events.until(ev.Audit)
    assert len(run.events.of(ev.Drained)) == drained
    await run.events.until(ev.Drained)
    return back
