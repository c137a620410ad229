"""Runs that end by themselves: after so many messages, or so much time."""

import asyncio
import time

import pytest

from natsmon.config.settings import MAX_RATE
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from tests.conftest import StartServer
from tests.connection.life import url
from tests.harness.listening import listening, settings


@pytest.mark.parametrize("interval", [0.025, 0.001, MAX_RATE])
async def test_count_ends_the_run(server: NatsServer, interval: float) -> None:
    async with listening(settings(server.url, count=7, interval=interval), stay=False) as run:
        assert await run.ended() == Exit.ENDED
        tally = run.events.last_tally
        assert (tally.attempted, tally.delivered) == (7, 7)
        assert run.events.of(ev.End)[-1].reason == "count"


async def test_count_is_exact_across_an_outage(refused_port: int, nats_server: StartServer) -> None:
    """What waits in the buffer is published once there is a connection: until then the run goes on, counting none."""
    async with listening(settings(url(refused_port), count=3), stay=False) as run:
        await run.events.until_counts(lambda tally: tally.buffered == 3)
        for _ in range(4):
            await run.events.until(ev.DialEnd)
        await asyncio.to_thread(nats_server, port=refused_port)
        assert await run.ended() == Exit.ENDED
        tally = run.events.last_tally
        assert (tally.attempted, tally.delivered) == (3, 3)


async def test_duration_ends_the_run(server: NatsServer) -> None:
    async with listening(settings(server.url, duration=0.15), stay=False) as run:
        assert await run.ended() == Exit.ENDED
        end = run.events.of(ev.End)[-1]
        assert end.reason == "duration"
        assert 0.14 < end.t < 1.0


async def test_duration_ends_a_run_that_never_connected(blackhole: int) -> None:
    async with listening(settings(url(blackhole), duration=0.1), stay=False) as run:
        assert await run.ended() == Exit.ENDED


async def test_count_that_waits_for_the_server_rests(refused_port: int) -> None:
    """All messages are numbered and wait in the buffer: there is nothing to do until the server comes."""
    wanted = settings(url(refused_port), count=5, interval=0.01, reconnect_wait=60.0)
    async with listening(wanted) as run:
        await run.events.until_counts(lambda tally: tally.buffered == 5)
        before = time.process_time()
        await asyncio.sleep(0.3)
        assert time.process_time() - before < 0.1
