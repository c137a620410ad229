"""Messages of other publishers, counted: what is left out of their sequences, and what comes twice or late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from natsmon.config.secret import Secret
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.messages import observer
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.connection.life import ignored
from tests.harness.listening import Listening, listening, settings
from tests.harness.witness import witness
from tests.probe.streams import Stream, jetstream
from tests.state.folding import logged

OURS = "d00dfeed"


class Publisher:
    """Publishes what another natsmon might, or a stream."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def numbered(self, *numbers: int, session: str = OURS, subject: str = "hello") -> None:
        for number in numbers:
            headers = {"Natsmon-Session": session, "Natsmon-Seq": str(number)}
            await self.client.publish(subject, b"world", headers=headers)
        await self.client.flush()

    async def republished(self, *places: tuple[int, int], of: str = "orders") -> None:
        """Of a stream: the place of each message, and of the one before it on its subject."""
        for place, before in places:
            headers = {"Nats-Stream": "ORDERS", "Nats-Subject": of}
            headers |= {"Nats-Sequence": str(place), "Nats-Last-Sequence": str(before)}
            await self.client.publish("hello", b"", headers=headers)
        await self.client.flush()


@asynccontextmanager
async def observing(server: NatsServer, subject: str = "hello", **changes: Any) -> AsyncIterator[Any]:
    async with witness(server) as client, listening(settings(server.url, observe=subject, **changes)) as run:
        await run.events.until(ev.Subscribed)
        yield run, Publisher(client)


async def counts(run: Listening, messages: int) -> tuple[int, int, int, int]:
    """Publishers, missing, duplicate and out of order, once so many messages were counted."""
    emitted = await run.events.until(ev.Observed, lambda event: event.messages >= messages)
    assert emitted.messages == messages
    return emitted.publishers, emitted.missing, emitted.duplicate, emitted.out_of_order


async def test_own_requests_are_not_observed(server: NatsServer) -> None:
    async with observing(server, ">") as (run, publisher):
        for _ in range(2):
            run.execute(commands.Reconnect())
            await run.events.until(ev.Subscribed)
            await run.events.until(ev.Identity)
        await publisher.client.publish("theirs", b"12345")
        assert await counts(run, 1) == (0, 0, 0, 0)


async def test_messages_are_counted_and_none_is_published(server: NatsServer) -> None:
    async with observing(server, "hello.>") as (run, publisher):
        connection = run.events.of(ev.Connection)[0]
        assert (connection.observing, connection.subject, connection.verification) == (True, "hello.>", "none")
        for subject in ("hello.a", "hello.b.c", "other"):
            await publisher.client.publish(subject, b"12345")
        assert await counts(run, 2) == (0, 0, 0, 0)
        assert run.events.of(ev.Observed)[-1].bytes == 10
        for command in (commands.Publish(), commands.Pause(), commands.Resume()):
            run.execute(command)
            assert (await ignored(run)).reason == "observing: nothing is published"
        run.execute(commands.Drain())
        await run.events.until_status("CLOSED")
        assert not run.events.of(ev.Published)
        assert not run.events.of(ev.Unverified)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([7, 8, 9], (1, 0, 0, 0)),
        ([1, 2, 6, 7], (1, 3, 0, 0)),
        ([1, 5, 3, 4], (1, 1, 0, 2)),
        ([1, 2, 2, 1], (1, 0, 2, 0)),
        ([1, 4, 3, 3], (1, 1, 1, 1)),
        ([5, 4, 6], (1, 0, 0, 1)),
    ],
    ids=["begins anywhere", "a gap", "late ones", "twice", "late and then twice", "before the first"],
)
async def test_numbers_of_another_natsmon(
    server: NatsServer, numbers: list[int], expected: tuple[int, int, int, int]
) -> None:
    async with observing(server) as (run, publisher):
        await publisher.numbered(*numbers)
        assert await counts(run, len(numbers)) == expected


async def test_each_session_is_a_sequence_of_its_own(server: NatsServer) -> None:
    async with observing(server, "*") as (run, publisher):
        await publisher.numbered(1, 2, 4)
        await publisher.numbered(1, 3, session="b", subject="other")
        assert await counts(run, 5) == (2, 2, 0, 0)


async def test_sequence_idle_longest_is_forgotten_first(server: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer, "SEQUENCES", 2)
    async with observing(server) as (run, publisher):
        await publisher.numbered(1, session="a")
        await publisher.numbered(1, session="b")
        await publisher.numbered(2, session="a")
        await publisher.numbered(1, session="c")
        await publisher.numbered(4, session="a")
        await publisher.numbered(9, session="b")
        assert await counts(run, 6) == (4, 1, 0, 0)


async def test_republished_message_has_the_last_sequence(server: NatsServer) -> None:
    async with observing(server) as (run, publisher):
        await publisher.republished((4, 1), (9, 4), (12, 9))  # other subjects lie in between
        await publisher.republished((5, 0), (8, 6), of="others")  # 6 is left out
        await publisher.republished((6, 5), of="others")
        assert await counts(run, 6) == (2, 0, 0, 1)
        await publisher.republished((20, 15))
        assert await counts(run, 7) == (2, 1, 0, 1)


async def test_republishing_stream_is_observed(nats_server: StartServer, tmp_path: Path) -> None:
    server = nats_server(config=jetstream(tmp_path))
    async with observing(server, "seen.>") as (run, publisher):
        stream = Stream(publisher.client)
        await stream.create(subjects=["orders.*"], republish={"src": "orders.*", "dest": "seen.{{wildcard(1)}}"})
        for name in ("a", "b", "a", "a", "b"):
            await publisher.client.jetstream().publish(f"orders.{name}", b"")
        assert await counts(run, 5) == (2, 0, 0, 0)


async def test_headers_that_are_no_numbers(server: NatsServer) -> None:
    async with observing(server) as (run, publisher):
        for number in ("", "x", "-1", "9" * 40):
            await publisher.client.publish("hello", b"", headers={"Natsmon-Session": "a", "Natsmon-Seq": number})
        assert await counts(run, 4) == (0, 0, 0, 0)


async def test_messages_sent_during_an_outage_are_missing(server: NatsServer) -> None:
    async with observing(server) as (run, publisher):
        await publisher.numbered(1, 2)
        assert await counts(run, 2) == (1, 0, 0, 0)
        await asyncio.to_thread(server.restart)
        await run.events.until(ev.Reconnected)
        await run.events.until(ev.Subscribed)
        async with witness(server) as again:
            await Publisher(again).numbered(6)
            assert await counts(run, 3) == (1, 3, 0, 0)


async def test_real_natsmon_is_one_publisher(server: NatsServer) -> None:
    async with observing(server) as (run, _), listening(settings(server.url, interval=0.01)) as other:
        emitted = await run.events.until(ev.Observed, lambda event: event.messages >= 50)
        assert (emitted.publishers, emitted.missing, emitted.duplicate, emitted.out_of_order) == (1, 0, 0, 0)
        assert (await other.events.until_counts(lambda tally: tally.delivered >= 50)).lost == 0


async def test_forbidden_subject_ends_observing(nats_server: StartServer) -> None:
    only = "authorization { users: [{ user: u, password: p, permissions: { subscribe: { deny: [hello] } } }] }"
    server = nats_server(config=only)
    async with listening(settings(server.url, observe="hello", user=Secret("u"), password=Secret("p"))) as run:
        emitted = await run.events.until(ev.AsyncError)
        assert 'Permissions Violation for Subscription to "hello"' in emitted.text
        assert (await run.events.until(ev.Observed)).refused == emitted.text


def ending(*events: ev.AnyEvent, **connection: Any) -> str:
    """The last line of a log."""
    begin = ev.Session(t=0.0, id="a", started=0.0), ev.Connection(t=0.0, **connection), ev.Connected(t=0.1, server="a")
    return logged([*begin, *events, ev.End(t=1.0, exit_code=0)])[-1].text


def test_summary_has_the_observed_messages() -> None:
    counted = ev.Observed(t=0.5, messages=1200, bytes=1, publishers=1, missing=3)
    assert ending(counted, observing=True, subject=">").endswith(
        ": 1,200 messages, from 1 publisher, 3 missing, 0 reconnects"
    )
    assert ending(observing=True, subject=">").endswith(": 0 messages, from 0 publishers, 0 reconnects")


def test_summary_has_the_acknowledged_messages() -> None:
    counted = ev.Tally(t=0.5, attempted=9, sent=8, rejected=1, delivered=7, unverified=1, resent=2, suppressed=1)
    assert ending(counted, verification="ack", stream="S").endswith(
        ": 8 published, 7 acknowledged, 0 lost, 2 sent again, 1 recognised by the stream, 1 not verified, "
        "1 rejected, 0 reconnects"
    )


async def test_long_names_are_kept_as_hashes(server: NatsServer) -> None:
    """Publishers choose them: a thousand names of a megabyte each would fill the memory."""
    async with observing(server) as (run, publisher):
        for number in (1, 3):
            await publisher.numbered(number, session="x" * 100_000)
        await publisher.numbered(1, session="x" * 99_999 + "y")
        assert await counts(run, 3) == (2, 1, 0, 0)
        verifier = run.connection.verifier
        assert isinstance(verifier, observer.Observer)
        assert all(len(name) <= observer._NAME_BYTES for key in verifier._sequences for name in key)
