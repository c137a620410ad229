"""What is published: paused, paced, buffered, too large, and whose it is."""

import asyncio
import time
from collections import Counter
from itertools import pairwise

import pytest

from natsmon.config.settings import MAX_RATE
from natsmon.lab.nats_server import NatsServer
from natsmon.protocol.server_connection import ServerConnection
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.connection.life import connected, ignored, reaching, start, url
from tests.harness.listening import listening, settings
from tests.harness.time_limits import FOREVER
from tests.harness.witness import witness

BUFFERED = 5_000


async def test_pause_and_resume(ports: tuple[int, int]) -> None:
    async with reaching("connected", ports) as run:
        await run.events.until(ev.Published)
        run.execute(commands.Pause())
        await run.events.until(ev.Paused)
        run.execute(commands.Pause())
        assert (await ignored(run)).reason == "publishing is paused already"
        published = len(run.events.of(ev.Published))
        for _ in range(6):
            await run.events.until(ev.Rtt)  # the connection stays
        assert len(run.events.of(ev.Published)) == published
        run.execute(commands.Publish())
        await run.events.until(ev.Echoed, lambda echo: echo.seq == published + 1)
        run.execute(commands.Resume())
        resumed = await run.events.until(ev.Resumed)
        times = [(await run.events.until(ev.Published)).t for _ in range(4)]
        assert times[-1] - resumed.t >= 3 * 0.025 - 0.005, "a burst: what the pause left out was made up for"
        run.execute(commands.Resume())
        assert (await ignored(run)).reason == "publishing is not paused"


async def test_paused_stays_paused_over_a_reconnect(ports: tuple[int, int]) -> None:
    async with reaching("paused", ports) as run:
        published = len(run.events.of(ev.Published))
        run.execute(commands.Reconnect())
        await connected(run)
        for _ in range(3):
            await run.events.until(ev.Rtt)
        assert len(run.events.of(ev.Published)) == published


async def test_schedule_is_a_grid_without_drift(ports: tuple[int, int]) -> None:
    interval = 0.021
    async with reaching("connected", ports, interval=interval, rtt_interval=FOREVER) as run:
        times = [(await run.events.until(ev.Published)).t for _ in range(51)]
    # On a busy machine some of the first and of the last are late, but hardly all of them.
    apart = [last - first for first in times[:5] for last in times[-10:]]
    assert min(min(span % interval, -span % interval) for span in apart) < 0.004, "off the grid"
    assert times[-1] - times[0] >= 45 * interval, "faster than scheduled"


async def test_latency_of_late_message_counts_from_when_it_was_due(ports: tuple[int, int]) -> None:
    interval, late = 1.0, 0.3
    async with reaching("connected", ports, interval=interval) as run:
        await run.events.until(ev.Echoed)
        last = run.events.of(ev.Published)[-1]
        asleep = last.t + interval + late - run.probe.emitter.now()
        time.sleep(max(0.0, asleep))  # noqa: ASYNC251  the next one is due meanwhile
        since = run.probe.emitter.now() - last.t
        echo = await run.events.until(ev.Echoed, lambda echo: echo.seq == last.seq + 1)
        assert since >= interval + late
        assert echo.latency >= since % interval - 0.001  # after a longer stall than asked for, of the newest one due


async def test_latency_of_buffered_message_counts_from_when_it_was_due(
    refused_port: int, nats_server: StartServer
) -> None:
    async with listening(settings(url(refused_port), interval=FOREVER)) as run:
        await run.events.until(ev.DialEnd)
        asked = run.probe.emitter.now()
        run.execute(commands.Publish())
        buffered = run.events.of(ev.Published)[-1]
        assert buffered.outcome == "buffered"
        await asyncio.sleep(0.3)
        await asyncio.to_thread(nats_server, port=refused_port)
        echo = await run.events.until(ev.Echoed, lambda echo: echo.seq == buffered.seq)
        assert 0.3 < echo.latency < echo.t - asked + 0.001


async def test_stall_is_made_up_for_within_bounds(ports: tuple[int, int]) -> None:
    async with reaching("connected", ports) as run:
        await run.events.until(ev.Published)
        before = len(run.events.of(ev.Published))
        time.sleep(0.5)  # noqa: ASYNC251  the stall itself
        stalled_until = run.probe.emitter.now()
        await run.events.until(ev.Published, lambda message: message.t > stalled_until)
        made_up = len(run.events.of(ev.Published)) - before
        assert made_up <= 0.1 / 0.025 + 8, "twenty were due"


async def test_high_rate_emits_tallies_only(server: NatsServer) -> None:
    async with listening(settings(server.url, interval=0.001)) as run:
        tally = await run.events.until_counts(lambda tally: tally.delivered >= 300)
        assert tally.delivered == sum(many for each in run.events.of(ev.Latencies) for _, many in each.counts)
        assert not run.events.of(ev.Published)
        assert not run.events.of(ev.Echoed)
        tallies = [tally.t for tally in run.events.of(ev.Tally)]
        assert all(b - a >= 0.09 for a, b in pairwise(tallies))


async def test_rate_beyond_reach_leaves_time_to_listen(server: NatsServer) -> None:
    async with listening(settings(server.url, interval=1e-9)) as run:
        await run.events.until_counts(lambda tally: tally.delivered >= 5_000)


async def test_as_fast_as_echoed_across_a_kill(server: NatsServer) -> None:
    async with listening(settings(server.url, interval=MAX_RATE)) as run:
        await run.events.until_counts(lambda tally: tally.delivered >= 5_000)
        server.kill()
        await run.events.until(ev.Disconnected)
        await start(server)
        await run.events.until(ev.Reconnected)
        await run.events.until(ev.Outage)
        before = run.events.last_tally.delivered
        run.execute(commands.Pause())
        tally = await run.events.until_counts(lambda tally: tally.delivered > before and tally.in_flight == 0)
        assert tally.sent == tally.delivered + tally.lost


async def test_buffer_has_a_limit(refused_port: int, nats_server: StartServer) -> None:
    wire = len(
        b"HPUB hello 84 89\r\nNATS/1.0\r\nNatsmon-Session: " + b"0" * 32 + b".0\r\nNatsmon-Seq: 1\r\n\r\n12345\r\n"
    )
    async with listening(settings(url(refused_port), reconnect_buffer=4 * wire - 1, payload=b"12345")) as run:
        tally = await run.events.until(ev.Tally, lambda tally: tally.rejected >= 2)
        assert (tally.buffered, tally.buffered_bytes, tally.sent) == (3, 3 * wire, 0)
        assert [p.outcome for p in run.events.of(ev.Published)][:5] == ["buffered"] * 3 + ["rejected"] * 2
        await asyncio.to_thread(nats_server, port=refused_port)
        tally = await run.events.until_counts(lambda tally: tally.delivered > 3 and not tally.buffered)
        assert tally.buffered == 0


async def test_buffer_is_sent_in_pieces_that_let_other_tasks_run(
    refused_port: int, nats_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counts turns of the event loop: each turn fires the timers that are due."""
    loop, turn, sent = asyncio.get_running_loop(), 0, Counter[int]()
    write = ServerConnection.write

    def count_turns() -> None:
        nonlocal turn
        turn += 1
        if sum(sent.values()) < BUFFERED:
            loop.call_soon(count_turns)

    def counted(connection: ServerConnection, data: bytes) -> None:
        if not sent:
            count_turns()
        sent[turn] += data.count(b"HPUB ")
        write(connection, data)

    async with listening(settings(url(refused_port), interval=FOREVER)) as run:
        await run.events.until(ev.DialEnd)
        for _ in range(BUFFERED):
            run.execute(commands.Publish())
        await run.events.until_counts(lambda tally: tally.buffered >= BUFFERED)
        monkeypatch.setattr(ServerConnection, "write", counted)
        await asyncio.to_thread(nats_server, port=refused_port)
        await run.events.until_counts(lambda tally: tally.delivered >= BUFFERED)
    assert max(sent.values()) < 2 * 256, sent


async def test_buffered_messages_are_sent_while_paused(refused_port: int, nats_server: StartServer) -> None:
    """More than a socket takes at once, so that the sender has to continue."""
    wanted = settings(url(refused_port), payload=b"x" * 2**18, interval=0.02, reconnect_buffer=2**26)
    async with listening(wanted) as run:
        await run.events.until_counts(lambda tally: tally.buffered >= 60)
        run.execute(commands.Pause())
        await run.events.until(ev.Paused)
        await asyncio.to_thread(nats_server, port=refused_port)
        tally = await run.events.until_counts(lambda tally: tally.delivered >= 60 and not tally.buffered)
        assert tally.attempted == tally.sent + tally.rejected
        run.execute(commands.Resume())
        await run.events.until_counts(lambda later: later.attempted > tally.attempted and not later.buffered)


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
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 5 and not tally.buffered)
        assert (tally.sent, tally.buffered, tally.buffered_bytes) == (0, 0, 0)
        assert len(run.events.of(ev.AsyncError)) == 1


async def test_largest_payload_that_fits_is_sent(nats_server: StartServer) -> None:
    server = nats_server(config="max_payload: 1024")
    header = len(b"NATS/1.0\r\nNatsmon-Session: " + b"0" * 32 + b".0\r\nNatsmon-Seq: 1\r\n\r\n")
    async with listening(settings(server.url, payload=b"x" * (1024 - header), count=10), stay=False) as run:
        await run.ended()
        tally = run.events.last_tally
        assert (tally.delivered, tally.rejected) == (9, 1)  # the tenth has one digit more


async def test_messages_of_others_are_not_counted_and_copies_are(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        async with witness(server) as other:
            subscription = await other.subscribe("hello")
            await other.flush()
            await other.publish("hello", b"another client's")
            await other.publish("hello", b"world", headers={"Natsmon-Session": "another", "Natsmon-Tag": "1"})
            session = run.events.of(ev.Session)[0].id
            for number in ("x", "-1", "999999999", "9" * 5_000, "1 "):
                await other.publish("hello", headers={"Natsmon-Session": session, "Natsmon-Seq": number})
            message = await subscription.next_msg()
            while message.data != b"world" or "Natsmon-Tag" in (message.headers or {}):
                message = await subscription.next_msg()
            await other.publish("hello", b"world", headers=message.headers)
            await run.events.until_counts(lambda tally: tally.duplicate >= 1)
        assert not run.events.of(ev.Disconnected)


async def test_server_without_headers_is_reported(nats_server: StartServer) -> None:
    server = nats_server(config="no_header_support: true")
    async with listening(settings(server.url)) as run:
        await connected(run)
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 3)
        assert tally.sent == 0
        (complaint,) = run.events.of(ev.AsyncError)
        assert "accepts no headers" in complaint.text
        assert not run.events.of(ev.Disconnected)
