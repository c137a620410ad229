"""A stream, made and read by a client of its own: nats-py's JetStream, which the probe does not use."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.js.api import ConsumerConfig, DeliverPolicy, StreamInfo

from natsmon.lab.nats_server import NatsServer
from tests.harness.time_limits import WAIT
from tests.harness.witness import witness

STREAM = "ORDERS"
_ELECTED_WITHIN = 45.0
"""Seconds; mostly it takes four to eight."""
_POLL = 0.05
_STORE_FAILED = 10_049


def jetstream(folder: Path) -> str:
    """What a server's configuration has besides."""
    return f'jetstream {{ store_dir: "{folder}" }}'


class Stream:
    """One stream as it really is."""

    def __init__(self, client: Client) -> None:
        self._js = client.jetstream()
        self.send = client.publish

    async def create(self, **config: Any) -> None:
        """Also right behind ``remove``, when the server may still be deleting the files of the one before."""
        async with asyncio.timeout(WAIT):
            while True:
                try:
                    await self._js.add_stream(**{"name": STREAM, "subjects": ["hello"], **config})
                except nats.js.errors.ServerError as error:
                    if error.err_code != _STORE_FAILED:
                        raise
                    await asyncio.sleep(_POLL)
                else:
                    return

    async def create_replicated(self, **config: Any) -> None:
        """A cluster elects who places streams first; until then none can be made."""
        async with asyncio.timeout(_ELECTED_WITHIN):
            while True:
                try:
                    await self.create(num_replicas=3, **config)
                except (nats.errors.Error, nats.js.errors.Error):
                    await asyncio.sleep(0.1)
                else:
                    return

    async def edit(self, **config: Any) -> None:
        await self._js.update_stream(**{"name": STREAM, "subjects": ["hello"], **config})

    async def remove(self) -> None:
        """The whole stream."""
        await self._js.delete_stream(STREAM)

    async def delete(self, place: int) -> None:
        await self._js.delete_msg(STREAM, place)

    async def publish(self, subject: str, payload: bytes, **options: Any) -> int:
        """The place it got."""
        placed: int = (await self._js.publish(subject, payload, **options)).seq
        return placed

    async def consume(self) -> None:
        """A durable consumer of another client exists."""
        await self._js.add_consumer(STREAM, durable_name="theirs")

    async def until_forgotten(self, subject: str, window: float) -> None:
        """So long after now that its duplicate window is over for all that it has; recognised by one of our ids."""
        again = {"Nats-Msg-Id": "forgotten"}
        await self._js.publish(subject, b"theirs", headers=again)
        async with asyncio.timeout(window + WAIT):
            while True:
                await asyncio.sleep(window / 10)
                if not (await self._js.publish(subject, b"theirs", headers=again)).duplicate:
                    return

    async def info(self) -> StreamInfo:
        """From its leader; a replica that was just started and has no leader answers too, with its own state."""
        async with asyncio.timeout(_ELECTED_WITHIN):
            while True:
                with suppress(nats.errors.Error, nats.js.errors.ServiceUnavailableError):
                    info = await self._js.stream_info(STREAM)
                    if info.cluster is None or info.cluster.leader:
                        return info
                await asyncio.sleep(_POLL)

    async def messages(self) -> int:
        return int((await self.info()).state.messages)

    async def until_level(self) -> None:
        """Every replica has what the leader has."""
        while True:
            cluster = (await self.info()).cluster
            if cluster is None or all(peer.current and not peer.offline for peer in cluster.replicas or ()):
                return
            await asyncio.sleep(_POLL)

    async def until(self, messages: int, within: float = WAIT) -> None:
        """It has so many; a stream sends no notification, so it is asked repeatedly."""
        deadline = time.monotonic() + within
        while (there := await self.messages()) < messages:
            assert time.monotonic() < deadline, f"{there} of {messages} messages"
            await asyncio.sleep(0.005)

    async def ids(self) -> list[str]:
        """The id of every message, in the order of the stream.

        As many as the leader counts: a consumer on a replica that lags behind believes to be at the end.
        """
        there = await self.messages()
        found: list[str] = []
        everything = ConsumerConfig(deliver_policy=DeliverPolicy.ALL, headers_only=True)
        subscription = await self._js.subscribe("", stream=STREAM, ordered_consumer=True, config=everything)
        while len(found) < there:
            message = await subscription.next_msg(timeout=WAIT)
            found.append((message.headers or {})["Nats-Msg-Id"])
        await subscription.unsubscribe()
        return found


@asynccontextmanager
async def stream_on(
    *servers: NatsServer, create: bool = True, user: str | None = None, password: str | None = None, **config: Any
) -> AsyncIterator[Stream]:
    """A client that is connected to a server directly, whatever hurts it on the way to others."""
    async with witness(*servers, user=user, password=password) as client:
        stream = Stream(client)
        if create:
            await stream.create(**config)
        yield stream
