"""A client of ``natsmon.connect`` that is closed, or whose server is frozen: in time, and nothing is left."""

import asyncio
import time
from typing import Any

import pytest
from nats.aio.client import Client

from natsmon import Dialer, DialTrace, connect
from natsmon.dial.stream import Stream
from natsmon.lab.nats_server import NatsServer
from tests.harness.time_limits import IN_TIME, WAIT
from tests.library.clients import Callbacks, reconnect


async def test_close_does_not_wait_for_a_frozen_server(server: NatsServer) -> None:
    callbacks = Callbacks()
    client = await connect(
        server.url,
        ping_interval=0.1,
        max_outstanding_pings=1,
        connect_timeout=0.2,
        reconnect_time_wait=0.05,
        **callbacks.options,
    )
    server.stop()
    publishing = asyncio.ensure_future(_publish_for_ever(client))
    try:
        await callbacks.until_called("disconnected")  # stale, with megabytes on their way
        publishing.cancel()
        began = time.monotonic()
        await client.close()
        assert time.monotonic() - began < IN_TIME
    finally:
        publishing.cancel()
        server.cont()
    assert callbacks.calls[-1] == "closed"


async def test_close_waits_for_a_frozen_server_a_little_and_no_more(server: NatsServer) -> None:
    client = await connect(server.url)
    server.stop()
    publishing = asyncio.ensure_future(_publish_for_ever(client))
    await asyncio.sleep(0.2)
    publishing.cancel()
    began = time.monotonic()
    await client.close()
    took = time.monotonic() - began
    server.cont()
    await asyncio.wait([publishing])
    assert took < IN_TIME


async def test_close_in_a_task_that_was_cancelled_waits_no_longer(server: NatsServer) -> None:
    """As in the ``finally`` clause of a program that ctrl+c ends."""
    callbacks = Callbacks()
    client = await connect(server.url, **callbacks.options)

    async def program() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await client.close()

    running = asyncio.ensure_future(program())
    server.stop()
    publishing = asyncio.ensure_future(_publish_for_ever(client))
    await asyncio.sleep(0.2)
    publishing.cancel()
    running.cancel()
    began = time.monotonic()
    await asyncio.wait([running], timeout=WAIT)
    took = time.monotonic() - began
    server.cont()
    await asyncio.wait([publishing])
    assert took < IN_TIME
    assert callbacks.calls[-1] == "closed"


async def _publish_for_ever(client: Client) -> None:
    while not client.is_closed and not client.is_reconnecting:
        await client.publish("hello", b"x" * 500_000)
        await asyncio.sleep(0)


async def test_publishing_to_a_frozen_server_blocks_rather_than_fills_the_memory(server: NatsServer) -> None:
    client = await connect(server.url)
    server.stop()
    published = 0

    async def publish() -> None:
        nonlocal published
        for _ in range(200):
            await client.publish("hello", b"x" * 500_000)
            published += 1

    publishing = asyncio.ensure_future(publish())
    await asyncio.wait([publishing], timeout=0.5)
    assert published < 60
    server.cont()
    await asyncio.wait_for(publishing, WAIT)
    await client.close()


async def test_close_while_reconnecting_with_messages_kept(server: NatsServer) -> None:
    callbacks = Callbacks()
    client = await connect(server.url, reconnect_time_wait=0.05, **callbacks.options)
    await asyncio.to_thread(server.kill)
    await callbacks.until_called("disconnected")
    for _ in range(3):
        await client.publish("hello", b"world")
    await client.close()
    assert callbacks.calls.count("closed") == 1


class Watched(Dialer):
    """An event for the first data of the peer on the connection dialed last."""

    def __init__(self, word: bytes) -> None:
        super().__init__()
        self._word = word
        self.answered = asyncio.Event()

    async def dial(
        self, address: tuple[str, int], *, deadline: float | None = None, trace: DialTrace | None = None
    ) -> Stream:
        stream = await super().dial(address, deadline=deadline, trace=trace)
        self.answered.clear()
        reader: Any = stream.reader
        received, feed = bytearray(), reader.feed_data

        def watch(data: Any) -> None:
            received.extend(data)
            if self._word in received:
                self.answered.set()

        def watched(data: Any) -> None:
            feed(data)
            watch(data)

        watch(reader._buffer)  # INFO may have come with the connection
        reader.feed_data = watched
        return stream


@pytest.mark.parametrize("word", [b"INFO", b"PONG"])
async def test_close_at_any_moment_of_a_reconnect_leaves_nothing(word: bytes, server: NatsServer) -> None:
    """Also where nats-py does not notice that the reconnect was cancelled, as on Python 3.11."""
    before = asyncio.all_tasks()
    for turns in range(10):
        dialer = Watched(word)
        client = await connect(server.url, dialer=dialer, reconnect_time_wait=0.05, **Callbacks().options)
        dialer.answered.clear()
        await reconnect(client)
        await dialer.answered.wait()
        for _ in range(turns):  # of the loop, until the one in which the data arrives
            await asyncio.sleep(0)
        await client.close()
        await asyncio.sleep(0)
        assert client.is_closed
        assert asyncio.all_tasks() == before
