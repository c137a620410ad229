"""A connection that is lost, and what brings it back or gives it up."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from natsmon.lab.nats_server import NatsServer
from natsmon.probe.connection import reconnect_wait
from natsmon.probe.connection.reconnect_wait import ReconnectWait
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from tests.conftest import StartServer
from tests.connection.life import connected, start
from tests.harness import peers
from tests.harness.listening import freeze, listening, settings
from tests.harness.peer import Talk, playing
from tests.harness.time_limits import FOREVER, IN_TIME


async def test_killed_and_restarted(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        await run.events.until_counts(lambda tally: tally.delivered > 0)
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
        dials = [dial for dial in run.events.of(ev.DialStart) if dial.reason == "reconnect"]
        assert (back.before, back.after, back.attempts) == (server.url, server.url, len(dials))
        assert back.downtime == pytest.approx(back.t - lost.t)
        assert (outage.began, outage.ended, outage.cause) == (lost.t, back.t, lost.cause)
        assert (outage.dials, outage.before, outage.after) == (len(dials), server.url, server.url)
        assert outage.buffered >= 3
        tally = await run.events.until_counts(lambda tally: tally.buffered == 0 and tally.in_flight == 0)
        assert tally.lost == outage.lost
        assert tally.delivered + tally.lost == tally.attempted


async def test_downtime_is_the_sum_of_the_outages(server: NatsServer) -> None:
    async with listening(settings(server.url, reconnect_wait=0.02)) as run:
        await connected(run)
        for _ in range(5):
            run.execute(commands.Reconnect())
            await run.events.until(ev.Outage)
        server.kill()
        await run.events.until(ev.Waiting)
        await start(server)
        await run.events.until(ev.Outage)
        server.kill()
        await run.events.until(ev.Waiting)
        run.execute(commands.Cancel())
        await run.events.until(ev.Outage)
        state = run.events.state
        assert len(state.outages) == 7
        rows = sum(outage.downtime(state.now) for outage in state.outages if not outage.manual)
        assert state.outage_count == 2
        assert state.downtime(state.now) == pytest.approx(rows, abs=1e-6), "but for how floats are added"
        emitted = [event.t for event in run.events.seen if not isinstance(event, ev.Published | ev.Echoed | ev.Rtt)]
        assert emitted == sorted(emitted)


async def test_buffered_messages_are_sent_in_order_after_the_reconnect(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        await run.events.until(ev.Echoed)
        server.kill()
        buffered = [(await run.events.until(ev.Published, lambda p: p.outcome == "buffered")).seq for _ in range(5)]
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
        emitted: Sequence[Any] = run.events.seen
        kinds = [type(event) for event in emitted if isinstance(event, ev.Disconnected | ev.Waiting | ev.DialStart)]
        lost = kinds.index(ev.Disconnected)
        assert kinds[lost : lost + 6] == [ev.Disconnected, *[ev.DialStart, ev.Waiting] * 2, ev.DialStart]
        waits = run.events.of(ev.Waiting)
        dials = [next((d for d in run.events.of(ev.DialStart) if d.t > waiting.t), None) for waiting in waits]
        assert None not in dials[:-1]
        for waiting, dial in zip(waits, dials, strict=True):
            assert waiting.base == 0.02
            assert 0 <= waiting.jitter <= 0.01
            assert waiting.until == pytest.approx(waiting.t + waiting.delay, abs=1e-5)
            if dial is not None:  # the last wait is still under way
                assert dial.t >= waiting.until - 0.002


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


async def test_reconnects_for_ever_where_asked(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconnect_wait, "LONG_WAIT", 0.001)
    async with listening(settings(server.url, max_reconnects=-1, reconnect_wait=0.0)) as run:
        await connected(run)
        server.kill()
        await run.events.until(ev.DialStart, lambda dial: dial.attempt == 200)


async def test_limit_counts_anew_after_each_connect(server: NatsServer) -> None:
    async with listening(settings(server.url, max_reconnects=3, reconnect_wait=FOREVER)) as run:
        await connected(run)
        for _ in range(3):
            server.kill()
            await run.events.until(ev.Waiting)
            await start(server)
            run.execute(commands.Reconnect())
            await connected(run)


async def test_frozen_server_is_found_stale(server: NatsServer) -> None:
    wanted = settings(server.url, ping_interval=0.5, max_pings_out=1, rtt_interval=0.0, connect_timeout=0.5)
    async with listening(wanted) as run:
        await connected(run)
        await freeze(server)
        lost = await run.events.until(ev.Disconnected)
        assert (lost.cause, lost.text) == ("stale", "no PONG for 1 PING")
        end = await run.events.until(ev.DialEnd, lambda end: end.stage == "info")
        assert (end.outcome, end.cause) == ("timeout", "timeout")
        assert 0.49 < end.total < IN_TIME
        server.cont()
        await connected(run)
        outage = await run.events.until(ev.Outage)
        assert outage.detected_after >= 0.5


async def test_frozen_server_that_comes_back_in_time_is_not_lost(server: NatsServer) -> None:
    async with listening(settings(server.url, ping_interval=0.1, max_pings_out=500)) as run:
        await connected(run)
        await freeze(server)
        before = await run.events.until_counts(lambda tally: tally.in_flight >= 4)
        server.cont()
        await run.events.until_counts(lambda tally: tally.delivered >= before.attempted)
        assert not run.events.of(ev.Disconnected)


async def test_flapping_server_is_not_stormed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accepts, sends PONG, closes: every second dial waits, however well the dials succeed."""
    monkeypatch.setattr(ReconnectWait, "seconds", lambda *_: (0.05, 0.0))
    async with playing(Talk.handshake) as peer, listening(settings(peer.url, reconnect_wait=FOREVER)) as run:
        await run.events.until(ev.DialStart, lambda dial: dial.dial == 8)
        seen = [type(event) for event in run.events.seen if isinstance(event, ev.Waiting | ev.DialStart)]
        assert seen == [ev.DialStart, *[ev.DialStart, ev.Waiting, ev.DialStart] * 3, ev.DialStart]
        first, *_, last = run.events.of(ev.DialStart)
        assert last.t - first.t >= 3 * 0.05


async def test_lame_duck_is_emitted(server: NatsServer) -> None:
    async with listening(settings(server.url)) as run:
        await connected(run)
        server.lame_duck()
        assert (await run.events.until(ev.LameDuck)).server == server.url


async def test_lame_duck_that_is_started_again_is_one_no_more(nats_server: StartServer) -> None:
    """The other servers of its cluster advertise it again."""
    soon = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "0.1s"\n'
    duck = nats_server(config=soon, cluster="nodes")
    other = nats_server(cluster="nodes", routes=(duck,))

    def lame() -> set[str]:
        return {member.server for member in run.events.state.pool.values() if member.lame_duck}

    async with listening(settings(duck.url, other.url)) as run:
        await connected(run)
        duck.lame_duck()
        await run.events.until(ev.Pool, lambda _: lame() == {duck.url})
        await run.events.until(ev.Connected, lambda up: up.server == other.url)
        assert lame() == {duck.url}
        await asyncio.to_thread(duck.restart)
        await run.events.until(ev.Pool, lambda _: not lame())
        assert run.events.state.connected is not None
        assert run.events.state.connected.server == other.url


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
            assert accounts[-1].unverified == 0


async def test_what_arrived_before_a_reset_counts_although_a_write_failed_first() -> None:
    """An echo and the server's reason arrive with the reset, and a message is sent before they are read."""

    async def script(talk: Talk) -> None:
        async def send(data: bytes) -> None:
            talk.writer.write(data)
            if data.startswith(b"HMSG") and peer.connections == 1:
                talk.writer.write(b"-ERR 'Stale Connection'\r\n")
                talk.reset()
                talk.writer.transport.abort()
                asyncio.get_running_loop().call_soon(run.execute, commands.Publish())

        talk.send = send  # type: ignore[method-assign]
        await peers.serve(talk)

    async with playing(script) as peer, listening(settings(peer.url, interval=60.0, rtt_interval=0.0)) as run:
        lost = await run.events.until(ev.Disconnected)
        assert (lost.cause, lost.text) == ("stale_client", "Stale Connection")
        assert [echo.seq for echo in run.events.of(ev.Echoed)] == [1]
        outage = await run.events.until(ev.Outage)
        assert outage.lost == 1, "the second message, which was sent on the dead connection"
