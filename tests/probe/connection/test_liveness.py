"""PINGs, silence and round trips without gaps, on real servers that are frozen."""

import asyncio
import socket
import time
from itertools import pairwise

import pytest

from natsmon.config.secret import Secret
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.connection.liveness import RoundTrips, patience
from natsmon.probe.timer import Timer
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import freeze, listening, settings
from tests.harness.peer import Talk, playing
from tests.harness.time_limits import FOREVER, IN_TIME, WAIT

# -- PING arithmetic ----------------------------------------------------------------------------------


async def test_connection_is_silent_before_it_is_stale_at_the_announced_time(server: NatsServer) -> None:
    interval, most = 0.5, 2
    wanted = settings(server.url, ping_interval=interval, max_pings_out=most)
    async with listening(wanted) as run:
        first = await run.events.until(ev.Keepalive)
        assert (first.interval, first.max_out, first.outstanding) == (interval, most, 0)
        assert first.t < first.stale_at < first.t + (most + 1) * interval + 0.001
        await run.events.until(ev.Echoed)
        await freeze(server)
        lost = await run.events.until(ev.Disconnected)
        assert (lost.cause, lost.text) == ("stale", "no PONG for 2 PINGs")
        full = [event for event in run.events.of(ev.Keepalive) if event.t <= lost.t][-1]
        assert full.outstanding == most
        assert full.stale_at - full.t < interval + 0.001, "one interval after the last PING"
        off_the_grid = (full.stale_at - first.stale_at) / interval % 1.0
        assert min(off_the_grid, 1.0 - off_the_grid) < 0.05
        assert full.stale_at - 0.02 <= lost.t < full.stale_at + IN_TIME
        silent = [event for event in run.events.of(ev.Silent) if event.t <= lost.t][-1]
        assert silent.server == server.url
        assert silent.since < silent.t < lost.t
        server.cont()
        assert (await run.events.until(ev.Keepalive)).outstanding == 0


async def test_pings_that_are_answered_in_time_are_no_news(server: NatsServer) -> None:
    async with listening(settings(server.url, ping_interval=0.02, max_pings_out=500, rtt_interval=0.0)) as run:
        first = await run.events.until(ev.Keepalive)
        last = await run.events.until(ev.Keepalive, lambda event: event.t - first.t > 1.0)
        emitted = [event.outstanding for event in run.events.of(ev.Keepalive) if event.t <= last.t]
        late = sum(outstanding > 1 for outstanding in emitted)
        assert len(emitted) <= 3 + 2 * late, "fifty PINGs and fifty PONGs"


async def test_pong_settles_every_ping(server: NatsServer) -> None:
    interval, most = 0.2, 200
    async with listening(settings(server.url, ping_interval=interval, max_pings_out=most, rtt_interval=0.0)) as run:
        await run.events.until(ev.Keepalive)
        await freeze(server)
        out = await run.events.until(ev.Keepalive, lambda event: event.outstanding == 3)
        again = await run.events.until(ev.Keepalive)
        assert again.outstanding == 4
        late = again.t - (out.stale_at - (most - 3) * interval)
        left_out = int(late / interval) * interval  # PINGs that were due while the process was stopped
        assert again.stale_at == pytest.approx(out.stale_at + left_out, abs=0.02), "a PING more changes nothing"
        server.cont()
        settled = await run.events.until(ev.Keepalive, lambda event: event.outstanding == 0)
        assert settled.stale_at > again.stale_at
        assert not run.events.of(ev.Disconnected)


async def test_connection_with_data_is_not_stale() -> None:
    """PONG may be behind much else; but once nothing comes any more, the limit holds."""

    async def script(talk: Talk) -> None:
        await talk.handshake()
        for _ in range(75):
            await talk.until_line(b"HPUB")
            await talk.send(b"+OK\r\n")
        await talk.until_closed()

    async with playing(script) as peer:
        wanted = settings(peer.url, ping_interval=0.5, max_pings_out=1, rtt_interval=0.0, interval=0.02)
        async with listening(wanted) as run:
            up = await run.events.until(ev.Connected)
            lost = await run.events.until(ev.Disconnected)
            assert lost.cause == "stale"
            assert lost.t - up.t > 1.2, "two intervals without a PONG"


@pytest.mark.parametrize(
    ("seconds", "stops"), [(0.01, 1), (0.1, 1), (0.01, 2)], ids=["late", "on time", "late, and stopped again"]
)
async def test_timeout_reads_pending_input_first(seconds: float, stops: int) -> None:
    ours, theirs = socket.socketpair()
    reader, writer = await asyncio.open_connection(sock=ours)
    order: list[str] = []
    rung = asyncio.Event()

    async def read() -> None:
        await reader.readexactly(4)
        order.append("read")

    def ring() -> None:
        order.append("rung")
        rung.set()

    reading = asyncio.ensure_future(read())
    await asyncio.sleep(0)
    timer = Timer(ring, reads_first=True)
    timer.set_in(seconds)
    while stops == 2 and not await _is_reading_after_a_stop(timer):
        timer.set_in(seconds)
        order.clear()
        rung.clear()
    theirs.send(b"PONG")
    time.sleep(0.1)  # noqa: ASYNC251  the process is held up
    await asyncio.wait_for(rung.wait(), WAIT)
    await reading
    assert order == ["read", "rung"]
    writer.close()
    theirs.close()


async def _is_reading_after_a_stop(timer: Timer) -> bool:
    """Stop the process; False where the machine stops it so long that the time to read is over."""
    time.sleep(0.1)  # noqa: ASYNC251
    await asyncio.sleep(0.01)
    return isinstance(timer._handle, asyncio.TimerHandle)


# -- silence ------------------------------------------------------------------------------------------


async def test_silence_is_emitted_within_two_missed_echoes(server: NatsServer) -> None:
    async with listening(settings(server.url, interval=1.0, rtt_interval=0.0)) as run:
        await run.events.until(ev.Echoed)
        await freeze(server)
        silent = await run.events.until(ev.Silent)
        echoed = {echo.seq for echo in run.events.of(ev.Echoed)}
        unanswered = [sent for sent in run.events.of(ev.Published) if sent.seq not in echoed and sent.t <= silent.t]
        assert silent.missed == len(unanswered) >= 2
        assert silent.t - unanswered[0].t < IN_TIME
        assert silent.since < unanswered[0].t
        server.cont()
        ended = await run.events.until(ev.SilenceEnded)
        assert silent.t - silent.since < ended.seconds < ended.t - silent.since + 0.001
        assert (await run.events.until(ev.Echoed)).seq == unanswered[0].seq
        assert [event.since for event in run.events.of(ev.Silent)].count(silent.since) == 1


async def test_ping_without_an_answer_is_silence_too(server: NatsServer) -> None:
    wanted = settings(server.url, interval=FOREVER, rtt_interval=0.05)
    async with listening(wanted) as run:
        await run.events.until(ev.Rtt)
        await freeze(server)
        silent = await run.events.until(ev.Silent)
        assert silent.missed <= 1
        assert silent.t - silent.since < IN_TIME
        server.cont()
        await run.events.until(ev.SilenceEnded)


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"interval": 1.0}, 1.9),
        ({"interval": 0.75}, 1.425),
        ({"interval": 0.001}, 1.0),
        ({"interval": 0.0}, 1.0),
        ({"interval": 3600.0}, 1.9),
        ({"interval": 1.0, "ping_interval": 0.5}, 0.5),
    ],
)
def test_patience(changes: dict[str, float], seconds: float) -> None:
    assert patience(settings("nats://a", **changes)) == pytest.approx(seconds)


# -- the subscription ---------------------------------------------------------------------------------


async def test_subscribed_precedes_the_first_echo(refused_port: int, nats_server: StartServer) -> None:
    """Also where messages have waited for the connection, and follow SUB at once."""
    async with listening(settings(f"nats://127.0.0.1:{refused_port}", reconnect_wait=0.02)) as run:
        await run.events.until(ev.Tally, lambda tally: tally.buffered >= 3)
        await asyncio.to_thread(nats_server, port=refused_port)
        await run.events.until(ev.Connected)
        subscribed = await run.events.until(ev.Subscribed)
        await run.events.until(ev.Echoed)
        assert subscribed.subject == "hello"
        assert run.events.seen.index(subscribed) < run.events.seen.index(run.events.of(ev.Echoed)[0])


async def test_refused_subscription_is_not_emitted(nats_server: StartServer) -> None:
    denied = "authorization { users: [{user: u, password: p, permissions: {subscribe: {deny: hello}}}] }"
    server = nats_server(config=denied)
    wanted = settings(server.url, user=Secret("u"), password=Secret("p"), rtt_interval=0.02)
    async with listening(wanted) as run:
        for _ in range(3):
            await run.events.until(ev.Rtt)
        assert not run.events.of(ev.Subscribed)


# -- round trips --------------------------------------------------------------------------------------


async def test_stall_is_met_by_every_ping_that_was_due_in_it(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    interval, due = 0.02, 0
    tick = RoundTrips._tick

    def counted(trips: RoundTrips) -> None:
        nonlocal due
        due += 1
        tick(trips)

    monkeypatch.setattr(RoundTrips, "_tick", counted)
    async with listening(settings(server.url, rtt_interval=interval)) as run:
        await run.events.until(ev.Rtt)
        await freeze(server)
        await run.events.until(ev.Silent)
        out = next(each for each in run.connection._watchers if isinstance(each, RoundTrips))._out
        async with asyncio.timeout(WAIT):
            while len(out) < 16 or out[-1].omitted < 20:  # noqa: ASYNC110  no event is emitted of them
                await asyncio.sleep(interval)
        server.cont()
        ended = await run.events.until(ev.SilenceEnded)
        met = [await run.events.until(ev.Rtt)]
        while not met[-1].omitted:
            met.append(await run.events.until(ev.Rtt))
        assert len(met) == 16
        met_so_far = sum(1 + rtt.omitted for rtt in run.events.of(ev.Rtt))
        assert due == met_so_far + sum(1 + ping.omitted for ping in out)
        assert all(a.seconds > b.seconds for a, b in pairwise(met))
        assert met[0].seconds > 34 * interval
        assert sum(1 + rtt.omitted for rtt in met) <= ended.seconds / interval + 2
        assert 20 <= met[-1].omitted <= met[-1].seconds / interval + 1


async def test_silent_and_stale_while_only_messages_of_others_arrive() -> None:
    """A one-way stall: the server answers no PING and delivers none of our messages."""

    async def script(talk: Talk) -> None:
        await talk.handshake()
        sending = asyncio.ensure_future(_messages_of_others(talk))
        try:
            await talk.until_closed()
        finally:
            sending.cancel()

    interval, most = 0.3, 2
    async with playing(script) as peer:
        wanted = settings(peer.url, ping_interval=interval, max_pings_out=most, rtt_interval=0.0)
        async with listening(wanted) as run:
            up = await run.events.until(ev.Connected)
            silent = await run.events.until(ev.Silent)
            assert silent.missed > 0
            lost = await run.events.until(ev.Disconnected)
            assert (lost.cause, lost.text) == ("stale", "no PONG for 2 PINGs")
            assert lost.t - up.t >= (most + 2) * interval - 0.02, "other data postpones it once"
            assert not run.events.of(ev.SilenceEnded)


async def _messages_of_others(talk: Talk) -> None:
    while True:
        await talk.send(b"MSG hello 1 5\r\nother\r\n")
        await asyncio.sleep(0.02)


async def test_delivered_messages_are_answers_while_pongs_are_withheld() -> None:
    async with playing(_echoing_without_pong) as peer:
        wanted = settings(peer.url, ping_interval=0.6, max_pings_out=2, rtt_interval=0.0)
        async with listening(wanted) as run:
            assert (await run.events.until(ev.Disconnected)).cause == "stale"
            assert run.events.of(ev.Echoed)
            assert not run.events.of(ev.Silent)


async def _echoing_without_pong(talk: Talk) -> None:
    await talk.handshake()
    while line := await talk.line():
        if line.startswith(b"HPUB"):
            sizes = line.split()[-2:]
            await talk.send(b"HMSG hello 1 %b\r\n%b" % (b" ".join(sizes), await talk.exactly(int(sizes[-1]) + 2)))


@pytest.mark.parametrize(
    ("later", "words"),
    [({"max_payload": 10}, "maximum payload of 10 bytes"), ({"headers": False}, "accepts no headers")],
    ids=["max_payload", "headers"],
)
async def test_later_info_takes_effect(later: dict[str, object], words: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.handshake()
        await talk.until_line(b"HPUB")
        await talk.info(**later)
        await talk.until_closed()

    async with playing(script) as peer, listening(settings(peer.url, drain_timeout=0.05)) as run:
        await run.events.until_counts(lambda tally: tally.rejected >= 3)
        (error,) = run.events.of(ev.AsyncError)
        assert words in error.text
