"""A connection over WebSocket: what works on it, what ends it, and its URLs."""

import asyncio
import sys
import time
from typing import Any

import pytest

from natsmon.config.secret import Secret
from natsmon.config.server_urls import BadURL, parse_server, parse_servers
from natsmon.config.settings import MAX_RATE, Server
from natsmon.lab.nats_server import HOST
from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from natsmon.wording.cause_table import diagnose
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.listening import Listening, freeze, listening, settings
from tests.harness.peer import Talk, info_line
from tests.harness.time_limits import FOREVER, IN_TIME
from tests.protocol import websockets as ws
from tests.protocol.authority import Authority
from tests.protocol.dialing import failure, once


def stages(run: Listening) -> list[ev.Stage]:
    """Those that were completed, in their order."""
    emitted = run.events.of(ev.DialStage)
    return [each.stage for each in emitted if each.outcome == "complete" and (each.stage == "dns" or not each.address)]


async def until(connected: Listening) -> ev.Connected:
    event = await connected.events.until(ev.Connected)
    await connected.events.until(ev.Echoed)
    return event


# -- what works -------------------------------------------------------------------------------------


@pytest.mark.parametrize("inside", ["no_tls: true", "no_tls: true, compression: true"])
async def test_connected(nats_server: StartServer, inside: str) -> None:
    server = nats_server(config=ws.listening_on(inside=inside))
    async with listening(settings(ws.address(server))) as run:
        connected = await until(run)
        await run.events.until(ev.Rtt)
        await run.events.until(ev.Rtt)
    assert connected.server == f"ws://{HOST}:{ws.port_of(server)}"
    assert connected.tls == ""
    assert stages(run) == ["dns", "tcp", "info", "connect"]
    (drained,) = run.events.of(ev.Drained)
    assert drained.complete


async def test_connected_under_tls(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ws.listening_on(inside=ca.server_config(HOST)))
    async with listening(settings(ws.address(server, "wss"), tlsca=ca.file)) as run:
        connected = await until(run)
        await run.events.until(ev.Rtt)
    assert connected.tls == "TLSv1.3"
    assert stages(run) == ["dns", "tcp", "tls", "info", "connect"]
    (agreed,) = run.events.of(ev.DialTls)
    assert agreed.chain[0].names == [HOST]
    assert run.events.of(ev.Drained)[0].complete


async def test_setting_that_asks_for_tls_is_kept_to(nats_server: StartServer, ca: Authority) -> None:
    """Nothing leaves in clear where the user named a CA, as for nats://."""
    server = nats_server(config=ws.listening_on(inside=ca.server_config(HOST)))
    async with listening(settings(ws.address(server), tlsca=ca.file)) as run:
        assert (await until(run)).tls


async def test_reconnects(nats_server: StartServer) -> None:
    server = nats_server(config=ws.listening_on())
    quiet = {"interval": 60.0, "rtt_interval": 60.0}  # what the server has not read yet would cost us its error
    wanted = settings(ws.address(server), **quiet)
    server.config = ws.listening_on(ws.port_of(server))
    async with listening(wanted) as run:
        await until(run)
        server.kill()
        lost = await run.events.until(ev.Disconnected)
        assert lost.cause in ("eof", "reset")
        await asyncio.to_thread(server.start)
        await run.events.until(ev.Reconnected)
        run.execute(commands.Publish())
        await run.events.until(ev.Echoed)
        for _ in range(5):  # TCP drops the last data where anything of ours, be it an UNSUB, comes too late
            await asyncio.to_thread(server.terminate)
            lost = await run.events.until(ev.Disconnected)
            if lost.cause == "shutdown":
                break
            await asyncio.to_thread(server.start)
            await run.events.until(ev.Reconnected)
        assert lost.cause == "shutdown"
        assert lost.text == "the server closed the WebSocket: Server Shutdown (1001)"


async def test_discovers_the_websocket_ports_of_a_cluster(nats_server: StartServer) -> None:
    one = nats_server(name="one", cluster="c", config=ws.listening_on())
    two = nats_server(name="two", cluster="c", config=ws.listening_on(), routes=(one,))
    async with listening(settings(ws.address(one))) as run:
        found = await run.events.until(ev.Discovered)
        assert found.servers == [ws.address(two).url]
        await asyncio.to_thread(one.kill)
        await run.events.until(ev.Reconnected, lambda event: event.after == ws.address(two).url)
        await run.events.until(ev.Echoed)


@pytest.mark.parametrize("scheme", ["ws", "wss"])
async def test_large_messages(nats_server: StartServer, ca: Authority, scheme: str) -> None:
    inside = "no_tls: true" if scheme == "ws" else ca.server_config(HOST)
    server = nats_server(config=ws.listening_on(inside=inside))
    tlsca = ca.file if scheme == "wss" else ""
    large = {"payload": b"x" * 200_000, "interval": MAX_RATE, "count": 200}
    wanted = settings(ws.address(server, scheme), tlsca=tlsca, **large)
    async with listening(wanted, stay=False) as run:
        assert await run.ended() == 0
    assert run.events.last_tally.delivered == 200


async def test_throughput_beside_plain(nats_server: StartServer, capsys: pytest.CaptureFixture[str]) -> None:
    server = nats_server(config=ws.listening_on())
    rates = {}  # by CPU time, which the server's speed and a stop of this process do not change
    for address in (server.url, ws.address(server)):
        wanted = settings(address, interval=MAX_RATE, count=20_000)
        began = time.process_time()
        async with listening(wanted, stay=False) as run:
            await run.ended()
        assert run.events.last_tally.delivered == 20_000
        rates[str(address)[:4]] = 20_000 / (time.process_time() - began)
    with capsys.disabled():
        sys.stdout.write(f"\n  plain {rates['nats']:,.0f} msg/s, ws {rates['ws:/']:,.0f} msg/s ")
    assert rates["ws:/"] > rates["nats"] / 10


async def test_upgrade_sends_path_and_host() -> None:
    async with ws.speaking(ws.handshake) as peer:
        async with listening(settings(f"ws://localhost:{peer.port}/nats/eu")) as run:
            await run.events.until(ev.Connected)
        assert peer.lines[0] == "GET /nats/eu HTTP/1.1"
        assert f"Host: localhost:{peer.port}" in peer.lines


async def test_close_does_not_wait_for_a_frozen_server(nats_server: StartServer) -> None:
    server = nats_server(config=ws.listening_on())
    wanted = settings(ws.address(server), interval=MAX_RATE, payload=b"x" * 10_000, drain_timeout=FOREVER)
    try:
        async with listening(wanted) as run:
            await run.events.until(ev.Connected)
            await freeze(server)
            await asyncio.sleep(0.3)
            run.execute(commands.Reconnect())
            await run.events.until(ev.Disconnected, within=IN_TIME)
            await run.events.until(ev.DialStart)
    finally:
        server.cont()


# -- what ends it -----------------------------------------------------------------------------------


async def lost(script: Any) -> ev.Disconnected:
    """How a connection ends whose peer shakes hands and then plays the script."""

    async def shaking(talk: Talk) -> None:
        await ws.handshake(talk)
        await script(talk)

    async with ws.speaking(shaking) as peer, listening(settings(ws.at(peer), reconnect_wait=60.0)) as run:
        await run.events.until(ev.Connected)
        return await run.events.until(ev.Disconnected)


@pytest.mark.parametrize(
    ("sent", "cause", "text"),
    [
        (
            ws.close_frame(1008, "Slow Consumer (Pending Bytes)"),
            "slow_consumer",
            "Slow Consumer (Pending Bytes) (1008)",
        ),
        (ws.close_frame(1012, "\x1b[31mbye"), "ws_closed", "closed the WebSocket: \\x1b[31mbye (1012)"),
        (ws.close_frame(1001), "ws_closed", "the server closed the WebSocket (1001)"),
        (ws.frame(b"", ws.CLOSE), "ws_closed", "the server closed the WebSocket (1005)"),
        (
            ws.frame(b"+OK\r\n", fin=False) + ws.close_frame(1001, "Stale Connection"),
            "stale_client",
            "Stale Connection",
        ),
        (ws.frame(b"-ERR 'Stale Connection'\r\n") + ws.close_frame(1001, "bye"), "stale_client", "Stale Connection"),
        (b"\x83\x00", "ws_bad", "not a WebSocket frame: invalid opcode"),
        (b"\x82\x80", "ws_bad", "incorrect masking"),
        (b"\xc2\x00", "ws_bad", "reserved bits"),
        (b"\x80\x00", "ws_bad", "continuation"),
        (b"\x82\x7f\x7f" + b"\xff" * 7, "ws_bad", "limit"),
        (ws.frame(b"what?\r\n"), "protocol", ""),
    ],
)
async def test_websocket_end_has_its_cause(sent: bytes, cause: str, text: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.send(sent)
        await talk.until_closed()

    emitted = await lost(script)
    assert emitted.cause == cause
    assert text in emitted.text
    assert diagnose(None, cause) != diagnose(None, "unknown")


@pytest.mark.parametrize("shakes_hands", [True, False])
async def test_close_that_repeats_the_password_is_not_shown(shakes_hands: bool) -> None:
    async def script(talk: Talk) -> None:
        if shakes_hands:
            await ws.handshake(talk)
        else:
            await talk.send(ws.frame(info_line(talk.peer.port, auth_required=True)))
            await ws.read_frame(talk)
        await talk.send(ws.close_frame(1008, "bye joe, you with your sesame-opens"))
        await talk.until_closed()

    async with ws.speaking(script) as peer:
        wanted = once(ws.at(peer), user=Secret("joe"), password=Secret("sesame-opens"), reconnect_wait=60.0)
        async with listening(wanted) as run:
            emitted = await run.events.until(ev.Disconnected if shakes_hands else ev.DialEnd)
    assert isinstance(emitted, ev.Disconnected | ev.DialEnd)
    assert "repeats one of your secrets" in emitted.text
    assert b"sesame" not in b"".join(map(codec.encode, run.events.seen))


async def test_websocket_that_ends_without_close_is_eof() -> None:
    async def half_closed(talk: Talk) -> None:  # closed whole, it would be a reset if anything was unread
        talk.writer.write_eof()
        await talk.until_closed()

    assert (await lost(half_closed)).cause == "eof"

    async def rude(talk: Talk) -> None:
        talk.reset()

    assert (await lost(rude)).cause == "reset"


# -- URLs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("ws://h", Server("h", 80, "ws")),
        ("WSS://h/", Server("h", 443, "wss")),
        ("ws://u:p@[::1]:8080/nats", Server("::1", 8080, "ws", path="/nats")),
        ("wss://h/a/b%20c/", Server("h", 443, "wss", path="/a/b%20c/")),
    ],
)
def test_websocket_url_is_dialed(text: str, server: Server) -> None:
    assert parse_server(text) == server
    assert parse_servers([text])[0] == (server,)
    assert parse_server(server.url) == server
    assert server.websocket


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(BadURL, match=r"wss:// needs .* pip install websockets"):
        parse_servers(["wss://joe:secret@h"])
    assert parse_servers(["nats://h"])


async def test_dial_without_websockets_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("natsmon.protocol.websocket")
    monkeypatch.setitem(sys.modules, "natsmon.protocol.websocket", None)
    async with peers.silent() as peer:
        failed = await failure(once(ws.at(peer)))
    assert failed.where == ("info", "ws_missing")
    assert failed.logs("pip install websockets")
