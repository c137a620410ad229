"""The audit of a stream, whatever else is stored in it or was removed from it."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from natsmon.config.secret import Secret
from natsmon.lab.nats_server import NatsServer
from natsmon.lab.relay import Relay
from natsmon.probe.audit import stream_audit
from natsmon.probe.audit import stream_reader as reader
from natsmon.probe.jetstream import ack_verifier as acks
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import Listening, freeze, listening, settings
from tests.harness.time_limits import IN_TIME, WAIT
from tests.probe.publishing import ids, publishing, read_back, three_messages
from tests.probe.streams import STREAM, jetstream, stream_on


@pytest.fixture
def server(nats_server: StartServer, tmp_path: Path) -> NatsServer:
    return nats_server(config=jetstream(tmp_path))


async def ten_messages(run: Listening) -> None:
    await run.events.until_counts(lambda tally: tally.delivered >= 10)
    run.execute(commands.Pause())
    await none_in_flight(run)


async def none_in_flight(run: Listening) -> None:
    ledger = run.connection.deliveries.ledger
    while ledger.in_flight:
        await run.events.until(ev.Echoed)


async def test_reconnect_after_an_audit_publishes_on(server: NatsServer) -> None:
    async with publishing(server) as (run, _, numbers):
        await ten_messages(run)
        before = await read_back(run)
        run.execute(commands.Reconnect())
        await run.events.until(ev.Connected)
        run.execute(commands.Resume())
        await run.events.until_counts(lambda tally: tally.delivered >= before.acknowledged + 5)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (len(numbers), len(numbers), 0, 0)


async def test_deleted_message_is_missing(server: NatsServer) -> None:
    async with publishing(server) as (run, stream, numbers):
        await ten_messages(run)
        await stream.delete(3)
        await stream.delete(10)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing) == (len(numbers), len(numbers) - 2, 2)


async def test_message_removed_by_stream_limits_is_not_missing(server: NatsServer) -> None:
    async with publishing(server, stream={"max_msgs": 4}) as (run, _, numbers):
        await ten_messages(run)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.complete) == (len(numbers), 4, 0, True)
        assert back.text == f"{len(numbers) - 4} removed by its limits or a purge before they were read"


async def test_message_removed_by_subject_limit_is_not_missing(server: NatsServer) -> None:
    """It is behind another client's message, which the stream keeps."""
    stored: dict[str, Any] = {"subjects": ["hello", "other"], "max_msgs_per_subject": 4}
    async with stream_on(server, **stored) as stream:
        await stream.publish("other", b"theirs")
        async with listening(settings(server.url, jetstream=STREAM)) as run:
            await ten_messages(run)
            back = await read_back(run)
    assert (back.stored, back.missing, back.complete) == (4, 0, True)
    assert back.text == f"{back.acknowledged - 4} removed by its limits or a purge before they were read"


async def test_message_stored_out_of_order_is_removed_in_order(server: NatsServer) -> None:
    """A message rejected at first, as during an election, is sent again behind later ones."""
    async with publishing(server, interval=600.0, stream={"max_msgs": 3}) as (run, stream, _):
        await run.events.until(ev.Echoed)
        connection = run.connection._connection
        write = connection.write

        def write_elsewhere(wire: bytes) -> None:
            connection.write = write
            write(wire.replace(b"HPUB hello", b"HPUB nobod", 1))

        connection.write = write_elsewhere
        await three_messages(run)
        await run.events.until_counts(lambda tally: tally.delivered >= 4)
        for _ in range(2):
            await stream.publish("hello", b"theirs")
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (4, 1, 0, 0)


async def test_message_acknowledged_during_the_audit_is_read(server: NatsServer) -> None:
    with Relay(server.port) as relay:
        late: dict[str, Any] = {"url": relay.url, "interval": 600.0, "drain_timeout": 0.2}
        async with publishing(server, **late) as (run, stream, _):
            await run.events.until(ev.Echoed)
            relay.delay(0.15)
            await three_messages(run)
            back = await read_back(run)
            assert (back.acknowledged, back.stored, back.missing, back.twice) == (4, 4, 0, 0)
            assert run.events.last_tally.delivered == 4
            assert await stream.ids() == ids(run, [1, 2, 3, 4])


async def test_message_stored_twice_is_counted(server: NatsServer) -> None:
    async with publishing(server, stream={"duplicate_window": 0.1}) as (run, stream, numbers):
        await ten_messages(run)
        copies = [await stream._js.get_msg(STREAM, place) for place in (2, 5)]
        for copy in copies:
            forged = {**copy.headers, "Nats-Msg-Id": "forged"}
            forged["Nats-Msg-Id"] += forged["Natsmon-Seq"]
            await stream.publish("hello", copy.data, headers=forged)
        run.execute(commands.Publish())
        await none_in_flight(run)
        back = await read_back(run)
        assert (back.stored, back.missing, back.twice) == (len(numbers), 0, 2)


async def test_copy_behind_the_last_message_is_read(server: NatsServer) -> None:
    async with publishing(server, interval=600.0, stream={"duplicate_window": 0.1}) as (run, stream, _):
        await run.events.until(ev.Echoed)
        await three_messages(run)
        await run.events.until_counts(lambda tally: tally.delivered >= 4)
        await stream.until_forgotten("hello", 0.1)
        run.connection._connection.write(run.connection.verifier.message.compose(4))
        await run.events.until_counts(lambda tally: tally.duplicate >= 1)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (4, 4, 0, 1)


@pytest.mark.parametrize("subjects", [["hello", "orders.*"], ["orders.*"]])
async def test_mapped_subject_is_read(nats_server: StartServer, tmp_path: Path, subjects: list[str]) -> None:
    server = nats_server(config=f"{jetstream(tmp_path)}\nmappings = {{ hello: orders.new }}")
    async with publishing(server, stream={"subjects": subjects}) as (run, _, numbers):
        await ten_messages(run)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing) == (len(numbers), len(numbers), 0)


async def test_stream_at_its_limit_of_consumers_is_read_from_the_leader(server: NatsServer) -> None:
    async with publishing(server, stream={"max_consumers": 1}) as (run, stream, numbers):
        await stream.consume()
        await ten_messages(run)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.complete) == (len(numbers), len(numbers), 0, True)


async def test_gaps_beyond_the_limit_are_counted(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_audit, "_RUNS", 2)
    async with publishing(server, interval=600.0) as (run, _, __):
        await run.events.until(ev.Echoed)
        ledger = run.connection.deliveries.ledger
        for wanted in (2, 3, 4):
            ledger.attempt()
            ledger.reject()
            run.execute(commands.Publish())
            await run.events.until_counts(lambda tally, wanted=wanted: tally.delivered >= wanted)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.complete) == (4, 2, 0, False)
        assert back.text == "the first 2 were not searched: their numbers have too many gaps"


async def test_messages_of_other_publishers_are_skipped(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BATCH", 3)
    async with publishing(server, stream={"subjects": ["hello", "other"]}) as (run, stream, numbers):
        await ten_messages(run)
        for subject in ("hello", "other", "hello"):
            await stream.publish(subject, b"theirs")
            run.execute(commands.Publish())
        await none_in_flight(run)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (len(numbers), len(numbers), 0, 0)


async def test_queue_is_not_read(server: NatsServer) -> None:
    async with publishing(server, stream={"retention": "workqueue"}) as (run, _, numbers):
        await ten_messages(run)
        back = await read_back(run)
        assert (back.acknowledged, back.complete) == (len(numbers), False)
        assert "retention workqueue" in back.text


async def test_server_killed_during_the_audit_leaves_it_incomplete(server: NatsServer) -> None:
    async with publishing(server) as (run, _, numbers):
        await ten_messages(run)
        await freeze(server)
        run.execute(commands.Drain())
        await run.events.until_status("DRAINING")
        await asyncio.to_thread(server.kill)
        back = await run.events.until(ev.Audit)
        assert (back.acknowledged, back.stored, back.missing, back.complete) == (len(numbers), None, 0, False)
        ends = ("closed by the server", "Connection reset by peer")
        assert back.text in [f"the connection has ended: {why}" for why in ends]
        await run.events.until_status("CLOSED")


@pytest.mark.slow
@pytest.mark.parametrize("size", [5, 65536], ids=["small messages", "more than the socket takes"])
async def test_frozen_server_does_not_delay_the_end(server: NatsServer, size: int) -> None:
    """Beyond the time to wait for acknowledgements, natsmon waits for one PONG only."""
    wanted: dict[str, Any] = {"payload": b"x" * size, "interval": 0.01, "drain_timeout": 1.0, "timeout": 2.0}
    async with publishing(server, **wanted) as (run, _, __):
        await run.events.until_counts(lambda tally: tally.delivered >= 1)
        await freeze(server)
        full = size > 1_000  # beyond the socket's buffer, messages wait in ours
        await run.events.until_counts(lambda tally: tally.in_flight >= 50 and (tally.buffered or not full))
        run.execute(commands.Drain())
        back = await run.events.until(ev.Audit, within=IN_TIME)
        assert (back.text, back.complete) == ("the server does not answer", False)
        await asyncio.to_thread(server.kill)
        await run.events.until_status("CLOSED")


DENIED: dict[str, Any] = {"user": Secret("u"), "password": Secret("p")}
ALLOWED: dict[str, Any] = {"user": "all", "password": "p"}


def consumers_denied(tmp_path: Path, asking: str) -> str:
    """A configuration that denies one user this request for consumers."""
    deny = f"{{ publish: {{ deny: ['$JS.API.CONSUMER.{asking}.>'] }} }}"
    users = f"{{ user: u, password: p, permissions: {deny} }}, {{ user: all, password: p }}"
    return f"{jetstream(tmp_path)}\nauthorization {{ users: [{users}] }}"


async def test_messages_missing_from_the_consumer_are_read_from_the_leader(
    nats_server: StartServer, tmp_path: Path
) -> None:
    """As where the consumer is on a replica that lags behind, or has ended; here its messages are forbidden."""
    server = nats_server(config=consumers_denied(tmp_path, "MSG.NEXT"))
    async with publishing(server, stream=ALLOWED, **DENIED, interval=0.001) as (run, stream, numbers):
        await run.events.until_counts(lambda tally: tally.delivered >= 300)
        run.execute(commands.Pause())
        while run.connection.deliveries.ledger.in_flight:
            await run.events.until(ev.Tally)
        for place in (2, 150, 300):
            await stream.delete(place)
        await stream.publish("hello", b"theirs")
        back = await read_back(run)
        many = len(numbers)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (many, many - 3, 3, 0)
        assert back.complete


async def test_connection_that_ends_while_the_leader_is_asked(
    nats_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request fails and the reader is cancelled: before Python 3.13, a TaskGroup loses the cancel."""
    server = nats_server(config=consumers_denied(tmp_path, "CREATE"))
    monkeypatch.setattr(acks, "ACK_WITHIN", 0.2)
    monkeypatch.setattr(acks, "LOOK_EVERY", 0.05)
    read, stored, asking = reader.Reader._all, asyncio.Event(), asyncio.Event()

    async def read_from_a_frozen_server(self: reader.Reader, start: int, until: int) -> None:
        await stored.wait()
        if not asking.is_set():
            asking.set()
            server.stop()
        await read(self, start, until)

    async with publishing(server, stream={**ALLOWED, "duplicate_window": 0.1}, interval=600.0, **DENIED) as held:
        run, stream, _ = held
        await run.events.until(ev.Echoed)
        proof = run.connection.verifier
        with monkeypatch.context() as lost:
            lost.setattr(acks, "decoded", lambda *_: None)
            lost.setattr(reader.Reader, "_all", read_from_a_frozen_server)
            await three_messages(run)
            await stream.until(4)
            stored.set()
            attending = proof._task
            await asyncio.wait_for(asking.wait(), WAIT)
            await asyncio.to_thread(server.kill)
            await run.events.until(ev.Disconnected)
            await asyncio.wait({attending}, timeout=WAIT)
        assert attending.done()
        assert proof.room == 0
        await asyncio.to_thread(server.start)
        await run.events.until_counts(lambda tally: tally.delivered >= 4)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (4, 4, 0, 0)
