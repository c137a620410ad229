"""What tests of ``natsmon.connect`` listen with."""

import asyncio
from collections.abc import Callable
from typing import Any

import nats.errors
import pytest
from nats.aio.client import Client

from natsmon import DialTrace
from tests.harness.time_limits import IN_TIME, WAIT

HOOKS = [name for name in vars(DialTrace) if not name.startswith("_")]


class _Awaited:
    """Calls that a test waits for."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._changed = asyncio.Event()

    async def until(self, met: Callable[[], bool], within: float = WAIT) -> None:
        async with asyncio.timeout(within):
            while not met():
                self._changed.clear()
                await self._changed.wait()


class Notes(_Awaited, DialTrace):
    """The names of the hooks called, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[BaseException] = []

    def __getattribute__(self, name: str) -> Any:
        if name not in HOOKS:
            return super().__getattribute__(name)

        def note(*args: object) -> None:
            self.calls.append(name)
            self._changed.set()
            self.errors += [arg for arg in args if isinstance(arg, BaseException)]

        return note


class Callbacks(_Awaited):
    """What nats-py calls back with, and how to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[Exception] = []

    @property
    def options(self) -> dict[str, Any]:
        return {f"{name}_cb": self._callback(name) for name in ("error", "disconnected", "reconnected", "closed")}

    def _callback(self, name: str) -> Any:
        async def callback(*error: Exception) -> None:
            self.calls.append(name)
            self.errors += error
            self._changed.set()

        return callback

    async def until_called(self, name: str) -> None:
        await self.until(lambda: name in self.calls)


async def until(met: Callable[[], bool]) -> None:
    """Wait for what sends no notification: sockets, processes, tasks."""
    async with asyncio.timeout(IN_TIME):
        while not met():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def echo(client: Client, text: bytes = b"world") -> None:
    subscription = await client.subscribe("hello")
    await client.publish("hello", text)
    assert (await subscription.next_msg(WAIT)).data == text
    await subscription.unsubscribe()


async def reconnect(client: Client) -> None:
    """As ``force_reconnect``, which nats-py has since 2.15."""
    if hasattr(client, "force_reconnect"):
        await client.force_reconnect()
    else:
        client._transport.drop()  # type: ignore[union-attr]


async def failing(
    connecting: Any, kind: type[BaseException] = nats.errors.NoServersError, within: float = WAIT
) -> BaseException:
    with pytest.raises(kind) as caught:
        async with asyncio.timeout(within):
            await connecting
    return caught.value


HANDSHAKE = ["info_start", "info_done", "nats_connect_start", "nats_connect_done", "dial_done"]
PLAIN_DIAL = ["get_conn", "dns_start", "dns_done", "connect_start", "connect_done", "got_conn", *HANDSHAKE]
