"""``natsmon.Client``: the nats-py client to use in the place of ``NATS()``."""

import asyncio
import inspect
import time
from typing import Any

import nats.aio.client
import pytest

from natsmon import Client, Dialer, DialError, DialTimeout, connect
from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.library.options import ConnectOptions
from natsmon.testing import ScriptedServer, refuse, silent
from tests.harness import peers
from tests.harness.time_limits import FOREVER, GROWING, IN_TIME, WAIT
from tests.library.clients import Callbacks, Notes, echo, failing


async def test_client_is_used_like_nats_py_s_own(server: NatsServer) -> None:
    notes = Notes()
    client = Client(dialer=Dialer(), trace=notes)
    assert isinstance(client, nats.aio.client.Client)
    await client.connect([server.url], Callbacks().options["error_cb"], name="mine")
    await echo(client)
    await client.close()
    assert "got_conn" in notes.calls


async def test_connect_is_awaited_in_async_with(server: NatsServer) -> None:
    async with await connect(server.url) as client:
        await echo(client)
    assert client.is_closed


def test_options_are_those_of_nats_py() -> None:
    parameters = set(inspect.signature(nats.aio.client.Client.connect).parameters) - {"self", "servers"}
    assert parameters <= set(ConnectOptions.__annotations__)


async def test_deadline_covers_servers_and_retries(refused_port: int, blackhole: int) -> None:
    callbacks, loop = Callbacks(), asyncio.get_running_loop()
    servers = [f"nats://{HOST}:{refused_port}", f"nats://{HOST}:{blackhole}"]
    options: dict[str, Any] = {"reconnect_time_wait": 0.05, "dont_randomize": True, **callbacks.options}
    for seconds in GROWING:
        began = time.monotonic()
        with pytest.raises(DialTimeout) as caught:
            await connect(servers, deadline=loop.time() + seconds, connect_timeout=FOREVER, **options)
        assert time.monotonic() - began < seconds + IN_TIME
        if callbacks.errors:
            break
    assert "not connected: the deadline passed" in caught.value.text
    assert isinstance(caught.value.__cause__, DialError)
    assert callbacks.errors


@pytest.mark.parametrize("seconds", [-1.0, 0.05])
async def test_missed_deadline_names_the_server_and_no_password(seconds: float) -> None:
    async with ScriptedServer(silent) as server:
        for servers in ("nats://me:hunter2@x", ["nats://me:hunter2@x", "nats://hunter2@y"]):
            with pytest.raises(DialTimeout) as caught:
                await connect(servers, dialer=server, deadline=asyncio.get_running_loop().time() + seconds)
            assert "hunter2" not in str(caught.value) + repr(caught.value)
            assert caught.value.address in ("", "x:4222", "y:4222")
            assert ("over at the start" in caught.value.text) is (seconds < 0)


async def test_deadline_during_the_first_dial_names_what_it_waits_for() -> None:
    for seconds in GROWING:
        async with ScriptedServer(silent) as server:
            with pytest.raises(DialTimeout) as caught:
                await connect("nats://x", dialer=server, deadline=asyncio.get_running_loop().time() + seconds)
        assert isinstance(caught.value.__cause__, DialTimeout)
        if caught.value.__cause__.stage == "info":
            break
    assert "the peer accepted and sent no INFO" in caught.value.text


async def test_cancel_ends_a_publish_that_waits_for_a_server_that_reads_nothing(server: NatsServer) -> None:
    """nats-py ignores it, and with it a timeout around the publish."""
    client = await connect(server.url)

    async def publish() -> None:
        while True:
            await client.publish("hello", b"x" * 100_000)

    await asyncio.to_thread(server.stop)
    try:
        publishing = asyncio.ensure_future(publish())
        await asyncio.wait([publishing], timeout=0.5)
        publishing.cancel()
        await asyncio.wait([publishing], timeout=IN_TIME)
        assert publishing.cancelled()
    finally:
        server.cont()
    await client.flush(int(WAIT))
    await echo(client)
    await client.close()


async def test_failure_of_an_earlier_connect_is_no_cause_of_a_later_one() -> None:
    options: dict[str, Any] = {"max_reconnect_attempts": 1, "reconnect_time_wait": 0, **Callbacks().options}
    async with ScriptedServer(refuse) as server:
        client = Client(dialer=server)
        assert isinstance((await failing(client.connect("nats://x", **options))).__cause__, DialError)
        assert (await failing(client.connect([], **options))).__cause__ is None


async def test_connect_timeout_of_none_is_no_limit_as_in_nats_py(server: NatsServer) -> None:
    options: dict[str, Any] = {"connect_timeout": None}
    client = await connect(server.url, **options)
    await echo(client)
    await client.close()


async def test_connect_timeout_of_0_names_the_stage() -> None:
    async with ScriptedServer() as server:
        options: dict[str, Any] = {"connect_timeout": 0, "allow_reconnect": False, "max_reconnect_attempts": 1}
        error = await failing(
            connect("nats://x", dialer=server, reconnect_time_wait=0, **options, **Callbacks().options), Exception
        )
        failure = error if isinstance(error, DialError) else error.__cause__
        assert isinstance(failure, DialTimeout)
        assert failure.text


async def test_deadline_covers_the_handshake() -> None:
    async with peers.info_then_silent() as peer:
        for seconds in GROWING:
            with pytest.raises(DialTimeout):
                await connect(peer.url, deadline=asyncio.get_running_loop().time() + seconds, connect_timeout=FOREVER)
            if peer.connections:
                break
        await peer.until_left()


async def test_deadline_ends_with_the_initial_connect(server: NatsServer) -> None:
    client = await connect(server.url, deadline=asyncio.get_running_loop().time() + IN_TIME)
    await asyncio.sleep(0)
    await echo(client)
    await client.close()
