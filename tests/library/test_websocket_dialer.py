"""NATS inside a WebSocket of a gateway."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from natsmon import DialError, HandshakeError, WebSocketDialer, connect
from natsmon.lab.nats_server import HOST, NatsServer
from tests.certificates import Certificates
from tests.conftest import StartServer
from tests.dial.test_other_dialers import under_tls
from tests.harness import peers
from tests.harness.peer import Peering, Talk
from tests.harness.time_limits import GROWING
from tests.library.clients import Callbacks, echo, reconnect
from tests.protocol import websockets as ws


def gateway(server: NatsServer) -> Peering:
    """Passes the payload of frames on to a server, and back."""

    async def script(talk: Talk) -> None:
        reader, writer = await asyncio.open_connection(HOST, server.port)

        async def back() -> None:
            while data := await reader.read(60_000):
                await talk.send(ws.frame(data))

        backwards = asyncio.ensure_future(back())
        try:
            while (received := await ws.read_frame(talk))[0] == ws.BINARY:
                writer.write(received[1])
        finally:
            backwards.cancel()
            writer.close()

    return ws.speaking(script)


async def test_gateway_carries_nats_and_reconnects(server: NatsServer) -> None:
    callbacks = Callbacks()
    async with gateway(server) as peer:
        dialer = WebSocketDialer(
            f"ws://{peer.authority}/to/{{host}}?port={{port}}", headers={"Authorization": "Bearer x"}
        )
        client = await connect("nats://a%20b:4333", dialer=dialer, reconnect_time_wait=0, **callbacks.options)
        await echo(client, b"x" * 100_000)
        await reconnect(client)
        await callbacks.until_called("reconnected")
        await echo(client)
        await client.close()
        await peer.until_left()
    assert "GET /to/a%2520b?port=4333 HTTP/1.1" in peer.lines
    assert "Authorization: Bearer x" in peer.lines


async def test_gateway_over_tls(server: NatsServer, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    async with gateway(server) as peer, under_tls(peer, certificates) as port:
        dialer = WebSocketDialer(f"wss://localhost:{port}/", tls=certificates.trusting())
        client = await connect("nats://any", dialer=dialer)
        await echo(client)
        await client.close()
        await peer.until_left()


async def test_tls_with_the_server_is_refused_inside_a_gateway(nats_server: StartServer, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    server = await asyncio.to_thread(nats_server, config=certificates.config())
    async with gateway(server) as peer:
        dialer = WebSocketDialer(f"ws://{peer.authority}/")
        with pytest.raises(DialError) as caught:
            await connect("tls://localhost", dialer=dialer, tls=certificates.trusting(), allow_reconnect=False)
        assert (caught.value.stage, caught.value.cause) == ("tls", "tls_protocol")
        assert caught.value.text == "TLS is not possible on this stream; its dialer can do it (tls_done)"
        await peer.until_left()


async def test_gateway_that_refuses_is_a_failed_dial() -> None:
    async with peers.http_400() as peer:
        with pytest.raises(HandshakeError) as caught:
            await WebSocketDialer(f"ws://{peer.authority}/").dial(("x", 1))
        await peer.until_left()
    assert (caught.value.address, caught.value.proxy, caught.value.hop) == ("x:1", peer.authority, "proxy")


async def test_gateway_that_is_not_there_is_named(refused_port: int) -> None:
    with pytest.raises(DialError) as caught:
        await WebSocketDialer(f"ws://{HOST}:{refused_port}/").dial(("x", 1))
    assert (caught.value.cause, caught.value.address) == ("refused", "x:1")
    assert (caught.value.proxy, caught.value.hop) == (f"{HOST}:{refused_port}", "proxy")


async def test_silent_gateway_ends_at_the_deadline() -> None:
    async with peers.silent() as peer:
        dialer = WebSocketDialer(f"ws://{peer.authority}/")
        for seconds in GROWING:
            with pytest.raises(DialError) as caught:
                await dialer.dial(("x", 1), deadline=asyncio.get_running_loop().time() + seconds)
            if peer.received:
                break
        assert "no answer from the gateway" in caught.value.text
        await peer.until_left()


async def test_tls_of_the_dialer_is_not_repeated(nats_server: StartServer, tmp_path: Path) -> None:
    """As with nats.go's ``SkipTLSHandshake``: the server requires TLS, and TLS-first has happened."""
    certificates = Certificates(tmp_path)
    server = await asyncio.to_thread(
        nats_server, config=certificates.config("handshake_first: true"), speaks_first=False
    )

    class Secure:
        async def dial(self, address: tuple[str, int], **_: object) -> Any:
            from natsmon import Stream

            opened = await asyncio.open_connection(*address, ssl=certificates.trusting())
            return Stream(*opened, tls_done=True)

    for first in (False, True):
        client = await connect(f"tls://{server.authority}", dialer=Secure(), tls_handshake_first=first)
        await echo(client)
        await client.close()
