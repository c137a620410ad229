"""``natsmon.testing.RelayDialer``, as other programs use it."""

import asyncio
import math
import threading
from pathlib import Path
from typing import Any

import pytest

from natsmon import DialRefused, connect
from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.testing import RelayDialer
from tests.certificates import Certificates
from tests.conftest import StartServer
from tests.harness.time_limits import WAIT
from tests.library.clients import Callbacks, echo


async def test_connection_that_is_reset_is_dialed_again_through_the_relay(server: NatsServer) -> None:
    callbacks = Callbacks()
    with RelayDialer() as network:
        client = await connect(server.url, dialer=network, reconnect_time_wait=0, **callbacks.options)
        relay = network.relay(HOST, server.port)
        assert relay.connections == 1
        await echo(client)
        await asyncio.to_thread(relay.reset)
        await callbacks.until_called("reconnected")
        await echo(client)
        await client.close()


async def test_what_is_held_back_arrives_after_heal(server: NatsServer) -> None:
    with RelayDialer() as network:
        client = await connect(server.url, dialer=network)
        relay = network.relay(HOST, server.port)
        await asyncio.to_thread(relay.stall, "down")
        flushing = asyncio.ensure_future(client.flush(int(WAIT)))
        await asyncio.wait([flushing], timeout=0.05)
        assert not flushing.done()
        await asyncio.to_thread(relay.heal)
        await flushing
        await client.close()


async def test_fault_before_the_first_dial(server: NatsServer) -> None:
    with RelayDialer() as network:
        await asyncio.to_thread(network.relay(HOST, server.port).refuse)
        with pytest.raises(DialRefused) as caught:
            await network.dial((HOST, server.port))
        assert caught.value.address == server.authority


async def test_wrong_argument_of_a_fault_is_refused_at_once(server: NatsServer) -> None:
    with RelayDialer() as network:
        client = await connect(server.url, dialer=network)
        relay: Any = network.relay(HOST, server.port)
        for fault, argument in (
            (relay.stall, "sideways"), (relay.delay, -1), (relay.delay, math.nan), (relay.drip, "up"),
            (relay.reset_after, -1),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=r"a direction is|0 or more"):
                fault(argument)
        await echo(client)
        await client.close()


async def test_dials_at_once_share_the_relay(server: NatsServer) -> None:
    with RelayDialer() as network:
        streams = await asyncio.gather(*(network.dial((HOST, server.port)) for _ in range(8)))
        assert len([thread for thread in threading.enumerate() if thread.name == "relay"]) == 1
        assert {stream.address for stream in streams} == {server.authority}
        for stream in streams:
            stream.writer.close()


async def test_dial_after_the_end_starts_no_relay(server: NatsServer) -> None:
    with RelayDialer() as network:
        (await network.dial((HOST, server.port))).writer.close()
    with pytest.raises(DialRefused, match="closed"):
        await network.dial((HOST, server.port))
    assert not [thread for thread in threading.enumerate() if thread.name == "relay"]


async def test_each_server_has_a_relay_also_by_name_and_under_tls(
    server: NatsServer, nats_server: StartServer, tmp_path: Path
) -> None:
    certificates = Certificates(tmp_path)
    secure = await asyncio.to_thread(nats_server, config=certificates.config())
    with RelayDialer() as network:
        for url, tls in ((server.url, None), (f"tls://localhost:{secure.port}", certificates.trusting())):
            client = await connect(url, dialer=network, tls=tls)
            await echo(client)
            await client.close()
        assert network.relay(HOST, server.port) is not network.relay("localhost", secure.port)


async def test_end_resets_the_connections(server: NatsServer) -> None:
    with RelayDialer() as network:
        stream = await network.dial((HOST, server.port))
        await stream.reader.readuntil(b"\n")
    with pytest.raises(ConnectionResetError):
        await stream.reader.read()
    stream.writer.close()
