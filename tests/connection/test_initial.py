"""The first connect: emitted stage by stage, retried or not, in which order."""

import asyncio

import pytest

from natsmon.lab.nats_server import NatsServer
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from tests.conftest import StartServer
from tests.connection.life import connected, url
from tests.harness.listening import listening, settings
from tests.harness.time_limits import FOREVER, GROWING, IN_TIME


async def test_connect_emits_each_stage(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        event = await connected(run)
        assert event.server == server.url
        assert event.address == server.authority
        assert event.server_name == server.name
        assert event.cid > 0
        assert event.max_payload == 1024 * 1024
        (start,) = run.events.of(ev.DialStart)
        (end,) = run.events.of(ev.DialEnd)
        assert (start.dial, start.attempt, start.pool_pass, start.reason) == (1, 1, 1, "initial")
        assert start.timeout == IN_TIME
        assert (end.outcome, end.stage, end.cause) == ("connected", "connect", "")
        assert set(end.stages) == {"dns", "tcp", "info", "connect"}
        emitted = [(stage.stage, stage.outcome) for stage in run.events.of(ev.DialStage) if stage.dial == 1]
        assert emitted[0] == ("dns", "started")
        assert emitted[-1] == ("connect", "complete")
        for stage in end.stages:
            assert [outcome for name, outcome in emitted if name == stage][-1] == "complete"
        await run.events.until(ev.Rtt)
        assert (await run.events.until_counts(lambda tally: tally.delivered >= 3)).lost == 0
    assert [event.status for event in run.events.of(ev.StatusChanged)] == [
        "CONNECTING",
        "CONNECTED",
        "DRAINING",
        "CLOSED",
    ]


async def test_initial_connect_is_retried_until_the_server_is_there(
    refused_port: int, nats_server: StartServer
) -> None:
    async with listening(settings(url(refused_port))) as run:
        for attempt in (1, 2):
            end = await run.events.until(ev.DialEnd)
            assert (end.outcome, end.cause, end.stage, end.dial) == ("failed", "refused", "tcp", attempt)
            waiting = await run.events.until(ev.Waiting)
            assert (waiting.base, waiting.jitter, waiting.server) == (0.05, 0.0, url(refused_port))
        await asyncio.to_thread(nats_server, port=refused_port)
        await connected(run)
        attempts = [(dial.attempt, dial.pool_pass, dial.reason) for dial in run.events.of(ev.DialStart)]
        assert attempts == [(n, n, "initial") for n in range(1, len(attempts) + 1)]
        assert not run.events.of(ev.Reconnected)
        # What was attempted before there was a connection has been kept for it.
        await run.events.until_counts(lambda tally: tally.buffered == 0 and tally.delivered == tally.attempted > 0)


async def test_initial_connect_fails_fast_where_it_should(refused_port: int) -> None:
    wanted = settings(url(refused_port), url(refused_port, "127.0.0.2"), retry_on_failed_connect=False)
    async with listening(wanted, stay=False) as run:
        assert await run.ended() == Exit.GAVE_UP
        assert len(run.events.of(ev.DialStart)) == 2
        assert not run.events.of(ev.Waiting)
        (closed,) = run.events.of(ev.Closed)
        assert closed.cause == "gave_up"
        assert "--no-retry-on-failed-connect" in closed.text


@pytest.mark.parametrize("limit", [0, 2])
async def test_initial_connect_gives_up_after_the_first_pass_and_its_retries(refused_port: int, limit: int) -> None:
    wanted = settings(url(refused_port), url(refused_port, "127.0.0.2"), max_reconnects=limit, reconnect_wait=0.01)
    async with listening(wanted, stay=False) as run:
        assert await run.ended() == Exit.GAVE_UP
        assert [dial.pool_pass for dial in run.events.of(ev.DialStart)] == [n // 2 + 1 for n in range(2 * (limit + 1))]
        assert len(run.events.of(ev.Waiting)) == limit
        assert f"--max-reconnects {limit} allows no more" in run.events.of(ev.Closed)[0].text


async def test_order_is_random_unless_asked_not_to_be(refused_port: int) -> None:
    urls = [url(refused_port, f"127.0.0.{n}") for n in range(2, 16)]
    orders = []
    for randomize in (True, False):
        wanted = settings(*urls, randomize=randomize, retry_on_failed_connect=False)
        async with listening(wanted, stay=False) as run:
            await run.ended()
            orders.append([dial.server for dial in run.events.of(ev.DialStart)])
    assert sorted(orders[0]) == sorted(urls)
    assert orders[0] != urls  # once in 87 billion runs
    assert orders[1] == urls


async def test_dead_server_first_in_the_pool_costs_its_own_timeout_and_no_wait(
    blackhole: int, server: NatsServer
) -> None:
    for timeout in GROWING:
        wanted = settings(url(blackhole), server.url, connect_timeout=timeout, reconnect_wait=FOREVER)
        async with listening(wanted) as run:
            dead, alive = await run.events.until(ev.DialEnd), await run.events.until(ev.DialEnd)
            assert not run.events.of(ev.Waiting)
        if alive.outcome == "connected":
            break
    assert (dead.outcome, alive.outcome, alive.server) == ("timeout", "connected", server.url)
    assert timeout <= alive.t < timeout + IN_TIME
