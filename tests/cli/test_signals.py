"""Signals: from every state a graceful end, and at once with the second."""

import signal

import pytest

from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from tests.cli.running import WAITS, ended_well, natsmon
from tests.harness import peers
from tests.harness.listening import freeze


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_signal_while_connected_drains(server: NatsServer, number: signal.Signals) -> None:
    async with natsmon(server.url, "--rate", "40") as run:
        await run.events.until(ev.Echoed)
        run.signal(number)
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run) == ev.End(t=run.events.seen[-1].t, exit_code=0, reason="signal")
    (drained,) = run.events.of(ev.Drained)
    assert drained.complete
    assert run.events.of(ev.Closed)[-1].cause == "closed"
    tally = run.events.last_tally
    assert tally.attempted == tally.delivered


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_while_waiting(refused_port: int, number: signal.Signals) -> None:
    async with natsmon(f"nats://{HOST}:{refused_port}", *WAITS) as run:
        await run.events.until(ev.Waiting)
        run.signal(number)
        assert await run.exit_code() == Exit.INTERRUPTED
    assert ended_well(run).exit_code == Exit.INTERRUPTED


@pytest.mark.parametrize("phase", ["tcp", "info", "connect"])
async def test_signal_while_dialing(blackhole: int, phase: str) -> None:
    async with peers.silent() as silent, peers.info_then_silent() as stuck:
        port = {"tcp": blackhole, "info": silent.port, "connect": stuck.port}[phase]
        async with natsmon(f"nats://{HOST}:{port}", *WAITS) as run:
            await run.events.until(ev.DialStage, lambda s: s.stage == phase and (phase != "tcp" or s.address != ""))
            run.signal(signal.SIGINT)
            assert await run.exit_code() == Exit.INTERRUPTED
    ended_well(run)
    (end,) = run.events.of(ev.DialEnd)
    assert (end.outcome, end.stage) == ("cancelled", phase)


async def test_signal_after_a_connection_was_lost(server: NatsServer) -> None:
    async with natsmon(server.url, *WAITS) as run:
        await run.events.until(ev.Connected)
        server.kill()
        await run.events.until(ev.Waiting)
        run.signal(signal.SIGTERM)
        assert await run.exit_code() == Exit.ENDED
    ended_well(run)
    assert len(run.events.of(ev.Outage)) == 1


async def test_second_signal_leaves_at_once(server: NatsServer) -> None:
    async with natsmon(server.url) as run:
        await run.events.until(ev.Connected)
        await freeze(server)
        run.signal(signal.SIGINT)
        await run.events.until_status("DRAINING")
        run.signal(signal.SIGINT)
        assert await run.exit_code() == Exit.ENDED
    assert not run.events.of(ev.Drained), "the drain was waited for"
    assert [(end.reason, end.exit_code) for end in run.events.of(ev.End)] == [("signal", Exit.ENDED)]
