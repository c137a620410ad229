"""WebSocket: the upgrade and what can be wrong with it, on real servers and scripted peers."""

import asyncio
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from natsmon import events as ev
from natsmon.diagnosis import diagnose
from natsmon.sandbox.server import HOST
from natsmon.servers import BadURL, parse_server, parse_servers
from natsmon.settings import MAX_RATE, Secret, Server, Settings
from tests import peers
from tests.conftest import StartServer
from tests.dial import websockets as ws
from tests.dial.authority import Authority
from tests.dial.dialing import failure
from tests.listening import Listening, freeze, listening, settings
from tests.peer import Talk, info_line, playing


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "acme")


def once(server: str | Server, **changes: Any) -> Settings:
    return settings(server, retry_on_failed_connect=False, **changes)


def stages(run: Listening) -> list[ev.Stage]:
    """Those that were completed, in their order."""
    told = run.events.of(ev.DialStage)
    return [each.stage for each in told if each.outcome == "complete" and (each.stage == "dns" or not each.address)]


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


async def test_a_setting_that_asks_for_tls_is_kept_to(nats_server: StartServer, ca: Authority) -> None:
    """Nothing leaves in clear where the user named a CA, as for nats://."""
    server = nats_server(config=ws.listening_on(inside=ca.server_config(HOST)))
    async with listening(settings(ws.address(server), tlsca=ca.file)) as run:
        assert (await until(run)).tls


async def test_reconnects(nats_server: StartServer) -> None:
    server = nats_server(config=ws.listening_on())
    quiet = {"interval": 60.0, "rtt_interval": 60.0}  # what the server has not read yet would cost us its last words
    wanted = settings(ws.address(server), **quiet)
    server.config = ws.listening_on(ws.port_of(server))
    async with listening(wanted) as run:
        await until(run)
        server.kill()
        lost = await run.events.until(ev.Disconnected)
        assert lost.cause in ("eof", "reset")
        await asyncio.to_thread(server.start)
        await run.events.until(ev.Reconnected)
        run.obey(ev.Publish())
        await run.events.until(ev.Echoed)
        for _ in range(5):  # TCP drops the last words where anything of ours, be it an UNSUB, comes too late
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
    wanted = settings(ws.address(server, scheme), tlsca=tlsca, drain_timeout=30.0, **large)
    async with listening(wanted, stay=False) as run:
        assert await run.ended() == 0
    assert run.events.last_tally.echoed == 200


async def test_throughput_beside_plain(nats_server: StartServer, capsys: pytest.CaptureFixture[str]) -> None:
    server = nats_server(config=ws.listening_on())
    rates = {}
    for address in (server.url, ws.address(server)):
        wanted = settings(address, interval=MAX_RATE, count=20_000)
        async with listening(wanted, stay=False) as run:
            await run.ended()
        assert run.events.last_tally.echoed == 20_000
        rates[str(address)[:4]] = 20_000 / (run.events.of(ev.Drained)[0].t - run.events.of(ev.Connected)[0].t)
    with capsys.disabled():
        sys.stdout.write(f"\n  plain {rates['nats']:,.0f} msg/s, ws {rates['ws:/']:,.0f} msg/s ")
    assert rates["ws:/"] > rates["nats"] / 10


async def test_the_path_and_the_host_are_told() -> None:
    async with ws.speaking(ws.handshake) as peer:
        async with listening(settings(f"ws://localhost:{peer.port}/nats/eu")) as run:
            await run.events.until(ev.Connected)
        assert peer.lines[0] == "GET /nats/eu HTTP/1.1"
        assert f"Host: localhost:{peer.port}" in peer.lines


async def test_a_frozen_server_holds_nothing_up(nats_server: StartServer) -> None:
    server = nats_server(config=ws.listening_on())
    wanted = settings(ws.address(server), interval=MAX_RATE, payload=b"x" * 10_000, drain_timeout=0.2)
    try:
        async with listening(wanted) as run:
            await run.events.until(ev.Connected)
            await freeze(server)
            await asyncio.sleep(0.3)
            run.obey(ev.Reconnect())
            began = time.monotonic()
            await run.events.until(ev.Disconnected)
            assert time.monotonic() - began < 0.2
            await run.events.until(ev.DialStart)
    finally:
        server.cont()


# -- what does not: the upgrade ---------------------------------------------------------------------


async def test_a_silent_upgrade_can_be_cancelled() -> None:
    async with peers.silent() as peer, listening(settings(ws.at(peer))) as run:
        await peer.until_received(b"\r\n\r\n")
        began = time.monotonic()
        run.obey(ev.Cancel())
        ended = await run.events.until(ev.DialEnd)
        assert time.monotonic() - began < 0.1
        assert (ended.outcome, ended.stage) == ("cancelled", "info")
        await peer.until_left()


async def test_a_silent_upgrade() -> None:
    async with peers.silent() as peer:
        failed = await failure(once(ws.at(peer), connect_timeout=0.2))
    assert failed.where == ("info", "timeout")
    assert failed.text == "no answer to the WebSocket upgrade"


async def test_info_never_comes_after_the_upgrade() -> None:
    async with ws.speaking(Talk.until_closed) as peer:
        failed = await failure(once(ws.at(peer), connect_timeout=0.2))
    assert failed.where == ("info", "timeout")
    assert "no INFO" in failed.text


HTTP = b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.mark.parametrize(
    ("answer", "cause", "words"),
    [
        (HTTP % b"404 Not Found", "ws_upgrade", "with 404 Not Found"),
        (HTTP % b"403 \x1b[31mno", "ws_upgrade", "with 403 \\x1b[31mno"),
        (HTTP % b"200", "ws_upgrade", "with 200"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n<h1>sent to HTTPS port</h1>", "ws_tls", "it wants TLS"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "ws_tls", "in TLS"),
        (UPGRADED + b"\r\n", "ws_bad", "Sec-WebSocket-Accept"),
        (UPGRADED + b"Sec-WebSocket-Accept: bm9wZQ==\r\n\r\n", "ws_bad", "Sec-WebSocket-Accept"),
        (b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "ws_bad", "Upgrade"),
        (b"HTTP/1.1 101 X\r\n: \r\n\r\n", "ws_bad", "makes no sense"),
        (b"HTTP/2 what?\r\n\r\n", "ws_bad", "makes no sense"),
        (b"HTTP/1.1 " + b"x" * 200_000, "ws_bad", "does not end"),
        (b"SSH-2.0-OpenSSH_9\r\n", "ws_bad", "it said 'SSH-2.0-OpenSSH_9'"),
        (b"\r\n\r\n\r\n\r\n", "ws_bad", "does not speak HTTP"),
        (b"HTTP/1.1", "eof", "closed during the WebSocket upgrade"),
        (b"", "eof", "closed during the WebSocket upgrade"),
    ],
)
async def test_a_refused_upgrade(answer: bytes, cause: str, words: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.until_line(b"\r\n")
        await talk.send(answer)

    async with playing(script) as peer:
        failed = await failure(once(ws.at(peer), password=Secret("planted"), user=Secret("joe")))
        assert b"planted" not in peer.received
        assert b"Authorization" not in peer.received
    assert failed.where == ("info", cause)
    assert words in failed.text


async def test_the_servers_other_ports(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=f'http: "{HOST}:-1"\n{ws.listening_on(inside=ca.server_config(HOST))}')
    plain, secure = Server(HOST, server.port, "ws"), ws.address(server)
    assert (await failure(once(plain))).where == ("info", "ws_nats_port")
    failed = await failure(once(secure))
    assert failed.where == ("info", "ws_tls")
    assert failed.told("400 Bad Request", "try wss://")
    failed = await failure(once(Server(HOST, server.port, "wss"), tlsca=ca.file))
    assert failed.where == ("tls", "ws_no_tls")


async def test_the_monitoring_port(nats_server: StartServer) -> None:
    server = nats_server(config=f'http: "{HOST}:-1"')
    (file,) = server.folder.glob("*.ports")
    port = int(file.read_text().partition('"monitoring":')[2].split('"')[1].rpartition(":")[2])
    assert (await failure(once(Server(HOST, port, "ws")))).where == ("info", "monitoring_port")


async def test_wss_to_a_port_in_clear(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ws.listening_on())
    failed = await failure(once(ws.address(server, "wss"), tlsca=ca.file))
    assert failed.where == ("tls", "ws_no_tls")
    assert failed.told("try ws://")


async def test_a_certificate_that_is_not_trusted(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ws.listening_on(inside=ca.server_config(HOST)))
    failed = await failure(once(ws.address(server, "wss")))
    assert failed.where == ("tls", "tls_unknown_ca")
    assert failed.told("--tlsca")
    assert "acme" in failed.certificate.issuer


async def test_a_client_certificate_is_missing_or_refused(
    nats_server: StartServer, ca: Authority, tmp_path: Path
) -> None:
    """In TLS 1.3 the server says so after the handshake: to the upgrade."""
    server = nats_server(config=ws.listening_on(inside=ca.server_config(HOST, more="verify: true")))
    address = ws.address(server, "wss")
    for _ in range(5):
        failed = await failure(once(address, tlsca=ca.file))
        assert failed.end.cause == "tls_client_certificate_missing"
    certificate, key = Authority(tmp_path, "other").issue("client.example")
    failed = await failure(once(address, tlsca=ca.file, tlscert=certificate, tlskey=key))
    assert failed.end.cause == "tls_client_certificate_refused"
    certificate, key = ca.issue("client.example")
    async with listening(settings(address, tlsca=ca.file, tlscert=certificate, tlskey=key)) as run:
        await until(run)


async def test_refused_credentials_are_told_and_not_only_the_close(nats_server: StartServer) -> None:
    """The server's -ERR comes in one packet with its close frame."""
    server = nats_server(config=f"authorization {{ user: joe, password: secret }}\n{ws.listening_on()}")
    assert (await failure(once(ws.address(server)))).where == ("connect", "auth_missing")
    async with listening(settings(ws.address(server), user=Secret("joe"), password=Secret("secret"))) as run:
        await until(run)


# -- what does not: an open connection --------------------------------------------------------------


async def lost(script: Any) -> ev.Disconnected:
    """How a connection ends whose peer shakes hands and then plays the script."""

    async def shaking(talk: Talk) -> None:
        await ws.handshake(talk)
        await script(talk)

    async with ws.speaking(shaking) as peer, listening(settings(ws.at(peer), reconnect_wait=60.0)) as run:
        await run.events.until(ev.Connected)
        return await run.events.until(ev.Disconnected)


@pytest.mark.parametrize(
    ("said", "cause", "text"),
    [
        (
            ws.close_frame(1008, "Slow Consumer (Pending Bytes)"),
            "slow_consumer",
            "Slow Consumer (Pending Bytes) (1008)",
        ),
        (ws.close_frame(1012, "\x1b[31mbye"), "ws_closed", "closed the WebSocket: \\x1b[31mbye (1012)"),
        (ws.close_frame(1001), "ws_closed", "the server closed the WebSocket (1001)"),
        (ws.frame(b"", ws.CLOSE), "ws_closed", "the server closed the WebSocket (1005)"),
        (ws.frame(b"+OK\r\n", fin=False) + ws.close_frame(1001, "Stale Connection"), "stale", "Stale Connection"),
        (ws.frame(b"-ERR 'Stale Connection'\r\n") + ws.close_frame(1001, "bye"), "stale", "stale connection"),
        (b"\x83\x00", "ws_bad", "not a WebSocket frame: invalid opcode"),
        (b"\x82\x80", "ws_bad", "incorrect masking"),
        (b"\xc2\x00", "ws_bad", "reserved bits"),
        (b"\x80\x00", "ws_bad", "continuation"),
        (b"\x82\x7f\x7f" + b"\xff" * 7, "ws_bad", "limit"),
        (ws.frame(b"what?\r\n"), "protocol", ""),
    ],
)
async def test_what_ends_it(said: bytes, cause: str, text: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.send(said)
        await talk.until_closed()

    told = await lost(script)
    assert told.cause == cause
    assert text in told.text
    assert diagnose(None, cause) != diagnose(None, "unknown")


@pytest.mark.parametrize("shakes_hands", [True, False])
async def test_a_close_that_repeats_the_password_is_not_shown(shakes_hands: bool) -> None:
    async def script(talk: Talk) -> None:
        if shakes_hands:
            await ws.handshake(talk)
        else:
            await talk.send(ws.frame(info_line(talk.peer.port, auth_required=True)))
            await ws.heard(talk)
        await talk.send(ws.close_frame(1008, "bye joe, you with your sesame-opens"))
        await talk.until_closed()

    async with ws.speaking(script) as peer:
        wanted = once(ws.at(peer), user=Secret("joe"), password=Secret("sesame-opens"), reconnect_wait=60.0)
        async with listening(wanted) as run:
            told = await run.events.until(ev.Disconnected if shakes_hands else ev.DialEnd)
    assert isinstance(told, ev.Disconnected | ev.DialEnd)
    assert "repeats a secret" in told.text
    assert b"sesame" not in b"".join(map(ev.encode, run.events.seen))


async def test_it_ends_without_a_word() -> None:
    async def script(talk: Talk) -> None:
        pass

    assert (await lost(script)).cause == "eof"

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
def test_a_url(text: str, server: Server) -> None:
    assert parse_server(text) == server
    assert parse_servers([text])[0] == (server,)
    assert parse_server(server.url) == server
    assert server.websocket


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    with pytest.raises(BadURL, match=r"wss:// needs .* pip install 'natsmon\[ws\]'"):
        parse_servers(["wss://joe:secret@h"])
    assert parse_servers(["nats://h"])


async def test_without_the_extra_a_dial_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("natsmon.dial.websocket")
    monkeypatch.setitem(sys.modules, "natsmon.dial.websocket", None)
    async with peers.silent() as peer:
        failed = await failure(once(ws.at(peer)))
    assert failed.where == ("info", "ws_missing")
    assert failed.told("pip install 'natsmon[ws]'")
