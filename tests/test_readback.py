"""What is read at the end from a stream that was published to, whatever else is in it or has left it."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from natsmon import events as ev
from natsmon.probe import reader
from natsmon.probe.jetstream import StreamInfo
from natsmon.sandbox.server import NatsServer
from natsmon.settings import MAX_RATE, Secret
from tests.conftest import StartServer
from tests.listening import Listening, freeze
from tests.publishing import publishing, read_back
from tests.streams import STREAM, jetstream


@pytest.fixture
def server(nats_server: StartServer, tmp_path: Path) -> NatsServer:
    return nats_server(config=jetstream(tmp_path))


async def ten_messages(run: Listening) -> None:
    await run.events.until_counts(lambda tally: tally.echoed >= 10)
    run.obey(ev.Pause())
    await none_in_flight(run)


async def none_in_flight(run: Listening) -> None:
    ledger = run.probe._heartbeat.ledger
    while ledger.in_flight:
        await run.events.until(ev.Echoed)


async def test_what_somebody_deleted_is_missing(server: NatsServer) -> None:
    async with publishing(server) as (run, stream, numbers):
        await ten_messages(run)
        await stream.delete(3)
        await stream.delete(10)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing) == (len(numbers), len(numbers) - 2, 2)


async def test_what_the_limits_removed_is_not(server: NatsServer) -> None:
    async with publishing(server, stream={"max_msgs": 4}) as (run, _, numbers):
        await ten_messages(run)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.complete) == (len(numbers), 4, 0, True)
        assert back.text == f"{len(numbers) - 4} removed by its limits or a purge before they were read"


async def test_what_is_stored_twice_is_seen(server: NatsServer) -> None:
    async with publishing(server, stream={"duplicate_window": 0.1}) as (run, stream, numbers):
        await ten_messages(run)
        copies = [await stream._js.get_msg(STREAM, place) for place in (2, 5)]
        for copy in copies:
            forged = {**copy.headers, "Nats-Msg-Id": "forged"}
            forged["Nats-Msg-Id"] += forged["Natsmon-Seq"]
            await stream._js.publish("hello", copy.data, headers=forged)
        run.obey(ev.Publish())
        await none_in_flight(run)
        back = await read_back(run)
        assert (back.stored, back.missing, back.twice) == (len(numbers), 0, 2)


async def test_others_on_the_same_subject_are_passed_over(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_BATCH", 3)
    async with publishing(server, stream={"subjects": ["hello", "other"]}) as (run, stream, numbers):
        await ten_messages(run)
        for subject in ("hello", "other", "hello"):
            await stream._js.publish(subject, b"theirs")
            run.obey(ev.Publish())
        await none_in_flight(run)
        back = await read_back(run)
        assert (back.acknowledged, back.stored, back.missing, back.twice) == (len(numbers), len(numbers), 0, 0)


async def test_a_queue_is_not_read(server: NatsServer) -> None:
    async with publishing(server, stream={"retention": "workqueue"}) as (run, _, numbers):
        await ten_messages(run)
        back = await read_back(run)
        assert (back.acknowledged, back.complete) == (len(numbers), False)
        assert "retention workqueue" in back.text


async def test_a_server_that_dies_meanwhile(server: NatsServer) -> None:
    async with publishing(server) as (run, _, numbers):
        await ten_messages(run)
        await freeze(server)
        run.obey(ev.Drain())
        await run.events.until_status("DRAINING")
        await asyncio.to_thread(server.kill)
        back = await run.events.until(ev.ReadBack)
        assert (back.acknowledged, back.stored, back.missing, back.complete) == (len(numbers), 0, 0, False)
        assert back.text == "the connection has ended"
        await run.events.until_status("CLOSED")


async def test_what_no_consumer_tells_is_read_from_the_leader(nats_server: StartServer, tmp_path: Path) -> None:
    """As where the consumer is on a replica that lags behind, or has died; here it may not be asked for messages."""
    deny = "{ publish: { deny: ['$JS.API.CONSUMER.MSG.NEXT.>'] } }"
    users = f"{{ user: u, password: p, permissions: {deny} }}, {{ user: all, password: p }}"
    server = nats_server(config=f"{jetstream(tmp_path)}\nauthorization {{ users: [{users}] }}")
    account = {"user": "all", "password": "p"}
    wanted = {"user": Secret("u"), "password": Secret("p"), "interval": MAX_RATE, "count": 300}
    async with publishing(server, stream=account, **wanted) as (run, stream, numbers):
        await run.events.until_counts(lambda tally: tally.echoed >= 300)
        for place in (1, 150, 300):
            await stream.delete(place)
        await stream._js.publish("hello", b"theirs")
        back = await run.events.until(ev.ReadBack)
        assert (len(numbers), back.acknowledged, back.stored, back.missing, back.twice) == (300, 300, 297, 3, 0)
        assert back.complete
        await run.ended()


@pytest.mark.parametrize(
    ("cluster", "led"),
    [
        pytest.param("", True, id="a server of its own, as older ones say"),
        pytest.param(',"cluster":{"leader":"n1"}', True, id="there is a leader"),
        pytest.param(',"cluster":{"name":"soak","replicas":[]}', False, id="a replica that has heard of none"),
    ],
)
def test_who_answers_for_a_stream(cluster: str, led: bool) -> None:
    answer = f'{{"config":{{"name":"ORDERS"}},"state":{{"first_seq":1,"last_seq":39}}{cluster}}}'
    assert msgspec.json.decode(answer, type=StreamInfo).led is led
