"""The upgrade to a WebSocket and all that can be wrong with it, on real servers and scripted peers."""

from pathlib import Path

import pytest

from natsmon.config.secret import Secret
from natsmon.config.settings import Server
from natsmon.lab.nats_server import HOST
from natsmon.stream import commands
from natsmon.stream import events as ev
from natsmon.text.plain_text import TEXT_LIMIT
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.listening import listening, settings
from tests.harness.peer import Talk, playing
from tests.harness.time_limits import FOREVER, GROWING, IN_TIME
from tests.protocol import websockets as ws
from tests.protocol.authority import Authority
from tests.protocol.dialing import failure, once
from tests.protocol.test_websocket import until


async def test_silent_upgrade_can_be_cancelled() -> None:
    async with peers.silent() as peer, listening(settings(ws.at(peer), connect_timeout=FOREVER)) as run:
        await peer.until_received(b"\r\n\r\n")
        run.execute(commands.Cancel())
        ended = await run.events.until(ev.DialEnd, within=IN_TIME)
        assert (ended.outcome, ended.stage) == ("cancelled", "info")
        await peer.until_left()


async def test_silent_upgrade_times_out() -> None:
    async with peers.silent() as peer:
        for timeout in GROWING:
            failed = await failure(once(ws.at(peer), connect_timeout=timeout))
            if failed.end.stage == "info":
                break
    assert failed.where == ("info", "timeout")
    assert failed.text == "no answer to the WebSocket upgrade"


async def test_info_never_comes_after_the_upgrade() -> None:
    async with ws.speaking(Talk.until_closed) as peer:
        for timeout in GROWING:
            failed = await failure(once(ws.at(peer), connect_timeout=timeout))
            if "no INFO" in failed.text:
                break
    assert failed.where == ("info", "timeout")
    assert "no INFO" in failed.text


HTTP = b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n"
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


@pytest.mark.parametrize(
    ("answer", "cause", "words"),
    [
        (HTTP % b"404 Not Found", "ws_path", "with 404 Not Found"),
        (HTTP % b"410 Gone", "ws_path", "with 410 Gone"),
        (HTTP % b"403 \x1b[31mno", "ws_origin", "with 403 \\x1b[31mno"),
        (HTTP % b"401 Unauthorized", "ws_credentials", "with 401 Unauthorized"),
        (
            HTTP % b"407 No\r\nProxy-Authenticate: Basic realm=edge",
            "ws_credentials",
            "407 No, Proxy-Authenticate: Basic realm=edge",
        ),
        (HTTP % b"429 Slow Down\r\nRetry-After: 30", "ws_busy", "429 Slow Down, Retry-After: 30"),
        (HTTP % b"502 Bad Gateway", "ws_no_server", "with 502"),
        (HTTP % b"503 Service Unavailable", "ws_no_server", "with 503"),
        (HTTP % b"504 Gateway Timeout", "ws_no_server", "with 504"),
        (HTTP % b"522 X", "ws_no_server", "with 522"),
        (HTTP % b"500 Oops", "ws_upgrade", "with 500 Oops"),
        (HTTP % b"426 Upgrade Required", "ws_upgrade", "with 426"),
        (
            HTTP % b"308 Moved\r\nLocation: https://n.example/",
            "ws_redirect",
            "https://n.example/; use wss://n.example/",
        ),
        (HTTP % b"301 Moved\r\nlocation:http://n.example:80/", "ws_redirect", "; use ws://n.example:80/"),
        (HTTP % b"302 Found\r\nLocation: /login\x1b[31m", "ws_redirect", "it redirects to /login\\x1b[31m"),
        (HTTP % b"200", "ws_upgrade", "with 200"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n<h1>sent to HTTPS port</h1>", "ws_tls", "it requires TLS"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "ws_tls", "in TLS"),
        (UPGRADED + b"\r\n", "ws_bad", "Sec-WebSocket-Accept"),
        (UPGRADED + b"Sec-WebSocket-Accept: bm9wZQ==\r\n\r\n", "ws_bad", "Sec-WebSocket-Accept"),
        (b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", "ws_bad", "Upgrade"),
        (b"HTTP/1.1 101 X\r\n: \r\n\r\n", "ws_bad", "is invalid"),
        (b"HTTP/2 what?\r\n\r\n", "ws_bad", "is invalid"),
        (b"HTTP/1.1 " + b"x" * 200_000, "ws_bad", "does not end"),
        (b"SSH-2.0-OpenSSH_9\r\n", "ws_bad", "it sent 'SSH-2.0-OpenSSH_9'"),
        (b"\r\n\r\n\r\n\r\n", "ws_bad", "does not speak HTTP"),
        (b"HTTP/1.1", "eof", "closed during the WebSocket upgrade"),
        (b"", "eof", "closed during the WebSocket upgrade"),
    ],
)
async def test_refused_upgrade_has_its_status(answer: bytes, cause: str, words: str) -> None:
    async def script(talk: Talk) -> None:
        await talk.until_line(b"\r\n")
        await talk.send(answer)

    async with playing(script) as peer:
        failed = await failure(once(ws.at(peer), password=Secret("planted"), user=Secret("joe")))
        assert b"planted" not in peer.received
        assert b"Authorization" not in peer.received
    assert failed.where == ("info", cause)
    assert words in failed.text


@pytest.mark.parametrize(
    "answer",
    [
        HTTP % b"302 Found\r\nLocation: /" + b"\xe2\x80\xae" * 4000,
        HTTP % b"429 Slow\r\nRetry-After: " + b"\x1b" * 4000,
        HTTP % b"500 " + b"\xe2\x80\xae" * 4000,
    ],
)
async def test_text_of_a_refused_upgrade_is_bounded_as_it_is_shown(answer: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.until_line(b"\r\n")
        await talk.send(answer)

    async with playing(script) as peer:
        failed = await failure(once(ws.at(peer)))
    assert len(failed.text) < 3 * TEXT_LIMIT


@pytest.mark.parametrize("header", [b"", b"\r\nLocation:", b"\r\nLocation: "])
async def test_redirect_without_location_names_no_address(header: bytes) -> None:
    async def script(talk: Talk) -> None:
        await talk.until_line(b"\r\n")
        await talk.send(HTTP % (b"307 Somewhere" + header))

    async with playing(script) as peer:
        failed = await failure(once(ws.at(peer)))
    assert failed.where == ("info", "ws_upgrade")
    assert failed.text.endswith("with 307 Somewhere: a redirect that names no address")
    assert not failed.logs("dial the address it names")


async def test_upgrade_on_another_port_of_the_server_is_recognized(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=f'http: "{HOST}:-1"\n{ws.listening_on(inside=ca.server_config(HOST))}')
    plain, secure = Server(HOST, server.port, "ws"), ws.address(server)
    assert (await failure(once(plain))).where == ("info", "ws_nats_port")
    failed = await failure(once(secure))
    assert failed.where == ("info", "ws_tls")
    assert failed.logs("400 Bad Request", "use wss://")
    failed = await failure(once(Server(HOST, server.port, "wss"), tlsca=ca.file))
    assert failed.where == ("tls", "ws_no_tls")


async def test_upgrade_on_the_monitoring_port_is_recognized(nats_server: StartServer) -> None:
    server = nats_server(config=f'http: "{HOST}:-1"')
    (file,) = server.folder.glob("*.ports")
    port = int(file.read_text().partition('"monitoring":')[2].split('"')[1].rpartition(":")[2])
    assert (await failure(once(Server(HOST, port, "ws")))).where == ("info", "monitoring_port")


async def test_wss_to_a_port_in_clear(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ws.listening_on())
    failed = await failure(once(ws.address(server, "wss"), tlsca=ca.file))
    assert failed.where == ("tls", "ws_no_tls")
    assert failed.logs("use ws://")


async def test_certificate_that_is_not_trusted(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ws.listening_on(inside=ca.server_config(HOST)))
    failed = await failure(once(ws.address(server, "wss")))
    assert failed.where == ("tls", "tls_unknown_ca")
    assert failed.logs("--tlsca")
    assert "acme" in failed.certificate.issuer


async def test_client_certificate_is_missing_or_refused(
    nats_server: StartServer, ca: Authority, tmp_path: Path
) -> None:
    """In TLS 1.3 the server refuses after the handshake, where the answer to the upgrade is due."""
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


async def test_refused_credentials_are_reported_before_the_close(nats_server: StartServer) -> None:
    """The server's -ERR comes in one packet with its close frame."""
    server = nats_server(config=f"authorization {{ user: joe, password: secret }}\n{ws.listening_on()}")
    assert (await failure(once(ws.address(server)))).where == ("connect", "auth_missing")
    async with listening(settings(ws.address(server), user=Secret("joe"), password=Secret("secret"))) as run:
        await until(run)
