"""Connections that are opened and closed while a probe runs: the command ``open``, on real servers."""

import asyncio
import gc
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from natsmon.config.secret import Secret
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.monitored_connection import MonitoredConnection
from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from natsmon.stream.probe_child import ProbeChild
from tests.conftest import StartServer
from tests.connection.life import connected, ignored
from tests.harness import peers, processes
from tests.harness.leaks import sockets
from tests.harness.listening import Listening, check, check_sums, freeze, listening, settings
from tests.harness.processes import probe_pid
from tests.harness.server_times import with_time_to_connect
from tests.harness.time_limits import WAIT
from tests.stream.test_sources import probing

PASSWORD = "hunter2"


@pytest.fixture(scope="module")
def west() -> Iterator[NatsServer]:
    config = with_time_to_connect(f"authorization {{ user: u, password: {PASSWORD} }}")
    with NatsServer(name="west", config=config) as server:
        yield server


def to_west(west: NatsServer, conn: int | None = 0, number: str = "", **changes: object) -> commands.Open:
    """The command that opens a connection to the second server."""
    wanted = settings(
        west.url, user=Secret("u"), password=Secret(PASSWORD), context="west", drain_timeout=WAIT, **changes
    )
    return commands.Open(id=number, conn=conn, settings=wanted)


async def opened(run: Listening, conn: int) -> ev.Connection:
    return await run.events.until(ev.Connection, lambda event: event.conn == conn)


def kinds(run: Listening, conn: int) -> list[str]:
    """The kinds of a connection's last events."""
    return [codec.kind_of(event) for event in run.events.seen if event.conn == conn]


async def test_open_drains_and_closes_a_connection_and_opens_the_next(server: NatsServer, west: NatsServer) -> None:
    async with listening(settings(server.url, drain_timeout=WAIT)) as run:
        await connected(run)
        await run.events.until(ev.Echoed)
        run.execute(to_west(west, number="7"))
        answer = await run.events.until(ev.Answer)
        assert (answer.id, answer.command, answer.outcome, answer.conn) == ("7", "open", "done", 0)
        assert (await run.events.until(ev.Drained)).complete
        closed = await run.events.until(ev.Closed)
        assert (closed.conn, closed.cause, closed.text) == (0, "closed", "another connection is opened in its place")
        begun = await opened(run, 1)
        assert (begun.replaces, begun.context) == (0, "west")
        assert (await run.events.until(ev.Connected)).server_name == "west"
        await run.events.until(ev.Echoed, lambda event: event.conn == 1)
        assert list(run.probe.connections) == [1]
    assert len(run.events.of(ev.Session)) == 1
    tallies = {tally.conn: tally for tally in run.events.of(ev.Tally)}
    assert sorted(tallies) == [0, 1]
    for tally in tallies.values():
        check_sums(tally)
        assert tally.delivered == tally.attempted > 0, "each was drained"
    assert run.events.seen[-1].exit_code == Exit.ENDED
    assert not run.events.of(ev.Disconnected)


async def test_open_without_a_connection_opens_one_beside_the_others(server: NatsServer, west: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        run.execute(to_west(west, conn=None))
        answer = await run.events.until(ev.Answer)
        assert (answer.conn, answer.outcome) == (1, "done")
        await run.events.until(ev.Echoed, lambda event: event.conn == 1)
        await run.events.until(ev.Echoed, lambda event: event.conn == 0)
        assert [event.replaces for event in run.events.of(ev.Connection)] == [None, None]
        run.execute(commands.Pause())
        assert {(await run.events.until(ev.Paused)).conn for _ in range(2)} == {0, 1}
        run.execute(commands.Close(conn=0))
        assert (await run.events.until(ev.Closed)).conn == 0
        run.execute(commands.Resume())
        assert (await run.events.until(ev.Resumed)).conn == 1, "the other one goes on"
        run.execute(commands.Close(conn=1))
        assert await run.ended() == Exit.ENDED
    assert run.events.seen[-1].reason == ""


async def test_commands_for_a_replaced_connection_are_ignored(server: NatsServer, west: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        run.execute(to_west(west))
        await opened(run, 1)
        await connected(run)
        for command in (commands.Reconnect(conn=0), to_west(west, conn=0), commands.Pause(conn=0)):
            run.execute(command)
            answer = await ignored(run)
            assert (answer.conn, answer.reason) == (1, "connection 0 is closed for good")
        run.execute(commands.Drain(conn=2))
        assert (await ignored(run)).reason == "connection 2 does not exist"
        run.execute(commands.Reconnect())
        assert (await run.events.until(ev.Reconnected)).conn == 1, "without a number it is for the open ones"


async def test_last_open_counts_while_the_connection_drains(server: NatsServer, west: NatsServer) -> None:
    async with peers.correct() as peer, listening(settings(peer.url, drain_timeout=WAIT)) as run:
        await connected(run)
        run.execute(commands.Open(conn=0, settings=settings("nats://127.0.0.1:1", context="first")))
        run.execute(to_west(west))
        assert [(await run.events.until(ev.Answer)).outcome for _ in range(2)] == ["done", "done"]
        assert (await opened(run, 1)).context == "west"
        await connected(run)
    assert len(run.events.of(ev.Connection)) == 2
    assert run.events.of(ev.Drained)[0].complete, "the second command does not cut the drain short"


async def test_server_that_does_not_answer_delays_a_switch_by_the_drain_timeout(
    nats_server: StartServer, west: NatsServer
) -> None:
    frozen = nats_server()
    async with listening(settings(frozen.url, drain_timeout=0.2)) as run:
        await connected(run)
        await run.events.until(ev.Echoed)
        await freeze(frozen)
        run.execute(to_west(west))
        assert not (await run.events.until(ev.Drained)).complete
        assert (await run.events.until(ev.Closed)).text == "the drain did not finish"
        assert (await opened(run, 1)).replaces == 0
        await connected(run)
    left = [tally for tally in run.events.of(ev.Tally) if tally.conn == 0][-1]
    check_sums(left)


@pytest.mark.parametrize("phase", ["dialing", "waiting", "closed", "gave up"])
async def test_open_replaces_a_connection_that_is_not_connected(
    phase: str, blackhole: int, refused_port: int, west: NatsServer
) -> None:
    wanted = {
        "dialing": settings(f"nats://127.0.0.1:{blackhole}", connect_timeout=60.0),
        "waiting": settings(f"nats://127.0.0.1:{refused_port}", reconnect_wait=60.0),
        "closed": settings(f"nats://127.0.0.1:{refused_port}", reconnect_wait=60.0),
        "gave up": settings(f"nats://127.0.0.1:{refused_port}", max_reconnects=0),
    }[phase]
    async with listening(wanted) as run:
        if phase == "dialing":
            await run.events.until(ev.DialStart)
        elif phase != "gave up":
            await run.events.until(ev.Waiting)
        if phase == "closed":
            run.execute(commands.Cancel())
        if phase in ("closed", "gave up"):
            await run.events.until(ev.Closed)
        run.execute(to_west(west))
        assert (await opened(run, 1)).replaces == 0
        await connected(run)
        run.probe.close("asked")
        assert await run.ended() == Exit.ENDED, "what was replaced does not count"


async def test_open_ends_an_outage_with_its_cost(nats_server: StartServer, west: NatsServer) -> None:
    lost = nats_server()
    async with listening(settings(lost.url, reconnect_wait=60.0)) as run:
        await connected(run)
        await run.events.until(ev.Echoed)
        await asyncio.to_thread(lost.kill)
        await run.events.until(ev.Waiting)
        run.execute(to_west(west))
        await opened(run, 1)
        await connected(run)
    (outage,) = run.events.of(ev.Outage)
    (loss,) = run.events.of(ev.Disconnected)
    assert (outage.conn, outage.outage, outage.began, outage.after) == (0, 1, loss.t, "")
    assert outage.ended == run.events.of(ev.Closed)[0].t
    left = [tally for tally in run.events.of(ev.Tally) if tally.conn == 0][-1]
    check_sums(left)
    assert left.in_flight == 0, "what was in flight is lost, or not verified"


async def test_end_of_the_run_cancels_the_connection_that_is_to_be_opened(west: NatsServer) -> None:
    async with peers.correct() as peer, listening(settings(peer.url)) as run:
        await connected(run)
        run.execute(to_west(west))
        run.execute(commands.Close(id="bye"))
        await run.events.until(ev.Answer, lambda answer: answer.id == "bye")
        run.execute(to_west(west))
        assert (await ignored(run)).reason == "the monitor is ending"
        assert await run.ended() == Exit.ENDED
    assert len(run.events.of(ev.Connection)) == 1


async def test_closing_a_connection_cancels_its_replacement(server: NatsServer, west: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        run.execute(to_west(west))
        run.execute(commands.Close(conn=0))
        assert await run.ended() == Exit.ENDED
    assert len(run.events.of(ev.Connection)) == 1


async def test_count_is_of_each_connection_and_duration_of_the_session(server: NatsServer, west: NatsServer) -> None:
    async with listening(settings(server.url, count=1_000_000, duration=600.0)) as run:
        await connected(run)
        run.execute(to_west(west, count=3, duration=0.001))
        await opened(run, 1)
        assert await run.ended() == Exit.ENDED
    assert run.events.seen[-1].reason == "count"
    assert [tally.attempted for tally in run.events.of(ev.Tally) if tally.conn == 1][-1] == 3


async def test_probe_process_switches_in_one_session_and_keeps_secrets(server: NatsServer, west: NatsServer) -> None:
    async with probing(settings(server.url)) as (source, events):
        await events.until(ev.Connected)
        pid = probe_pid(source)
        source.send(to_west(west, number="1"))
        await events.until(ev.Connected, lambda event: event.conn == 1)
        source.send(commands.Close())
        await events.until(ev.End)
        assert probe_pid(source) == pid
        assert source.settings.context == "west", "the next start uses them"
    check(events.seen)
    assert len(events.of(ev.Session)) == 1
    assert PASSWORD.encode() not in b"".join(map(codec.encode, events.seen))


async def test_probe_process_answers_settings_that_cannot_be_used(server: NatsServer) -> None:
    async with probing(settings(server.url)) as (source, events):
        await events.until(ev.Connected)
        assert source._commands is not None
        source._commands.write(b'{"type":"open","conn":0,"settings":{"servers":[],"password":"hunter2"}}\n')
        answer = await events.until(ev.Answer)
        assert answer.outcome == "ignored"
        assert answer.reason == "not a command: Expected `array` of length >= 1 - at `$.settings.servers`"
        await events.until(ev.Echoed)
        assert not events.of(ev.Closed)


async def test_settings_sent_before_the_probe_starts_are_its_first(west: NatsServer) -> None:
    source = ProbeChild(settings("nats://127.0.0.1:1"))
    source.send(to_west(west))
    async for event in source.events():
        if isinstance(event, ev.Connected):
            source.send(commands.Close())
        assert event.conn == 0
    assert source.exit_reason == "exit status 0"


def held() -> tuple[int, int, int, int]:
    """Connections, tasks, sockets and threads that there are."""
    gc.collect()
    connections = sum(isinstance(each, MonitoredConnection) for each in gc.get_objects())
    return connections, len(asyncio.all_tasks()), len(sockets()), threading.active_count()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_200_switches_leave_no_task_socket_thread_or_memory(server: NatsServer, west: NatsServer) -> None:
    there = settings(server.url, interval=0.005, drain_timeout=WAIT)
    async with listening(there) as run:
        await connected(run)
        resident: list[int] = []
        for conn in range(200):
            run.execute(to_west(west, conn) if conn % 2 == 0 else commands.Open(conn=conn, settings=there))
            await run.events.until(ev.Connected, of(conn + 1))
            await run.events.until(ev.FirstEcho, of(conn + 1))
            if conn == 19:
                few = await settled(held)
            if conn % 100 == 99:
                resident.append(processes.resident(os.getpid()))
        many = await settled(held, few)
        assert many[0] == 1
        assert resident[1] - resident[0] < 6_400_000, "most of it are the events that this test keeps"


def of(conn: int) -> Callable[[ev.Event], bool]:
    return lambda event: event.conn == conn


async def settled(look: Callable[[], tuple[int, ...]], most: tuple[int, ...] = (1,)) -> tuple[int, ...]:
    """The least of each figure while what has ended is cleared away: sockets that close, requests that are answered.

    Raises:
        TimeoutError: One stays above the most that it may be.
    """
    found = look()
    async with asyncio.timeout(WAIT):
        while any(figure > limit for figure, limit in zip(found, most, strict=False)):
            await asyncio.sleep(0.01)
            found = tuple(map(min, found, look()))
    for _ in range(20):
        await asyncio.sleep(0.01)
        found = tuple(map(min, found, look()))
    return found
