"""Every command in every phase of a connection's life."""

import asyncio
from typing import Any

import pytest

from natsmon.lab.nats_server import NatsServer
from natsmon.state import availability
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from natsmon.wording.health import health
from tests.connection.life import DIALING, connected, ignored, reaching, start, until_sockets, url
from tests.harness import peers
from tests.harness.leaks import sockets
from tests.harness.listening import freeze, listening, settings
from tests.harness.time_limits import FOREVER, IN_TIME


@pytest.mark.parametrize("phase", [*DIALING, "waiting"])
async def test_cancel(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        before = len(sockets())
        run.execute(commands.Cancel())
        if phase != "waiting":
            end = await run.events.until(ev.DialEnd)
            assert (end.outcome, end.cause, end.stage) == ("cancelled", "cancelled", phase)
            stage = [s for s in run.events.of(ev.DialStage) if s.stage == phase][-1]
            assert stage.outcome == "cancelled"
        status = await run.events.until(ev.StatusChanged)
        assert (status.status, status.cause) == ("CLOSED", "cancelled")
        assert (await run.events.until(ev.Closed)).cause == "cancelled"
        if phase == "tcp":
            assert len(sockets()) == before - 1

        run.execute(commands.Reconnect())
        dial = await run.events.until(ev.DialStart)
        assert (dial.attempt, dial.pool_pass, dial.reason) == (1, 1, "initial")


@pytest.mark.parametrize("peering", [peers.silent, peers.info_then_silent])
async def test_cancelled_dial_is_hung_up(peering: Any) -> None:
    async with peering() as peer:
        before = sockets()
        async with listening(settings(peer.url, connect_timeout=FOREVER)) as run:
            await peer.until_connected()
            await run.events.until(ev.DialStage, lambda s: s.stage == "info")
            run.execute(commands.Cancel())
            await run.events.until(ev.Closed)
            await peer.until_left()
            await until_sockets(before)


@pytest.mark.parametrize("phase", ["connected", "closed"])
async def test_cancel_where_nothing_is_dialed(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.execute(commands.Cancel())
        answer = await ignored(run)
        assert (answer.command, answer.reason) == (
            "cancel",
            "connected: there is no dial to cancel" if phase == "connected" else "closed: reconnect starts again",
        )


@pytest.mark.parametrize("command", [commands.Cancel(), commands.Close()])
async def test_command_ends_a_pass_over_refused_servers(command: commands.AnyCommand, refused_port: int) -> None:
    """Each of these dials fails without waiting for anything."""
    servers = [f"nats://127.1.{number // 250}.{number % 250 + 1}:{refused_port}" for number in range(1_000)]
    async with listening(settings(*servers)) as run:
        await run.events.until(ev.DialStart)
        run.probe.execute(command)
        await run.events.until(ev.Closed)
    assert len(run.events.of(ev.DialStart)) < 100


async def test_cancel_during_a_reconnect(server: NatsServer) -> None:
    async with listening(settings(server.url, reconnect_wait=FOREVER)) as run:
        await connected(run)
        server.kill()
        await run.events.until(ev.Waiting)
        run.execute(commands.Cancel())
        assert (await run.events.until(ev.Closed)).cause == "cancelled"
        await run.events.until(ev.Outage)
        await start(server)
        run.execute(commands.Reconnect())
        await connected(run)
        assert run.events.of(ev.DialStart)[-1].reason == "manual"
        state = run.events.state
        assert (state.outage_count, state.manual_reconnects, state.outage) == (1, 1, None)


async def test_reconnect_while_connected(server: NatsServer) -> None:
    async with listening(settings(server.url, reconnect_wait=FOREVER)) as run:
        cid = (await connected(run)).cid
        run.execute(commands.Reconnect())
        lost = await run.events.until(ev.Disconnected)
        assert lost.cause == "manual"
        assert (await run.events.until(ev.DialStart)).reason == "manual"
        assert (await connected(run)).cid != cid
        assert (await run.events.until(ev.Outage)).cause == "manual"
        assert not run.events.of(ev.Waiting)


async def test_reconnect_over_and_over(server: NatsServer) -> None:
    async with listening(settings(server.url, reconnect_wait=FOREVER)) as run:
        await connected(run)
        for _ in range(20):
            run.execute(commands.Reconnect())
            await connected(run)
        await run.events.until_counts(lambda tally: tally.in_flight == 0 and tally.sent > 0)


async def test_reconnect_while_waiting_dials_now(ports: tuple[int, int]) -> None:
    async with reaching("waiting", ports) as run:
        run.execute(commands.Reconnect())
        assert (await run.events.until(ev.DialStart)).attempt == 2


@pytest.mark.parametrize("phase", DIALING)
async def test_reconnect_while_dialing_is_ignored(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.execute(commands.Reconnect())
        assert (await ignored(run)).reason == "a dial is in progress already"
        assert not run.events.of(ev.DialEnd)


async def test_reconnect_when_closed_dials_again(ports: tuple[int, int]) -> None:
    async with reaching("closed", ports) as run:
        for _ in range(3):
            run.execute(commands.Reconnect())
            await connected(run)
            assert run.events.of(ev.DialStart)[-1].reason == "manual"
            await run.events.until(ev.Echoed)
            run.execute(commands.Drain())
            await run.events.until(ev.Closed)
        assert (run.events.state.outage_count, run.events.state.manual_reconnects) == (0, 3)


@pytest.mark.parametrize("again", [commands.Cancel(), commands.Reconnect()])
async def test_failing_reconnect_when_closed_is_an_outage(again: commands.AnyCommand, server: NatsServer) -> None:
    """From when it was asked for, whether it ends with a connection or without one."""
    async with listening(settings(server.url, reconnect_wait=FOREVER)) as run:
        await connected(run)
        run.execute(commands.Drain())
        await run.events.until(ev.Closed)
        server.kill()
        run.execute(commands.Reconnect())
        asked = await run.events.until(ev.Disconnected)
        waiting = await run.events.until(ev.Waiting)
        state = run.events.state
        assert (state.outage_count, state.manual_reconnects) == (1, 0)
        found = availability.of_the_run(state, waiting.t)
        assert found.down == pytest.approx(waiting.t - asked.t)
        shown = health(state, waiting.t)
        assert shown.word == "RECONNECTING"
        assert "connection refused; next dial in" in shown.phrase
        if isinstance(again, commands.Reconnect):
            await start(server)
        run.execute(again)
        cost = await run.events.until(ev.Outage)
        assert (cost.began, cost.before) == (asked.t, server.url)
        assert cost.after == (server.url if isinstance(again, commands.Reconnect) else "")


@pytest.mark.parametrize("phase", DIALING)
async def test_next_server_while_dialing(phase: str, ports: tuple[int, int], server: NatsServer) -> None:
    async with reaching(phase, ports, server.url) as run:
        run.execute(commands.NextServer())
        end = await run.events.until(ev.DialEnd)
        assert (end.outcome, end.stage) == ("cancelled", phase)
        assert (await connected(run)).server == server.url


async def test_next_server_while_waiting(refused_port: int) -> None:
    one, two = url(refused_port), url(refused_port, "127.0.0.2")
    async with listening(settings(one, two, reconnect_wait=FOREVER)) as run:
        assert (await run.events.until(ev.Waiting)).server == one
        run.execute(commands.NextServer())
        assert (await run.events.until(ev.DialStart)).server == two


@pytest.mark.parametrize("phase", ["connected", "closed"])
async def test_next_server_where_nothing_is_dialed(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.execute(commands.NextServer())
        answer = await ignored(run)
        assert answer.command == "next_server"
        assert answer.reason.startswith(phase)


async def test_drain_delivers_what_is_under_way_and_stays(ports: tuple[int, int]) -> None:
    async with reaching("connected", ports) as run:
        await run.events.until(ev.Published)
        run.execute(commands.Drain())
        assert (await run.events.until(ev.StatusChanged)).status == "DRAINING"
        run.execute(commands.Reconnect())
        assert (await ignored(run)).reason == "draining: the connection is being closed"
        assert (await run.events.until(ev.Drained)).complete
        assert (await run.events.until(ev.Closed)).cause == "drained"
        assert not run.run.done()
        attempted = (await run.events.until(ev.Tally)).attempted
        run.execute(commands.Publish())
        assert "closed" in (await ignored(run)).reason
    tally = run.events.last_tally
    assert (tally.attempted, tally.in_flight) == (attempted, 0)
    assert run.run.result() == Exit.ENDED


@pytest.mark.parametrize("phase", [*DIALING, "waiting", "closed"])
async def test_drain_without_a_connection_closes(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.execute(commands.Drain())
        assert (await ignored(run)).command == "drain"


async def test_drain_of_a_frozen_server_ends_in_time(server: NatsServer) -> None:
    async with listening(settings(server.url, drain_timeout=0.2)) as run:
        await connected(run)
        await freeze(server)
        run.execute(commands.Drain())
        drained = await run.events.until(ev.Drained)
        assert not drained.complete
        assert 0.19 < drained.seconds < IN_TIME
        closed = await run.events.until(ev.Closed)
        assert (closed.cause, closed.text) == ("closed", "the drain did not finish")


async def test_drain_does_not_wait_for_a_server_that_ended(server: NatsServer) -> None:
    async with listening(settings(server.url, drain_timeout=FOREVER)) as run:
        await connected(run)
        await freeze(server)
        run.execute(commands.Drain())
        await run.events.until_status("DRAINING")
        server.kill()
        assert not (await run.events.until(ev.Drained)).complete


@pytest.mark.parametrize("phase", [*DIALING, "waiting", "connected", "paused", "closed"])
async def test_close_in_every_phase(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.execute(commands.Close())
        assert await run.ended() == Exit.ENDED
        closed = run.events.of(ev.Closed)[-1]
        assert closed.cause == ("drained" if phase == "closed" else "closed")
        end = await run.events.until(ev.End)
        assert (end.exit_code, end.reason) == (Exit.ENDED, "asked")
        if phase in ("connected", "paused"):
            assert run.events.of(ev.Drained)[-1].complete


@pytest.mark.parametrize(("phase", "code"), [("tcp", 130), ("waiting", 130), ("connected", 0), ("closed", 0)])
async def test_interrupt_before_and_after_the_first_connect(phase: str, code: int, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.probe.interrupt()
        assert await run.ended() == code
        assert run.events.of(ev.End)[-1].reason == "signal"


async def test_close_before_anything_began(refused_port: int) -> None:
    async with listening(settings(url(refused_port))) as run:
        run.execute(commands.Close())
        assert await run.ended() == Exit.ENDED
        assert not run.events.of(ev.DialStart)


@pytest.mark.parametrize("phase", [*DIALING, "waiting", "connected", "closed"])
@pytest.mark.parametrize("first", [commands.Cancel(), commands.Reconnect(), commands.NextServer(), commands.Drain()])
async def test_close_in_the_same_moment_as_another_command(
    phase: str, first: commands.AnyCommand, ports: tuple[int, int]
) -> None:
    """Two lines that arrive together: the close is not lost behind the other."""
    async with reaching(phase, ports) as run:
        run.execute(first)
        run.execute(commands.Close())
        assert await run.ended() == Exit.ENDED


async def test_cancel_in_the_same_moment_as_next_server(ports: tuple[int, int]) -> None:
    async with reaching("tcp", ports) as run:
        run.execute(commands.NextServer())
        run.execute(commands.Cancel())
        assert (await run.events.until(ev.Closed)).cause == "cancelled"


@pytest.mark.parametrize("ticks", range(1, 24, 2))
async def test_commands_at_odd_moments_of_a_dial(server: NatsServer, ticks: int) -> None:
    """Wherever in its course a dial is cancelled and begun again, the stream makes sense and the end is CONNECTED."""
    async with listening(settings(server.url, reconnect_wait=0.0)) as run:
        for command in (commands.NextServer(), commands.Cancel()):
            for _ in range(ticks):
                await asyncio.sleep(0)
            run.execute(command)
        refused = [answer.command for answer in run.events.of(ev.Answer) if answer.outcome == "ignored"]
        if "cancel" not in refused:
            await run.events.until(ev.Closed)
            run.execute(commands.Reconnect())
        await run.events.until_counts(lambda tally: tally.delivered >= 1)
