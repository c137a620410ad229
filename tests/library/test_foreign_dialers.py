"""Dialers of other programs: what they return, what they raise, and what they ignore."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from natsmon import Client, DialError, Stream, connect
from natsmon.lab.nats_server import NatsServer
from tests.harness.leaks import sockets
from tests.harness.time_limits import FOREVER, IN_TIME, WAIT
from tests.library.clients import Callbacks, echo, failing, reconnect, until


class Scripted:
    """A dialer that does one thing after another; then it dials."""

    def __init__(self, *acts: Callable[[], object]) -> None:
        self.acts = list(acts)

    async def dial(self, address: tuple[str, int], **_: object) -> Any:
        if self.acts:
            outcome = self.acts.pop(0)()
            return await outcome if asyncio.iscoroutine(outcome) else outcome
        return await asyncio.open_connection(*address)


def raising(error: BaseException) -> Callable[[], object]:
    def act() -> object:
        raise error

    return act


async def test_plain_pair_is_a_stream(server: NatsServer) -> None:
    client = await connect(server.url, dialer=Scripted())
    await echo(client)
    await client.close()


@pytest.mark.parametrize("dialer", [Scripted, 7, None.__class__, object(), lambda: None])
async def test_object_that_is_not_a_dialer_raises_type_error(dialer: Any) -> None:
    with pytest.raises(TypeError, match="a dialer is an object with the method dial"):
        await connect("nats://x", dialer=dialer)
    with pytest.raises(TypeError):
        Client(dialer=dialer)


@pytest.mark.parametrize(
    "shape",
    [
        lambda reader, writer: writer,
        lambda reader, writer: (writer, reader),
        lambda reader, writer: [reader, writer],
        lambda reader, writer: (reader, writer, "here"),
        lambda reader, writer: Stream(writer, reader),
        lambda reader, writer: Stream(reader, writer, writer.get_extra_info("peername")),
    ],
    ids=["writer", "swapped", "list", "triple", "swapped stream", "another address"],
)
async def test_wrong_result_raises_type_error_at_once_and_leaks_no_socket(
    shape: Callable[[Any, Any], object], server: NatsServer
) -> None:
    before = set(sockets())
    calls = 0

    class Wrong:
        async def dial(self, address: tuple[str, int], **_: object) -> Any:
            nonlocal calls
            calls += 1
            return shape(*await asyncio.open_connection(*address))

    with pytest.raises(TypeError, match="a dialer returns"):
        await connect(server.url, dialer=Wrong())
    await until(lambda: set(sockets()) <= before)
    assert calls == 1


async def test_plain_function_as_dial_raises_type_error_and_leaks_no_socket(server: NatsServer) -> None:
    opened: list[socket.socket] = []

    class Blocking:
        def dial(self, address: tuple[str, int], **_: object) -> Any:
            opened.append(socket.create_connection(address))
            return opened[-1]

    with pytest.raises(TypeError, match="not a coroutine function"):
        await connect(server.url, dialer=Blocking())
    assert opened[0].fileno() == -1


async def test_dial_with_another_signature_raises_type_error() -> None:
    class Short:
        async def dial(self, address: tuple[str, int]) -> Any:
            raise AssertionError

    with pytest.raises(TypeError, match="deadline"):
        await connect("nats://x", dialer=Short())  # type: ignore[arg-type]


async def test_wrong_result_at_a_reconnect_is_a_failed_dial(server: NatsServer) -> None:
    callbacks, dialer = Callbacks(), Scripted()
    client = await connect(server.url, dialer=dialer, reconnect_time_wait=0.02, **callbacks.options)
    dialer.acts.append(lambda: 7)
    await reconnect(client)
    await callbacks.until_called("reconnected")
    assert sum(isinstance(error, DialError) for error in callbacks.errors) == 1
    await client.close()


class Odd(BaseException):
    """Not an Exception."""


class Speechless(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), Odd("mine"), SystemExit(3), TypeError("a bug"), Speechless()]
)
async def test_any_exception_of_a_dialer_is_a_failed_dial(error: BaseException, server: NatsServer) -> None:
    callbacks, dialer = Callbacks(), Scripted(raising(error))
    client = await connect(server.url, dialer=dialer, reconnect_time_wait=0.02, **callbacks.options)
    dialer.acts = [raising(error)]
    await reconnect(client)
    await callbacks.until_called("reconnected")
    failures = [failed for failed in callbacks.errors if isinstance(failed, DialError)]
    assert [type(failed).__name__ for failed in failures] == ["DialFailed", "DialFailed"]
    assert type(error).__name__ in str(failures[0])
    await echo(client)
    await client.close()


class Faulty:
    """A reader or writer with a fault in one method, after so many calls of it."""

    def __init__(self, sound: Any, method: str, after: int) -> None:
        self._sound = sound
        self._method = method
        self._after = after

    def __getattr__(self, name: str) -> Any:
        if name != self._method:
            return getattr(self._sound, name)
        self._after -= 1
        if self._after >= 0:
            return getattr(self._sound, name)
        return self._hang if name == "drain" else self._fail

    def _fail(self, *_: object) -> Any:
        raise ZeroDivisionError("a bug")

    async def _hang(self) -> None:
        await asyncio.sleep(FOREVER)


@pytest.mark.parametrize(
    ("method", "after", "dials"),
    [
        ("write", 0, 3), ("write", 1, 3), ("write", 3, 3), ("drain", 0, 2), ("close", 0, 2), ("read", 1, 3),
        ("readuntil", 0, 3), ("at_eof", 1, 3), ("wait_closed", 0, 2),
    ],
)  # fmt: skip
async def test_fault_of_a_stream_at_a_reconnect_ends_no_client(
    method: str, after: int, dials: int, server: NatsServer
) -> None:
    """Without an OSError, nats-py's loops would end silently, and the client would reconnect for ever."""
    before, opened = set(sockets()), 0
    callbacks = Callbacks()

    class SecondIsFaulty:
        async def dial(self, address: tuple[str, int], **_: object) -> Any:
            nonlocal opened
            opened += 1
            both = await asyncio.open_connection(*address)
            return tuple(Faulty(each, method, after) for each in both) if opened == 2 else both

    options: dict[str, Any] = {"reconnect_time_wait": 0.02, "connect_timeout": IN_TIME, **callbacks.options}
    client = await connect(server.url, dialer=SecondIsFaulty(), **options)
    if method == "drain":  # it hangs as long as the time for a dial
        client.options["connect_timeout"] = 0.3
    subscription = await client.subscribe("hello")
    await reconnect(client)
    async with asyncio.timeout(WAIT):
        while not (opened >= dials and client.is_connected):
            if client.is_connected and method != "drain":
                with suppress(Exception):
                    await client.publish("hello", b"sent on a faulty stream")
                    await client.flush(1)
            await asyncio.sleep(0.02)
    if method != "drain":
        await client.publish("hello", b"last")
        async with asyncio.timeout(WAIT):
            while (await subscription.next_msg(WAIT)).data != b"last":
                pass
    await client.close()
    assert "closed" in callbacks.calls
    assert method == "drain" or opened == dials
    await until(lambda: set(sockets()) <= before and asyncio.all_tasks() == {asyncio.current_task()})


class Deaf:
    """Ignores its deadline and its cancellation until it is released; then it dials all the same."""

    def __init__(self) -> None:
        self.released = asyncio.Event()
        self.cancels = 0
        self.ended = asyncio.Event()

    async def dial(self, address: tuple[str, int], **_: object) -> Any:
        while not self.released.is_set():
            with suppress(asyncio.CancelledError):
                await self.released.wait()
                break
            self.cancels += 1
        opened = await asyncio.open_connection(*address)
        self.ended.set()
        return opened


async def test_dialer_that_ignores_its_cancellation_is_abandoned_and_reported(
    server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    before, dialer = set(sockets()), Deaf()
    options: dict[str, Any] = {"connect_timeout": 0.05, "allow_reconnect": False, "max_reconnect_attempts": 1}
    with caplog.at_level(logging.WARNING):
        error = await failing(
            connect(
                server.url, dialer=dialer, reconnect_time_wait=0, error_cb=Callbacks().options["error_cb"], **options
            )
        )
    assert isinstance(error.__cause__, DialError)
    assert (error.__cause__.cause, "abandoned" in error.__cause__.text) == ("timeout", True)
    assert "the dialer Deaf ignored its cancellation" in caplog.text
    dialer.released.set()  # what it opens now is closed
    await dialer.ended.wait()
    await until(lambda: set(sockets()) <= before)


async def test_cancel_is_not_held_up_by_a_dialer_that_ignores_it(server: NatsServer) -> None:
    dialer = Deaf()
    connecting = asyncio.ensure_future(connect(server.url, dialer=dialer, connect_timeout=FOREVER))
    await asyncio.sleep(0.01)
    connecting.cancel()
    began = time.monotonic()
    await asyncio.wait([connecting], timeout=WAIT)
    assert connecting.cancelled()
    assert time.monotonic() - began < IN_TIME
    dialer.released.set()
    await dialer.ended.wait()
    await asyncio.sleep(0.01)
