"""The life of a connection, end to end: a probe in this process, real servers, scripted peers."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any

import nats
import pytest

from natsmon import events as ev
from natsmon.dial import dialer as dialer_module
from natsmon.exit_codes import Exit
from natsmon.sandbox.server import HOST, NatsServer
from natsmon.settings import MAX_RATE
from tests import peers
from tests.conftest import StartServer
from tests.leaks import sockets
from tests.listening import Listening, freeze, listening, settings
from tests.peer import Peering, Talk, playing

FOREVER = 60.0
"""Seconds; what is set to it is not waited for, or the test fails."""


def url(port: int, host: str = HOST) -> str:
    return f"nats://{host}:{port}"


async def start(server: NatsServer) -> None:
    """Beside the probe, which goes on meanwhile."""
    await asyncio.to_thread(server.start)


async def connected(run: Listening) -> ev.Connected:
    event = await run.events.until(ev.Connected)
    await run.events.until_status("CONNECTED")
    return event


async def until_sockets(expected: dict[str, str]) -> None:
    """The kernel sends no event when a socket is closed."""
    async with asyncio.timeout(2.0):
        while sockets() != expected:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


# -- the initial connect ----------------------------------------------------------------------------


async def test_connects_and_tells_each_stage(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        event = await connected(run)
        assert event.server == server.url
        assert event.address == server.authority
        assert event.server_name == server.name
        assert event.cid > 0
        assert event.max_payload == 1024 * 1024
        (start,) = run.events.of(ev.DialStart)
        (end,) = run.events.of(ev.DialEnd)
        assert (start.dial, start.attempt, start.round, start.why, start.timeout) == (1, 1, 1, "initial", 2.0)
        assert (end.outcome, end.stage, end.cause) == ("connected", "connect", "")
        assert set(end.stages) == {"dns", "tcp", "info", "connect"}
        told = [(stage.stage, stage.outcome) for stage in run.events.of(ev.DialStage) if stage.dial == 1]
        assert told[0] == ("dns", "started")
        assert told[-1] == ("connect", "complete")
        for stage in end.stages:
            assert [outcome for name, outcome in told if name == stage][-1] == "complete"
        await run.events.until(ev.Rtt)
        assert (await run.events.until_counts(lambda tally: tally.echoed >= 3)).lost == 0
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
        attempts = [(dial.attempt, dial.round, dial.why) for dial in run.events.of(ev.DialStart)]
        assert attempts == [(n, n, "initial") for n in range(1, len(attempts) + 1)]
        assert not run.events.of(ev.Reconnected)
        # What was attempted before there was a connection has been kept for it.
        await run.events.until_counts(lambda tally: tally.buffered == 0 and tally.echoed == tally.attempted > 0)


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
        assert [dial.round for dial in run.events.of(ev.DialStart)] == [n // 2 + 1 for n in range(2 * (limit + 1))]
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


# -- loss and return --------------------------------------------------------------------------------


async def test_killed_and_restarted(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        await run.events.until_counts(lambda tally: tally.echoed > 0)
        server.kill()
        lost = await run.events.until(ev.Disconnected)
        assert lost.cause in ("eof", "reset")
        assert (await run.events.until(ev.StatusChanged)).status == "RECONNECTING"
        await run.events.until_counts(lambda tally: tally.buffered >= 3)
        await start(server)
        await run.events.until(ev.Connected)
        assert (await run.events.until(ev.StatusChanged)).status == "CONNECTED"
        back = await run.events.until(ev.Reconnected)
        outage = await run.events.until(ev.Outage)
        dials = [dial for dial in run.events.of(ev.DialStart) if dial.why == "reconnect"]
        assert (back.before, back.after, back.attempts) == (server.url, server.url, len(dials))
        assert back.downtime == pytest.approx(back.t - lost.t)
        assert (outage.began, outage.ended, outage.cause) == (lost.t, back.t, lost.cause)
        assert (outage.dials, outage.before, outage.after) == (len(dials), server.url, server.url)
        assert outage.buffered >= 3
        tally = await run.events.until_counts(lambda tally: tally.buffered == 0 and tally.in_flight == 0)
        assert tally.lost == outage.lost
        assert tally.echoed + tally.lost == tally.attempted


async def test_buffered_messages_are_sent_in_order_after_the_reconnect(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        await run.events.until(ev.Echoed)
        server.kill()
        buffered = [(await run.events.until(ev.Published, lambda p: p.fate == "buffered")).seq for _ in range(5)]
        assert buffered == list(range(buffered[0], buffered[0] + 5))
        await start(server)
        echoed = [(await run.events.until(ev.Echoed, lambda e: e.seq >= buffered[0])).seq for _ in range(5)]
        assert echoed == buffered


async def test_first_reconnect_dial_is_immediate_the_others_wait(server: NatsServer) -> None:
    async with listening(settings(server.url, reconnect_wait=0.02, reconnect_jitter=0.01)) as run:
        await connected(run)
        server.kill()
        for _ in range(3):
            await run.events.until(ev.Waiting)
        told: Sequence[Any] = run.events.seen
        kinds = [type(event) for event in told if isinstance(event, ev.Disconnected | ev.Waiting | ev.DialStart)]
        lost = kinds.index(ev.Disconnected)
        assert kinds[lost : lost + 6] == [ev.Disconnected, *[ev.DialStart, ev.Waiting] * 2, ev.DialStart]
        for waiting in run.events.of(ev.Waiting):
            assert waiting.base == 0.02
            assert 0 <= waiting.jitter <= 0.01
            assert waiting.until == pytest.approx(waiting.t + waiting.delay, abs=1e-5)
            dial = next((d for d in run.events.of(ev.DialStart) if d.t > waiting.t), None)
            assert dial is None or dial.t >= waiting.until - 0.002


@pytest.mark.parametrize(("limit", "dials"), [(0, 0), (1, 1), (3, 3)])
async def test_gives_up_after_as_many_reconnects_as_allowed(server: NatsServer, limit: int, dials: int) -> None:
    async with listening(settings(server.url, max_reconnects=limit, reconnect_wait=0.01), stay=False) as run:
        await connected(run)
        server.kill()
        assert await run.ended() == Exit.GAVE_UP
        assert [dial.attempt for dial in run.events.of(ev.DialStart)][1:] == list(range(1, dials + 1))
        (closed,) = run.events.of(ev.Closed)
        assert closed.cause == "gave_up"
        (outage,) = run.events.of(ev.Outage)
        assert (outage.dials, outage.after) == (dials, "")


async def test_reconnects_for_ever_where_asked(server: NatsServer) -> None:
    async with listening(settings(server.url, max_reconnects=-1, reconnect_wait=0.0)) as run:
        await connected(run)
        server.kill()
        await run.events.until(ev.DialStart, lambda dial: dial.attempt == 200)


async def test_limit_counts_anew_after_each_connect(server: NatsServer) -> None:
    async with listening(settings(server.url, max_reconnects=3, reconnect_wait=0.3)) as run:
        await connected(run)
        for _ in range(3):
            server.kill()
            await run.events.until(ev.DialEnd, lambda end: end.outcome == "failed")
            await start(server)
            await connected(run)


async def test_frozen_server_is_found_stale(server: NatsServer) -> None:
    wanted = settings(server.url, ping_interval=0.1, max_pings_out=1, rtt_interval=0.0, connect_timeout=0.3)
    async with listening(wanted) as run:
        await connected(run)
        await freeze(server)
        lost = await run.events.until(ev.Disconnected)
        assert (lost.cause, lost.text) == ("stale", "no PONG for 0.2 s")
        end = await run.events.until(ev.DialEnd)
        assert (end.outcome, end.stage, end.cause) == ("timeout", "info", "timeout")
        assert 0.29 < end.total < 1.0
        server.cont()
        await connected(run)
        outage = await run.events.until(ev.Outage)
        assert outage.detected_after >= 0.1


async def test_frozen_server_that_comes_back_in_time_is_not_lost(server: NatsServer) -> None:
    async with listening(settings(server.url, ping_interval=0.1, max_pings_out=50)) as run:
        await connected(run)
        await freeze(server)
        before = await run.events.until_counts(lambda tally: tally.in_flight >= 4)
        server.cont()
        await run.events.until_counts(lambda tally: tally.echoed >= before.attempted)
        assert not run.events.of(ev.Disconnected)


async def test_flapping_server_is_not_stormed() -> None:
    """Accepts, says PONG, closes: every second dial waits, however well the dials succeed."""
    async with playing(Talk.handshake) as peer, listening(settings(peer.url, reconnect_wait=0.05)) as run:
        await run.events.until(ev.DialStart, lambda dial: dial.dial == 8)
        assert len(run.events.of(ev.Waiting)) >= 3
        first, *_, last = run.events.of(ev.DialStart)
        assert last.t - first.t >= 3 * 0.05


async def test_lame_duck_says_so(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        server.lame_duck()
        assert (await run.events.until(ev.LameDuck)).server == server.url


# -- a cluster --------------------------------------------------------------------------------------


async def test_discovered_servers_join_the_pool(cluster: list[NatsServer]) -> None:
    async with listening(settings(cluster[0].url)) as run:
        assert (await connected(run)).cluster == "nodes"
        found = await run.events.until(ev.Discovered)
        assert sorted(found.servers) == sorted(node.url for node in cluster[1:])
        cluster[0].kill()
        assert (await connected(run)).server in found.servers
        back = await run.events.until(ev.Reconnected)
        assert (back.before, back.attempts) == (cluster[0].url, 1)
        await run.events.until(ev.Outage)
        assert not run.events.of(ev.Waiting)


async def test_discovered_servers_are_ignored_where_asked(cluster: list[NatsServer]) -> None:
    async with listening(settings(cluster[0].url, ignore_discovered_servers=True, reconnect_wait=0.01)) as run:
        await connected(run)
        cluster[0].kill()
        await run.events.until(ev.DialStart, lambda dial: dial.attempt == 4)
        assert {dial.server for dial in run.events.of(ev.DialStart)} == {cluster[0].url}
        assert not run.events.of(ev.Discovered)


async def test_explicit_servers_take_turns(nats_server: StartServer) -> None:
    one, two = nats_server(), nats_server()
    async with listening(settings(one.url, two.url)) as run:
        await connected(run)
        for losing, gaining in ((one, two), (two, one), (one, two)):
            if not gaining.running:
                await start(gaining)
            losing.kill()
            assert (await run.events.until(ev.Reconnected)).after == gaining.url


# -- commands in every phase ------------------------------------------------------------------------

DIALING = ["dns", "tcp", "info", "connect"]


@pytest.fixture
def ports(blackhole: int, refused_port: int) -> tuple[int, int]:
    return blackhole, refused_port


@pytest.fixture(autouse=True)
def hanging_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lookup of ``hanging.example`` never ends."""
    real = dialer_module.lookup

    async def lookup(host: str, port: int) -> Sequence[dialer_module.AddressInfo]:
        if host == "hanging.example":
            await asyncio.Event().wait()
        return await real(host, port)

    monkeypatch.setattr(dialer_module, "lookup", lookup)


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
                run.obey(ev.Pause())
                await run.events.until(ev.Paused)
            case "closed":
                await connected(run)
                run.obey(ev.Drain())
                await run.events.until(ev.Closed)
        yield run


@pytest.mark.parametrize("phase", [*DIALING, "waiting"])
async def test_cancel(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        before = len(sockets())
        run.obey(ev.Cancel())
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

        run.obey(ev.Reconnect())
        dial = await run.events.until(ev.DialStart)
        assert (dial.attempt, dial.round, dial.why) == (1, 1, "initial")


@pytest.mark.parametrize("peering", [peers.silent, peers.info_then_silent])
async def test_cancelled_dial_is_hung_up(peering: Any) -> None:
    async with peering() as peer:
        before = sockets()
        async with listening(settings(peer.url, connect_timeout=FOREVER)) as run:
            await peer.until_connected()
            await run.events.until(ev.DialStage, lambda s: s.stage == "info")
            run.obey(ev.Cancel())
            await run.events.until(ev.Closed)
            await peer.until_left()
            await until_sockets(before)


@pytest.mark.parametrize("phase", ["connected", "closed"])
async def test_cancel_where_nothing_is_dialed(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.obey(ev.Cancel())
        ignored = await run.events.until(ev.Ignored)
        assert (ignored.command, ignored.why) == (
            "cancel",
            "connected: there is no dial to cancel"
            if phase == "connected"
            else "closed: r starts a new initial connect",
        )


async def test_cancel_during_a_reconnect(server: NatsServer) -> None:
    async with listening(settings(server.url, reconnect_wait=FOREVER)) as run:
        await connected(run)
        server.kill()
        await run.events.until(ev.Waiting)
        run.obey(ev.Cancel())
        assert (await run.events.until(ev.Closed)).cause == "cancelled"
        await run.events.until(ev.Outage)
        await start(server)
        run.obey(ev.Reconnect())
        await connected(run)
        assert run.events.of(ev.DialStart)[-1].why == "initial"
        assert not run.events.of(ev.Reconnected)


async def test_reconnect_while_connected(server: NatsServer) -> None:
    async with listening(settings(server.url, reconnect_wait=FOREVER)) as run:
        cid = (await connected(run)).cid
        run.obey(ev.Reconnect())
        lost = await run.events.until(ev.Disconnected)
        assert lost.cause == "forced"
        assert (await run.events.until(ev.DialStart)).why == "forced"
        assert (await connected(run)).cid != cid
        assert (await run.events.until(ev.Outage)).cause == "forced"
        assert not run.events.of(ev.Waiting)


async def test_reconnect_over_and_over(server: NatsServer) -> None:
    async with listening(settings(server.url, reconnect_wait=FOREVER)) as run:
        await connected(run)
        for _ in range(20):
            run.obey(ev.Reconnect())
            await connected(run)
        await run.events.until_counts(lambda tally: tally.in_flight == 0 and tally.sent > 0)


async def test_reconnect_while_waiting_dials_now(ports: tuple[int, int]) -> None:
    async with reaching("waiting", ports) as run:
        run.obey(ev.Reconnect())
        assert (await run.events.until(ev.DialStart)).attempt == 2


@pytest.mark.parametrize("phase", DIALING)
async def test_reconnect_while_dialing_is_ignored(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.obey(ev.Reconnect())
        assert (await run.events.until(ev.Ignored)).why == "a dial is under way already"
        assert not run.events.of(ev.DialEnd)


async def test_reconnect_when_closed_starts_anew(ports: tuple[int, int]) -> None:
    async with reaching("closed", ports) as run:
        for _ in range(3):
            run.obey(ev.Reconnect())
            await connected(run)
            assert run.events.of(ev.DialStart)[-1].why == "initial"
            await run.events.until(ev.Echoed)
            run.obey(ev.Drain())
            await run.events.until(ev.Closed)


@pytest.mark.parametrize("phase", DIALING)
async def test_next_server_while_dialing(phase: str, ports: tuple[int, int], server: NatsServer) -> None:
    async with reaching(phase, ports, server.url) as run:
        run.obey(ev.NextServer())
        end = await run.events.until(ev.DialEnd)
        assert (end.outcome, end.stage) == ("cancelled", phase)
        assert (await connected(run)).server == server.url


async def test_next_server_while_waiting(refused_port: int) -> None:
    one, two = url(refused_port), url(refused_port, "127.0.0.2")
    async with listening(settings(one, two, reconnect_wait=FOREVER)) as run:
        assert (await run.events.until(ev.Waiting)).server == one
        run.obey(ev.NextServer())
        assert (await run.events.until(ev.DialStart)).server == two


@pytest.mark.parametrize("phase", ["connected", "closed"])
async def test_next_server_where_nothing_is_dialed(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.obey(ev.NextServer())
        ignored = await run.events.until(ev.Ignored)
        assert ignored.command == "next_server"
        assert ignored.why.startswith(phase)


async def test_drain_delivers_what_is_under_way_and_stays(ports: tuple[int, int]) -> None:
    async with reaching("connected", ports) as run:
        await run.events.until(ev.Published)
        run.obey(ev.Drain())
        assert (await run.events.until(ev.StatusChanged)).status == "DRAINING"
        run.obey(ev.Reconnect())
        assert (await run.events.until(ev.Ignored)).why == "draining"
        assert (await run.events.until(ev.Drained)).complete
        assert (await run.events.until(ev.Closed)).cause == "drained"
        assert not run.run.done()
        attempted = (await run.events.until(ev.Tally)).attempted
        run.obey(ev.Publish())
        assert "closed" in (await run.events.until(ev.Ignored)).why
    tally = run.events.last_tally
    assert (tally.attempted, tally.in_flight) == (attempted, 0)
    assert run.run.result() == Exit.ENDED


@pytest.mark.parametrize("phase", [*DIALING, "waiting", "closed"])
async def test_drain_where_there_is_no_connection(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.obey(ev.Drain())
        assert (await run.events.until(ev.Ignored)).command == "drain"


async def test_drain_of_a_frozen_server_ends_in_time(server: NatsServer) -> None:
    async with listening(settings(server.url, drain_timeout=0.2)) as run:
        await connected(run)
        await freeze(server)
        run.obey(ev.Drain())
        drained = await run.events.until(ev.Drained)
        assert not drained.complete
        assert 0.19 < drained.seconds < 1.0


async def test_drain_does_not_wait_for_a_server_that_died(server: NatsServer) -> None:
    async with listening(settings(server.url, drain_timeout=FOREVER)) as run:
        await connected(run)
        await freeze(server)
        run.obey(ev.Drain())
        await run.events.until_status("DRAINING")
        server.kill()
        assert not (await run.events.until(ev.Drained)).complete


@pytest.mark.parametrize("phase", [*DIALING, "waiting", "connected", "paused", "closed"])
async def test_close_in_every_phase(phase: str, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.obey(ev.Close())
        assert await run.ended() == Exit.ENDED
        closed = run.events.of(ev.Closed)[-1]
        assert closed.cause == ("drained" if phase == "closed" else "closed")
        end = await run.events.until(ev.End)
        assert (end.exit_code, end.why) == (Exit.ENDED, "asked")
        if phase in ("connected", "paused"):
            assert run.events.of(ev.Drained)[-1].complete


@pytest.mark.parametrize(("phase", "code"), [("tcp", 130), ("waiting", 130), ("connected", 0), ("closed", 0)])
async def test_interrupt_before_and_after_the_first_connect(phase: str, code: int, ports: tuple[int, int]) -> None:
    async with reaching(phase, ports) as run:
        run.probe.interrupt()
        assert await run.ended() == code
        assert run.events.of(ev.End)[-1].why == "signal"


async def test_close_before_anything_began(refused_port: int) -> None:
    async with listening(settings(url(refused_port))) as run:
        run.obey(ev.Close())
        assert await run.ended() == Exit.ENDED
        assert not run.events.of(ev.DialStart)


@pytest.mark.parametrize("phase", [*DIALING, "waiting", "connected", "closed"])
@pytest.mark.parametrize("first", [ev.Cancel(), ev.Reconnect(), ev.NextServer(), ev.Drain()])
async def test_close_in_the_same_moment_as_another_command(
    phase: str, first: ev.AnyCommand, ports: tuple[int, int]
) -> None:
    """Two lines that arrive together: the close is not lost behind the other."""
    async with reaching(phase, ports) as run:
        run.obey(first)
        run.obey(ev.Close())
        assert await run.ended() == Exit.ENDED


async def test_cancel_in_the_same_moment_as_next_server(ports: tuple[int, int]) -> None:
    async with reaching("tcp", ports) as run:
        run.obey(ev.NextServer())
        run.obey(ev.Cancel())
        assert (await run.events.until(ev.Closed)).cause == "cancelled"


@pytest.mark.parametrize("ticks", range(1, 24, 2))
async def test_commands_at_odd_moments_of_a_dial(server: NatsServer, ticks: int) -> None:
    """Wherever in its course a dial is cancelled and begun again, the stream makes sense and the end is CONNECTED."""
    async with listening(settings(server.url, reconnect_wait=0.0)) as run:
        for command in (ev.NextServer(), ev.Cancel()):
            for _ in range(ticks):
                await asyncio.sleep(0)
            run.obey(command)
        refused = [ignored.command for ignored in run.events.of(ev.Ignored)]
        if "cancel" not in refused:
            await run.events.until(ev.Closed)
            run.obey(ev.Reconnect())
        await run.events.until_counts(lambda tally: tally.echoed >= 1)


# -- messages ---------------------------------------------------------------------------------------


async def test_pause_and_resume(ports: tuple[int, int]) -> None:
    async with reaching("connected", ports) as run:
        await run.events.until(ev.Published)
        run.obey(ev.Pause())
        await run.events.until(ev.Paused)
        run.obey(ev.Pause())
        assert (await run.events.until(ev.Ignored)).why == "paused already"
        published = len(run.events.of(ev.Published))
        for _ in range(6):
            await run.events.until(ev.Rtt)  # the connection stays
        assert len(run.events.of(ev.Published)) == published
        run.obey(ev.Publish())
        await run.events.until(ev.Echoed, lambda echo: echo.seq == published + 1)
        run.obey(ev.Resume())
        resumed = await run.events.until(ev.Resumed)
        times = [(await run.events.until(ev.Published)).t for _ in range(4)]
        assert times[-1] - resumed.t >= 3 * 0.025 - 0.005, "a burst: what the pause left out was made up for"
        run.obey(ev.Resume())
        assert (await run.events.until(ev.Ignored)).why == "not paused"


async def test_paused_stays_paused_over_a_reconnect(ports: tuple[int, int]) -> None:
    async with reaching("paused", ports) as run:
        published = len(run.events.of(ev.Published))
        run.obey(ev.Reconnect())
        await connected(run)
        for _ in range(3):
            await run.events.until(ev.Rtt)
        assert len(run.events.of(ev.Published)) == published


async def test_schedule_is_a_grid_without_drift(ports: tuple[int, int]) -> None:
    interval = 0.021
    async with reaching("connected", ports, interval=interval, rtt_interval=FOREVER) as run:
        first = await run.events.until(ev.Published)
        times = [(await run.events.until(ev.Published)).t - first.t for _ in range(50)]
    late = [time % interval for time in times]
    off_the_grid = min(min(offset, interval - offset) for offset in late[-10:])
    assert off_the_grid < 0.004
    assert times[-1] >= 50 * interval - 0.02


async def test_a_stall_is_made_up_for_within_bounds(ports: tuple[int, int]) -> None:
    async with reaching("connected", ports) as run:
        await run.events.until(ev.Published)
        before = len(run.events.of(ev.Published))
        time.sleep(0.5)  # noqa: ASYNC251  the stall itself
        stalled_until = run.probe.clock()
        await run.events.until(ev.Published, lambda message: message.t > stalled_until)
        made_up = len(run.events.of(ev.Published)) - before
        assert made_up <= 0.1 / 0.025 + 8, "twenty were due"


async def test_high_rate_is_told_by_tallies_alone(server: NatsServer) -> None:
    async with listening(settings(server.url, interval=0.001)) as run:
        tally = await run.events.until_counts(lambda tally: tally.echoed >= 300)
        assert tally.latency is not None
        assert not run.events.of(ev.Published)
        assert not run.events.of(ev.Echoed)
        tallies = [tally.t for tally in run.events.of(ev.Tally)]
        assert all(b - a >= 0.09 for a, b in pairwise(tallies))


async def test_as_fast_as_echoed_across_a_kill(server: NatsServer) -> None:
    async with listening(settings(server.url, interval=MAX_RATE)) as run:
        await run.events.until_counts(lambda tally: tally.echoed >= 5_000)
        server.kill()
        await run.events.until(ev.Disconnected)
        await start(server)
        await run.events.until(ev.Reconnected)
        await run.events.until(ev.Outage)
        before = run.events.last_tally.echoed
        run.obey(ev.Pause())
        tally = await run.events.until_counts(lambda tally: tally.echoed > before and tally.in_flight == 0)
        assert tally.sent == tally.echoed + tally.lost


async def test_buffer_has_a_limit(refused_port: int, nats_server: StartServer) -> None:
    wire = len(b"HPUB hello 58 63\r\nNATS/1.0\r\nNatsmon-Session: 01234567\r\nNatsmon-Seq: 1\r\n\r\n12345\r\n")
    async with listening(settings(url(refused_port), reconnect_buffer=4 * wire - 1, payload=b"12345")) as run:
        tally = await run.events.until(ev.Tally, lambda tally: tally.rejected >= 2)
        assert (tally.buffered, tally.buffered_bytes, tally.sent) == (3, 3 * wire, 0)
        assert [p.fate for p in run.events.of(ev.Published)][:5] == ["buffered"] * 3 + ["rejected"] * 2
        await asyncio.to_thread(nats_server, port=refused_port)
        tally = await run.events.until_counts(lambda tally: tally.echoed > 3)
        assert tally.buffered == 0


async def test_payload_over_the_servers_maximum(nats_server: StartServer) -> None:
    server = nats_server(config="max_payload: 1024")
    async with listening(settings(server.url, payload=b"x" * 1024)) as run:
        await connected(run)
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 5)
        assert (tally.sent, tally.buffered) == (0, 0)
        (complaint,) = run.events.of(ev.AsyncError)
        assert "maximum payload of 1024 bytes" in complaint.text
        await run.events.until(ev.Rtt)
        assert not run.events.of(ev.Disconnected)


async def test_payload_over_the_maximum_of_a_server_that_came_later(
    refused_port: int, nats_server: StartServer
) -> None:
    async with listening(settings(url(refused_port), payload=b"x" * 1024)) as run:
        await run.events.until_counts(lambda tally: tally.buffered >= 3)
        await asyncio.to_thread(nats_server, port=refused_port, config="max_payload: 1024")
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 5)
        assert (tally.sent, tally.buffered, tally.buffered_bytes) == (0, 0, 0)
        assert len(run.events.of(ev.AsyncError)) == 1


async def test_largest_payload_that_fits_is_sent(nats_server: StartServer) -> None:
    server = nats_server(config="max_payload: 1024")
    header = len(b"NATS/1.0\r\nNatsmon-Session: 01234567\r\nNatsmon-Seq: 1\r\n\r\n")
    async with listening(settings(server.url, payload=b"x" * (1024 - header), count=10), stay=False) as run:
        await run.ended()
        tally = run.events.last_tally
        assert (tally.echoed, tally.rejected) == (9, 1)  # the tenth has one digit more


@pytest.mark.parametrize("interval", [0.025, 0.001, MAX_RATE])
async def test_count_ends_the_run(server: NatsServer, interval: float) -> None:
    async with listening(settings(server.url, count=7, interval=interval), stay=False) as run:
        assert await run.ended() == Exit.ENDED
        tally = run.events.last_tally
        assert (tally.attempted, tally.echoed) == (7, 7)
        assert run.events.of(ev.End)[-1].why == "count"


async def test_count_is_exact_across_an_outage(refused_port: int, nats_server: StartServer) -> None:
    """What waits in the buffer is published once there is a connection: until then the run goes on, counting none."""
    async with listening(settings(url(refused_port), count=3), stay=False) as run:
        await run.events.until_counts(lambda tally: tally.buffered == 3)
        for _ in range(4):
            await run.events.until(ev.DialEnd)
        await asyncio.to_thread(nats_server, port=refused_port)
        assert await run.ended() == Exit.ENDED
        tally = run.events.last_tally
        assert (tally.attempted, tally.echoed) == (3, 3)


async def test_duration_ends_the_run(server: NatsServer) -> None:
    async with listening(settings(server.url, duration=0.15), stay=False) as run:
        assert await run.ended() == Exit.ENDED
        end = run.events.of(ev.End)[-1]
        assert end.why == "duration"
        assert 0.14 < end.t < 1.0


async def test_dead_server_first_in_the_pool_costs_its_own_timeout_and_no_wait(
    blackhole: int, server: NatsServer
) -> None:
    wanted = settings(url(blackhole), server.url, connect_timeout=0.3, reconnect_wait=60.0)
    async with listening(wanted) as run:
        up = await run.events.until(ev.Connected)
        assert up.server == server.url
        assert 0.3 <= up.t < 1.0
        assert not run.events.of(ev.Waiting)


async def test_duration_ends_a_run_that_never_connected(blackhole: int) -> None:
    async with listening(settings(url(blackhole), duration=0.1), stay=False) as run:
        assert await run.ended() == Exit.ENDED


async def test_messages_of_others_are_not_counted_and_copies_are(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        other = await nats.connect(server.url)
        try:
            subscription = await other.subscribe("hello")
            await other.flush()
            await other.publish("hello", b"somebody else's")
            await other.publish("hello", b"world", headers={"Natsmon-Session": "another", "Natsmon-Tag": "1"})
            session = run.events.of(ev.Session)[0].id
            for number in ("x", "-1", "999999999", "9" * 5_000, "1 "):
                await other.publish("hello", headers={"Natsmon-Session": session, "Natsmon-Seq": number})
            while (message := await subscription.next_msg()).data != b"world" or "Natsmon-Tag" in message.headers:
                pass
            await other.publish("hello", b"world", headers=message.headers)
            await run.events.until_counts(lambda tally: tally.duplicate >= 1)
        finally:
            await other.close()
        assert not run.events.of(ev.Disconnected)


# -- peers that misbehave ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("peering", "stage", "cause"),
    [
        (peers.close_at_once(), None, "eof"),
        (peers.close_at_once(reset=True), None, "reset"),
        (peers.silent(), "info", "timeout"),
        (peers.http_400(), "info", "http"),
        (peers.garbage(), "info", "protocol"),
        (peers.endless_line(), "info", "info_bad"),
        (peers.slow_info(), "info", "timeout"),
        (peers.info_then_close(), "connect", "eof|reset"),
        (peers.info_then_silent(), "connect", "timeout"),
        (peers.info_not_json(), "info", "info_bad"),
        (peers.info_not_object(), "info", "info_bad"),
        (peers.err_after_connect(), "connect", "auth|auth_missing"),
        (peers.err_after_connect("Maximum Connections Exceeded"), "connect", "limit"),
        (peers.err_after_connect("out of cheese"), "connect", "protocol"),
    ],
    ids=[
        "close", "reset", "silent", "http", "garbage", "endless", "slow", "info-close", "info-silent",
        "info-not-json", "info-not-object", "auth", "limit", "err",
    ],
)  # fmt: skip
async def test_bad_peer_ends_the_attempt_in_time(peering: Peering, stage: str | None, cause: str) -> None:
    async with peering as peer:
        wanted = settings(peer.url, connect_timeout=0.3, retry_on_failed_connect=False)
        async with listening(wanted, stay=False) as run:
            assert await run.ended() == Exit.GAVE_UP
            (end,) = run.events.of(ev.DialEnd)
            assert end.cause in cause.split("|")
            assert end.outcome == ("timeout" if cause == "timeout" else "failed")
            assert stage in (None, end.stage)
            assert end.text
            assert end.total < 0.3 + 0.3
            await peer.until_left()


def talking(*says: bytes) -> Peering:
    """INFO, then these instead of PONG."""

    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"PING")
        for said in says:
            await talk.send(said)
        await talk.until_closed()

    return playing(script)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (b"INFO {not json\r\n", "info_bad"),
        (b"INFO []\r\n", "info_bad"),
        (b"MSG hello 1 5\r\nworld\r\n", "protocol"),
        (b"\x00\xff\r\n", "protocol"),
        (b"\r\n", "protocol"),
        (b"P" * 200_000, "protocol"),
        (b"-ERR\r\n", "protocol"),
    ],
    ids=range(7),
)
async def test_bad_word_instead_of_pong(said: bytes, cause: str) -> None:
    async with talking(said) as peer:
        wanted = settings(peer.url, connect_timeout=1.0, retry_on_failed_connect=False)
        async with listening(wanted, stay=False) as run:
            assert await run.ended() == Exit.GAVE_UP
            (end,) = run.events.of(ev.DialEnd)
            assert (end.outcome, end.stage, end.cause) == ("failed", "connect", cause)
            await peer.until_left()


@pytest.mark.parametrize("said", [b"+OK\r\nPING\r\n+OK\r\nPONG\r\n", b'INFO {"ldm":true}\r\nPONG\r\n', b"pong\r\n"])
async def test_odd_but_good_word_before_pong(said: bytes) -> None:
    async with talking(said) as peer, listening(settings(peer.url, drain_timeout=0.05)) as run:
        await connected(run)
        if b"ldm" in said:
            await run.events.until(ev.LameDuck)


async def test_ping_before_pong_is_answered() -> None:
    async with peers.ping_before_pong() as peer, listening(settings(peer.url)) as run:
        await connected(run)


@pytest.mark.parametrize(
    ("peering", "causes"),
    [
        (peers.pong_then_garbage(held=True), {"protocol"}),
        (peers.pong_then_bad_info(held=True), {"protocol", "info_bad"}),
        (peers.stale(held=True), {"stale"}),
    ],
    ids=["garbage", "bad-info", "stale"],
)
async def test_peer_that_turns_bad_is_left_and_dialed_again(peering: Peering, causes: set[str]) -> None:
    async with peering as peer, listening(settings(peer.url, reconnect_wait=FOREVER)) as run:
        await connected(run)
        peer.release()
        lost = await run.events.until(ev.Disconnected)
        assert lost.cause in causes
        assert lost.text
        assert (await run.events.until(ev.DialStart)).why == "reconnect"
        assert (await run.events.until(ev.DialEnd)).outcome == "connected"


@pytest.mark.parametrize(
    "said",
    [
        b"MSG\r\n",
        b"MSG hello 1 -5\r\n",
        b"MSG hello 1 99999999999999999999\r\n",
        b"HMSG hello 1 12 5\r\nNATS/1.0\r\n\r\n\r\n",
        b"MSG hello x 5\r\nworld\r\n",
        b"INFO {}{}\r\n",
        b"A" * 300_000,
        b"-ERR 'out of cheese'\r\n",
        b"-ERR\r\n",
    ],
    ids=range(9),
)
async def test_nonsense_on_an_open_connection_ends_it(said: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.handshake()
        await talk.released(True)
        await talk.send(said)
        await talk.until_closed()

    async with playing(script) as peer, listening(settings(peer.url, reconnect_wait=FOREVER)) as run:
        await connected(run)
        peer.release()
        assert (await run.events.until(ev.Disconnected)).cause in ("protocol", "info_bad")


async def test_permission_violation_leaves_the_connection_open() -> None:
    async def script(talk: Talk) -> None:
        await talk.handshake()
        await talk.send(b"-ERR 'Permissions Violation for Publish to \"hello\"'\r\n")
        while line := await talk.line():
            if line.startswith(b"PING"):
                await talk.send(b"PONG\r\n")

    async with playing(script) as peer, listening(settings(peer.url)) as run:
        await connected(run)
        assert "hello" in (await run.events.until(ev.AsyncError)).text
        await run.events.until(ev.Rtt)
        assert not run.events.of(ev.Disconnected)


async def test_hostile_names_arrive_as_data() -> None:
    async with peers.info_with_hostile_names() as peer, listening(settings(peer.url)) as run:
        event = await connected(run)
        assert event.server_name == event.cluster == event.version == event.server_id == peers.HOSTILE
        await run.events.until(ev.Echoed)
    for told in run.events.seen:
        line = ev.encode(told)
        assert line.count(b"\n") == 1
        assert b"\x1b" not in line
        assert ev.decode_event(line) == told


async def test_hostile_addresses_do_not_join_the_pool() -> None:
    urls = [peers.HOSTILE, "", "a b:1", "h:99999999", "127.0.0.1:4999", "nats://x:1", ":1", "[", "\ud800:1"]
    async with peers.correct(connect_urls=urls) as peer, listening(settings(peer.url)) as run:
        end = await run.events.until(ev.DialEnd)
        if end.outcome == "connected":
            assert (await run.events.until(ev.Discovered)).servers == [url(4999)]
        else:
            assert end.cause == "info_bad"


async def test_credentials_and_name_reach_the_server() -> None:
    async with peers.correct() as peer, listening(settings(peer.url, name="my monitor")) as run:
        await connected(run)
        (options,) = peer.connect_options
        assert options["name"] == "my monitor"
        assert options["headers"]


async def test_a_count_that_waits_for_the_server_rests(refused_port: int) -> None:
    """All messages are numbered and wait in the buffer: there is nothing to do until the server comes."""
    wanted = settings(url(refused_port), count=5, interval=0.01, reconnect_wait=60.0)
    async with listening(wanted) as run:
        await run.events.until_counts(lambda tally: tally.buffered == 5)
        before = time.process_time()
        await asyncio.sleep(0.3)
        assert time.process_time() - before < 0.1


async def test_a_server_without_headers_is_told(nats_server: StartServer) -> None:
    server = nats_server(config="no_header_support: true")
    async with listening(settings(server.url)) as run:
        await connected(run)
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 3)
        assert tally.sent == 0
        (complaint,) = run.events.of(ev.AsyncError)
        assert "takes no headers" in complaint.text
        assert not run.events.of(ev.Disconnected)


async def test_a_discovered_server_that_is_gone_leaves_the_pool(cluster: list[NatsServer]) -> None:
    ours, *others = cluster
    async with listening(settings(ours.url)) as run:
        await run.events.until(ev.Pool, lambda pool: len(pool.members) == 3)
        for other in others:
            other.kill()
        await run.events.until(ev.Pool, lambda pool: len(pool.members) == 1)


async def test_each_outage_is_charged_with_its_own_losses(nats_server: StartServer) -> None:
    """The first connection swallows what it is given, the second is lost before anything came back on it."""
    real = nats_server()

    async def script(talk: Talk) -> None:
        await talk.handshake()
        if peer.connections == 1:
            for _ in range(2):
                await talk.until_line(b"HPUB")
        talk.reset()

    async with playing(script) as peer:
        wanted = settings(peer.url, real.url, interval=0.02, reconnect_wait=0.01)
        async with listening(wanted) as run:
            await run.events.until_status("CONNECTED")
            first = await run.events.until(ev.Disconnected)
            await run.events.until(ev.Connected, lambda up: up.server == real.url)
            accounts = [await run.events.until(ev.Outage)]
            while accounts[-1].began != first.t:
                accounts.append(await run.events.until(ev.Outage))
            assert accounts[-1].lost >= 2
            assert accounts[-1].unknown == 0
