"""Runs that end by themselves: after so many messages, or so much time."""

import asyncio
from typing import Any

import pytest

from natsmon.config.settings import MAX_RATE
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from tests.conftest import StartServer
from tests.connection.life import url
from tests.harness.listening import listening, settings
from tests.harness.time_limits import FOREVER, IN_TIME


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
        assert 0.14 < end.t < IN_TIME


async def test_duration_ends_a_run_that_never_connected(blackhole: int) -> None:
    async with listening(settings(url(blackhole), duration=0.1), stay=False) as run:
        assert await run.ended() == Exit.GAVE_UP
    assert (run.events.of(ev.End)[-1].reason, run.events.of(ev.End)[-1].exit_code) == ("duration", Exit.GAVE_UP)


async def test_duration_is_no_failure_where_there_was_a_connection(server: NatsServer) -> None:
    async with listening(settings(server.url, duration=1.0), stay=False) as run:
        await run.events.until(ev.Connected)
        server.kill()
        assert await run.ended() == Exit.ENDED


async def test_count_that_waits_for_the_server_rests(refused_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """All messages are numbered and wait in the buffer: there is nothing to do until the server comes."""
    loop: Any = asyncio.get_running_loop()
    turn, turns = loop._run_once, 0

    def counted() -> None:
        nonlocal turns
        turns += 1
        turn()

    wanted = settings(url(refused_port), count=5, interval=0.01, reconnect_wait=FOREVER)
    async with listening(wanted) as run:
        await run.events.until_counts(lambda tally: tally.buffered == 5)
        monkeypatch.setattr(loop, "_run_once", counted)
        await asyncio.sleep(0.3)
        assert 0 < turns < 15, "thirty messages would be due"
