"""Messages that a stream acknowledges: none is lost, and none is stored twice."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from natsmon.config.secret import Secret
from natsmon.config.settings import MAX_RATE
from natsmon.lab.nats_server import NatsServer
from natsmon.lab.relay import Relay
from natsmon.probe.jetstream import ack_verifier as acks
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import freeze, listening, settings
from tests.harness.time_limits import FOREVER
from tests.probe.publishing import ids, publishing, read_back, three_messages
from tests.probe.streams import STREAM, jetstream, stream_on


@pytest.fixture
def server(nats_server: StartServer, tmp_path: Path) -> NatsServer:
    return nats_server(config=jetstream(tmp_path))


async def test_acknowledged_messages_are_stored(server: NatsServer) -> None:
    async with publishing(server, headers=(("Kind", Secret("test")),), interval=0.01) as (run, stream, numbers):
        connection = await run.events.until(ev.Connection)
        assert (connection.verification, connection.stream, connection.subject) == ("ack", STREAM, "hello")
        first = await run.events.until(ev.FirstEcho)
        assert (first.seq, 0 < first.latency < first.t) == (1, True)
        await run.events.until_counts(lambda tally: tally.delivered >= 120)  # numbers of one, two and three digits
        back = await read_back(run)
        assert (back.stream, back.acknowledged, back.stored) == (STREAM, len(numbers), len(numbers))
        assert (back.missing, back.twice, back.complete, back.text) == (0, 0, True, "")
        assert await stream.ids() == ids(run, numbers)
        tally = run.events.last_tally
        assert (tally.resent, tally.suppressed, tally.lost, tally.rejected, tally.late) == (0, 0, 0, 0, 0)
        assert not run.events.of(ev.AsyncError)


@pytest.mark.parametrize("prefix", ["$JS.hub.API", "$JS.leaf.API"])
async def test_stream_of_the_same_name_in_another_domain_is_not_counted(
    nats_server: StartServer, refused_port: int, tmp_path: Path, prefix: str
) -> None:
    """Both have the subject; positions in one have no meaning in the other."""
    leafnodes = f'leafnodes {{ listen: "127.0.0.1:{refused_port}" }}'
    hub = nats_server(config=f'jetstream {{ store_dir: "{tmp_path}/hub", domain: hub }}\n{leafnodes}')
    remote = f'leafnodes {{ remotes: [{{ url: "nats-leaf://127.0.0.1:{refused_port}" }}] }}'
    leaf = nats_server(config=f'jetstream {{ store_dir: "{tmp_path}/leaf", domain: leaf }}\n{remote}')
    async with stream_on(hub), stream_on(leaf, subjects=["hello", "more"]) as more:
        for _ in range(7):
            await more.publish("more", b"")
        async with listening(settings(leaf.url, jetstream=STREAM, js_api_prefix=prefix, interval=0.01)) as run:
            error = await run.events.until(ev.AsyncError, lambda error: "another domain" in error.text)
            assert error.text.startswith(f"stream {STREAM} of another domain takes the messages, too")
            await run.events.until_counts(lambda tally: tally.delivered >= 20)
            back = await read_back(run)
        assert (back.missing, back.twice, back.stored) == (0, 0, back.acknowledged)


async def test_full_speed_does_not_exceed_the_window(server: NatsServer) -> None:
    async with publishing(server, interval=MAX_RATE, count=10_000) as (run, stream, numbers):
        assert await run.ended() == 0
        assert max(tally.in_flight for tally in run.events.of(ev.Tally)) <= acks.WINDOW
        (back,) = run.events.of(ev.Audit)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (10_000, 10_000, 0, 0)
        assert await stream.messages() == len(numbers) == 10_000


async def test_messages_buffered_before_the_subject_is_known_are_sent(
    refused_port: int, nats_server: StartServer, tmp_path: Path
) -> None:
    wanted = settings(f"nats://127.0.0.1:{refused_port}", subject="", jetstream=STREAM, interval=0.01)
    async with listening(wanted) as run:
        await run.events.until_counts(lambda tally: tally.buffered >= 10)
        server = await asyncio.to_thread(nats_server, port=refused_port, config=jetstream(tmp_path))
        async with stream_on(server, subjects=["orders.new"]):
            tally = await run.events.until_counts(lambda tally: tally.delivered >= 20 and not tally.buffered)
            assert tally.buffered_bytes == 0


async def test_server_killed_three_times_under_load_loses_nothing(server: NatsServer) -> None:
    async with publishing(server, interval=1 / 200) as (run, stream, numbers):
        for _ in range(3):
            delivered = run.events.last_tally.delivered if run.events.of(ev.Tally) else 0
            await run.events.until(ev.Tally, lambda tally, before=delivered: tally.delivered > before + 50)
            await asyncio.to_thread(server.kill)
            await run.events.until(ev.Disconnected)
            await asyncio.to_thread(server.start)
            outage = await run.events.until(ev.Outage)
            assert (outage.lost, outage.unverified) == (0, 0)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (len(numbers), len(numbers), 0, 0)
        stored = await stream.ids()
        assert len(set(stored)) == len(stored)
        assert sorted(stored) == sorted(ids(run, numbers))
        tally = run.events.last_tally
        assert (tally.lost, tally.rejected, tally.in_flight, tally.duplicate) == (0, 0, 0, 0)
        assert tally.delivered == tally.sent == len(numbers)


@pytest.mark.parametrize(
    ("stored", "window", "resent", "suppressed"),
    [
        pytest.param(True, 120.0, 3, 3, id="the stream recognises the copy"),
        pytest.param(True, 0.1, 0, 0, id="beyond the duplicate window, it is searched and found"),
        pytest.param(False, 0.1, 3, 0, id="beyond the duplicate window, it is searched and sent again"),
    ],
)
async def test_message_whose_acknowledgement_is_lost_is_stored_once(
    server: NatsServer,
    monkeypatch: pytest.MonkeyPatch,
    stored: bool,
    window: float,
    resent: int,
    suppressed: int,
) -> None:
    with Relay(server.port) as relay:
        options = {"stream": {"duplicate_window": window}, "interval": 600.0}
        async with publishing(server, url=relay.url, **options) as (run, stream, numbers):
            await run.events.until(ev.Echoed)
            with monkeypatch.context() as lost:
                lost.setattr(acks, "decoded", lambda *_: None)
                if not stored:
                    relay.delay(FOREVER)  # still in the relay when the connection ends
                await three_messages(run)
                if stored:
                    await stream.until(4)
                if window < 1:
                    await asyncio.sleep(window)  # older than the duplicate window
                relay.delay(0.0)
                relay.reset()
                await run.events.until(ev.Disconnected)
            outage = await run.events.until(ev.Outage)
            assert (outage.lost, outage.late, outage.unverified) == (0, 3, 0)
            tally = run.events.state.tally
            back = await read_back(run)
            tally = run.events.last_tally
            assert (tally.resent, tally.suppressed, tally.delivered, tally.lost) == (resent, suppressed, 4, 0)
            assert (back.stored, back.missing, back.twice) == (4, 0, 0)
            assert await stream.ids() == ids(run, [1, 2, 3, 4])
            assert sorted(numbers) == [1, 2, 3, 4]


async def test_message_that_may_be_stored_is_not_sent_again_while_the_stream_cannot_be_read(
    nats_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acks, "ACK_WITHIN", 0.2)
    monkeypatch.setattr(acks, "LOOK_EVERY", 0.05)
    deny = "{ publish: { deny: ['$JS.API.CONSUMER.>', '$JS.API.STREAM.MSG.GET.>'] } }"
    users = f"{{ user: u, password: p, permissions: {deny} }}, {{ user: all, password: p }}"
    server = nats_server(config=f"{jetstream(tmp_path)}\nauthorization {{ users: [{users}] }}")
    stored: dict[str, Any] = {"user": "all", "password": "p", "duplicate_window": 0.1}
    denied: dict[str, Any] = {"user": Secret("u"), "password": Secret("p")}
    async with publishing(server, stream=stored, interval=600.0, drain_timeout=0.1, **denied) as (run, stream, _):
        await run.events.until(ev.Echoed)
        with monkeypatch.context() as lost:
            lost.setattr(acks, "decoded", lambda *_: None)
            await three_messages(run)
            await stream.until(4)
            await run.events.until(ev.AsyncError, lambda error: "3 messages may be stored already" in error.text)
        assert (run.connection.deliveries.ledger.resent, await stream.messages()) == (0, 4)


async def test_message_too_large_for_the_next_server_is_rejected(
    nats_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = nats_server(config=jetstream(tmp_path))
    wanted: dict[str, Any] = {"payload": b"x" * 2_000, "interval": 600.0, "reconnect_wait": 0.01}
    async with publishing(first, **wanted) as (run, stream, _):
        await run.events.until(ev.Echoed)
        with monkeypatch.context() as lost:
            lost.setattr(acks, "decoded", lambda *_: None)
            await three_messages(run)
            await stream.until(4)
            await asyncio.to_thread(first.kill)
            await run.events.until(ev.Disconnected)
        smaller = f"{jetstream(tmp_path)}\nmax_payload: 1500"
        await asyncio.to_thread(nats_server, port=first.port, config=smaller)
        await run.events.until(ev.AsyncError, lambda error: "maximum payload of 1500 bytes" in error.text)
        tally = await run.events.until_counts(lambda tally: tally.rejected >= 3)
        assert (tally.delivered, tally.in_flight) == (1, 0)


async def test_unacknowledged_message_is_sent_again_on_the_same_connection(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acks, "ACK_WITHIN", 0.1)
    monkeypatch.setattr(acks, "LOOK_EVERY", 0.02)
    async with publishing(server, interval=600.0, timeout=1.0) as (run, stream, _):
        await run.events.until(ev.Echoed)
        await freeze(server)
        await three_messages(run)
        await run.events.until_counts(lambda tally: tally.resent >= 3)
        await asyncio.to_thread(server.cont)
        tally = await run.events.until_counts(lambda tally: tally.suppressed >= 3 and not tally.in_flight)
        assert (tally.delivered, tally.in_flight, tally.duplicate) == (4, 0, 0)
        assert await stream.ids() == ids(run, [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("elsewhere", "duplicate"),
    [
        pytest.param(0, 0, id="of the same copy, by the next leader"),
        pytest.param(7, 1, id="of a second copy"),
    ],
)
async def test_second_acknowledgement_is_a_duplicate_only_of_a_second_copy(
    server: NatsServer, elsewhere: int, duplicate: int
) -> None:
    async with publishing(server, interval=600.0) as (run, stream, _):
        await run.events.until(ev.Echoed)
        await three_messages(run)
        await run.events.until_counts(lambda tally: tally.delivered >= 4)
        ack = f'{{"stream":"{STREAM}","seq":{2 + elsewhere}}}'.encode()
        inbox = run.connection.verifier.message.inbox
        for answer in (ack, ack.replace(b'"seq"', b'"duplicate":true,"seq"')):
            await stream.send(f"{inbox}.2", answer)
        tally = await run.events.until_counts(lambda tally: tally.suppressed >= 1)
        assert (tally.delivered, tally.duplicate) == (4, duplicate)


@pytest.mark.parametrize("detected", ["at a reconnect", "on the same connection"])
async def test_recreated_stream_is_searched_from_its_beginning(
    server: NatsServer, monkeypatch: pytest.MonkeyPatch, detected: str
) -> None:
    """Positions in the deleted stream have no meaning in it."""
    monkeypatch.setattr(acks, "ACK_WITHIN", 0.6)
    monkeypatch.setattr(acks, "LOOK_EVERY", 0.05)
    short = {"duplicate_window": 0.1}
    async with publishing(server, interval=600.0, stream=short) as (run, stream, _):
        await run.events.until(ev.Echoed)
        for _ in range(3):
            await three_messages(run)
        await run.events.until_counts(lambda tally: tally.delivered >= 10)
        await stream.remove()
        await stream.create(**short)
        with monkeypatch.context() as lost:
            lost.setattr(acks, "decoded", lambda *_: None)
            await three_messages(run)
            await stream.until(3)
            await stream.until_forgotten("hello", 0.1)
        if detected == "at a reconnect":
            run.execute(commands.Reconnect())
        tally = await run.events.until_counts(lambda tally: tally.delivered >= 13)
        assert (tally.resent, tally.duplicate) == (0, 0)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (13, 3, 10, 0)


@pytest.mark.slow
async def test_shortened_duplicate_window_is_respected(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acks, "ACK_WITHIN", 0.6)
    monkeypatch.setattr(acks, "LOOK_EVERY", 0.05)
    with Relay(server.port) as relay:
        async with publishing(server, url=relay.url, interval=600.0) as (run, stream, _):
            await run.events.until(ev.Echoed)
            await stream.edit(duplicate_window=0.1)
            relay.delay(0.5)
            await three_messages(run)
            tally = await run.events.until_counts(lambda tally: tally.delivered >= 4)
            assert await stream.ids() == ids(run, [1, 2, 3, 4])
            assert (tally.resent, tally.duplicate) == (0, 0)
