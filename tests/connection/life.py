"""What the tests of a connection's life share: reaching a phase of it, and the words for that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.harness import peers
from tests.harness.leaks import sockets
from tests.harness.listening import Listening, listening, settings
from tests.harness.time_limits import FOREVER, IN_TIME

DIALING = ["dns", "tcp", "info", "connect"]


def url(port: int, host: str = HOST) -> str:
    return f"nats://{host}:{port}"


async def start(server: NatsServer) -> None:
    """Beside the probe, which goes on meanwhile."""
    await asyncio.to_thread(server.start)


async def connected(run: Listening) -> ev.Connected:
    event = await run.events.until(ev.Connected)
    await run.events.until_status("CONNECTED")
    return event


async def ignored(run: Listening) -> ev.Answer:
    """The next command that does not apply."""
    return await run.events.until(ev.Answer, lambda answer: answer.outcome == "ignored")


async def until_sockets(expected: dict[str, str]) -> None:
    """The kernel sends no event when a socket is closed."""
    async with asyncio.timeout(IN_TIME):
        while sockets() != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@asynccontextmanager
async def reaching(phase: str, ports: tuple[int, int], *others: str, **changes: Any) -> AsyncIterator[Listening]:
    """A probe that has reached this phase of its life, and stays there."""
    blackhole, refused = ports
    async with AsyncExitStack() as stack:
        server = {"dns": "nats://hanging.example:1", "tcp": url(blackhole), "waiting": url(refused)}.get(phase)
        if server is None:
            peering = {"info": peers.silent, "connect": peers.info_then_silent}.get(phase, peers.correct)()
            server = (await stack.enter_async_context(peering)).url
        wanted = settings(server, *others, **{"connect_timeout": FOREVER, "reconnect_wait": FOREVER, **changes})
        run = await stack.enter_async_context(listening(wanted))
        match phase:
            case "tcp":
                await run.events.until(ev.DialStage, lambda s: s.stage == "tcp" and s.address != "")
            case "dns" | "info" | "connect":
                await run.events.until(ev.DialStage, lambda s: s.stage == phase)
            case "waiting":
                await run.events.until(ev.Waiting)
            case "connected":
                await connected(run)
            case "paused":
                await connected(run)
                run.execute(commands.Pause())
                await run.events.until(ev.Paused)
            case "closed":
                await connected(run)
                run.execute(commands.Drain())
                await run.events.until(ev.Closed)
        yield run
