"""ws:// and wss:// URLs through the dialer."""

import asyncio
import inspect
import logging
import sys
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from nats.aio.client import Client

from natsmon import DialError, HandshakeError, LoggingTrace, connect
from natsmon.lab.nats_server import HOST
from natsmon.testing import ScriptedServer
from tests.certificates import Certificates
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.peer import Talk, info_line, playing
from tests.library.clients import Callbacks, Notes, echo, failing, reconnect
from tests.protocol import websockets as ws


async def test_ws_goes_through_the_dialer_and_reconnects(nats_server: StartServer) -> None:
    server = await asyncio.to_thread(nats_server, config=ws.listening_on())
    url = f"ws://{HOST}:{ws.port_of(server)}"
    notes, callbacks = Notes(), Callbacks()
    client = await connect(url, trace=notes, reconnect_time_wait=0.02, **callbacks.options)
    await echo(client, b"x" * 200_000)
    await reconnect(client)
    await callbacks.until_called("reconnected")
    await echo(client)
    await client.drain()
    assert notes.calls.count("got_conn") == 2
    assert notes.errors == []


async def test_wss_verifies_the_certificate(nats_server: StartServer, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    server = await asyncio.to_thread(
        nats_server, config=ws.listening_on(inside=certificates.config().replace("\n", " "))
    )
    url = f"wss://localhost:{ws.port_of(server)}"
    notes = Notes()
    client = await connect(url, trace=notes, tls=certificates.trusting())
    await echo(client)
    await client.close()
    assert notes.calls.count("tls_handshake_done") == 1
    error = await failing(
        connect(url, allow_reconnect=False, max_reconnect_attempts=1, reconnect_time_wait=0, **Callbacks().options)
    )
    assert isinstance(error.__cause__, DialError)
    assert error.__cause__.cause == "tls_unknown_ca"


async def test_headers_and_the_query_are_sent() -> None:
    if "ws_connection_headers" not in inspect.signature(Client.connect).parameters:
        pytest.skip("nats-py has headers since 2.12")
    async with ws.speaking(ws.handshake) as peer:
        options: dict[str, Any] = {"ws_connection_headers": {"X-Tenant": ["a", "b"]}}
        client = await connect(f"ws://{peer.authority}/path?tenant=1", **options, **Callbacks().options)
        await client.close()
        await peer.until_left()
    assert "GET /path?tenant=1 HTTP/1.1" in peer.lines
    assert [line for line in peer.lines if line.startswith("X-Tenant")] == ["X-Tenant: a", "X-Tenant: b"]


async def test_server_without_websocket_is_a_failed_handshake() -> None:
    async with peers.http_400() as peer:
        url = peer.url.replace("nats://", "ws://")
        options: dict[str, Any] = {"max_reconnect_attempts": 1, "reconnect_time_wait": 0}
        error = await failing(connect(url, **options, **Callbacks().options), nats.errors.NoServersError)
    assert isinstance(error.__cause__, HandshakeError)
    assert error.__cause__.cause in ("ws_upgrade", "ws_tls", "ws_bad")


@pytest.mark.parametrize("headers", [{"Authorization": ["Bearer hunter2\n"]}, {"A": [5]}, {"a b": ["c"]}, 5])
async def test_header_that_cannot_be_sent_is_refused_before_the_first_dial(headers: Any) -> None:
    if "ws_connection_headers" not in inspect.signature(Client.connect).parameters:
        pytest.skip("nats-py has headers since 2.12")
    async with ScriptedServer() as server:
        options: dict[str, Any] = {"ws_connection_headers": headers, **Callbacks().options}
        with pytest.raises((TypeError, ValueError), match="header") as caught:
            await connect("ws://test", dialer=server, **options)
        assert not server.sessions
        assert "hunter2" not in str(caught.value)


async def test_credentials_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """The package websockets logs every frame and header."""
    with caplog.at_level(logging.DEBUG):
        async with ws.speaking(ws.handshake) as peer:
            options: dict[str, Any] = {"user": "me", "password": "hunter2", "trace": LoggingTrace()}
            client = await connect(f"ws://me:hunter2@{peer.authority}", **options, **Callbacks().options)
            await client.close()
            await peer.until_left()
    assert "hunter2" in peer.received.decode(errors="replace")
    assert "dial complete" in caplog.text
    assert "hunter2" not in caplog.text
    assert "CONNECT {" not in caplog.text


async def test_redirect_shows_no_credentials() -> None:
    async def script(talk: Talk) -> None:
        await talk.until_line(b"\r\n")
        await talk.send(b"HTTP/1.1 301 Moved\r\nLocation: /path/?token=hunter2\r\n\r\n")

    options: dict[str, Any] = {"max_reconnect_attempts": 1, "reconnect_time_wait": 0, **Callbacks().options}
    async with playing(script) as peer:
        for location in ("me:hunter2@", ""):
            error = await failing(connect(f"ws://{location}{peer.authority}/path?token=hunter2", **options))
            assert "hunter2" not in str(error.__cause__)
            assert f"use ws://{peer.authority}/path/?…" in str(error.__cause__)


async def test_discovered_servers_are_dialed_over_websocket() -> None:
    async def script(talk: Any) -> None:
        await talk.send(ws.frame(info_line(talk.peer.port, connect_urls=["10.0.0.1:80"])))
        while b"PING\r\n" not in (await ws.read_frame(talk))[1]:
            pass
        await talk.send(ws.frame(b"PONG\r\n"))
        await talk.until_closed()

    async with ws.speaking(script) as peer:
        client = await connect(f"ws://{peer.authority}", **Callbacks().options)
        assert [server.geturl() for server in client.discovered_servers] == ["ws://10.0.0.1:80"]
        await client.close()


async def test_without_the_extra_it_raises_import_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("natsmon.protocol.websocket", raising=False)
    monkeypatch.setitem(sys.modules, "natsmon.protocol.websocket", None)
    with pytest.raises(ImportError, match=r"pip install 'natsmon\[ws\]'"):
        await connect(f"ws://{HOST}:1")
