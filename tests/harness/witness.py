"""An independent client: nats-py's own connection, which the probe does not use."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import nats
from nats.aio.client import Client

from natsmon.lab.nats_server import NatsServer


@asynccontextmanager
async def witness(*servers: NatsServer, **options: Any) -> AsyncIterator[Client]:
    """Connect it; it reconnects for ever, and leaves nothing behind."""
    patience: dict[str, Any] = {"max_reconnect_attempts": -1, "reconnect_time_wait": 0.02, "error_cb": end_if_closed}
    client = await nats.connect([server.url for server in servers], **patience, **options)
    try:
        yield client
    finally:
        await client.close()


async def end_if_closed(_: Exception) -> None:
    """Cancel a dial again after ``close``; that a server was killed is expected.

    Closing cancels the dial in progress, and Python 3.11's wait_for loses a cancel that comes together with the
    dial's end: nats-py would dial for ever. Its errors arrive here.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
