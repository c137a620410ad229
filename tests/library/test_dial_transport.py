"""What ends well over our transport, and does not over nats-py's own."""

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats.errors
import pytest
from nats.aio.msg import Msg

from natsmon import DialError, DialTrace, connect
from natsmon.lab.nats_server import NatsServer
from tests.certificates import Certificates
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.peer import Peering, Talk, info_line, playing
from tests.harness.time_limits import FOREVER, GROWING, IN_TIME
from tests.library.clients import Callbacks, Notes, echo, failing


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@pytest.mark.parametrize("wrong", ["ca", "name"])
async def test_certificate_that_cannot_be_trusted_ends_the_attempt(
    wrong: str, certificates: Certificates, nats_server: StartServer
) -> None:
    server = await asyncio.to_thread(nats_server, config=certificates.config())
    notes, callbacks = Notes(), Callbacks()
    context = ssl.create_default_context() if wrong == "ca" else certificates.trusting()
    name = "localhost" if wrong == "ca" else "other.example"
    options: dict[str, Any] = {"tls": context, "tls_hostname": name, "trace": notes}
    error = await failing(
        connect(server.url, **options, max_reconnect_attempts=1, reconnect_time_wait=0.05, **callbacks.options)
    )
    assert isinstance(error.__cause__, DialError)
    assert error.__cause__.cause == ("tls_unknown_ca" if wrong == "ca" else "tls_wrong_name")
    assert notes.calls.count("tls_handshake_done") == 2
    assert sum(isinstance(error, DialError) and error.stage == "tls" for error in callbacks.errors) == 2
    error = await failing(connect(server.url, **options, allow_reconnect=False, **callbacks.options), DialError)
    assert isinstance(error.__cause__, ssl.SSLCertVerificationError)


async def test_certificate_that_becomes_invalid_is_reported(
    certificates: Certificates, nats_server: StartServer, tmp_path: Path
) -> None:
    server = await asyncio.to_thread(nats_server, config=certificates.config())
    trusted, callbacks = certificates.trusting(), Callbacks()
    client = await connect(
        server.url, tls=trusted, reconnect_time_wait=0.05, max_reconnect_attempts=1, **callbacks.options
    )
    await asyncio.to_thread(server.kill)
    Certificates(tmp_path)
    await asyncio.to_thread(server.start)
    await callbacks.until_called("closed")
    assert client.is_closed


async def test_stalled_tls_handshake_ends_in_time() -> None:
    async def script(talk: Talk) -> None:
        await talk.info(tls_required=True)
        await talk.until_closed()

    options: dict[str, Any] = {"max_reconnect_attempts": 1, "reconnect_time_wait": 0.05, **Callbacks().options}
    async with playing(script) as peer:
        for timeout in GROWING:
            began = time.monotonic()
            failed = await failing(connect(peer.url, connect_timeout=timeout, **options), within=3 * IN_TIME)
            assert time.monotonic() - began < 2 * timeout + IN_TIME
            assert isinstance(failed.__cause__, DialError)
            found = failed.__cause__.stage, failed.__cause__.cause
            if found[0] == "tls":
                break
        await peer.until_left()
    assert found == ("tls", "timeout")


async def test_tls_url_sends_no_plaintext() -> None:
    async with peers.correct() as peer:
        url = f"tls://me:secret@{peer.authority}"
        error = await failing(connect(url, allow_reconnect=False, error_cb=Callbacks().options["error_cb"]), DialError)
        assert isinstance(error, DialError)
        assert (error.stage, error.cause) == ("tls", "tls_not_offered")
        assert "secret" not in str(error)
        await peer.until_left()
        assert not peer.received


@pytest.mark.parametrize(("sent", "cause"), [("with INFO", "protocol"), ("after INFO", "tls_mismatch")])
async def test_plaintext_before_the_handshake_is_rejected(sent: str, cause: str, certificates: Certificates) -> None:
    """An attacker on the way can send it."""
    talks: list[Talk] = []
    injected = b"-ERR 'injected'\r\n"

    async def script(talk: Talk) -> None:
        talks.append(talk)
        info = info_line(talk.peer.port, tls_required=True)
        await talk.send(info + injected if sent == "with INFO" else info)
        with suppress(OSError):
            await talk.writer.start_tls(certificates.presenting(), ssl_handshake_timeout=FOREVER)
            await talk.until_line(b"PING")
            await talk.send(b"PONG\r\n")

    class Injecting(DialTrace):
        def tls_handshake_start(self, server_name: str) -> None:
            if sent == "after INFO":
                talks[-1].writer.write(injected)

    options: dict[str, Any] = {"tls": certificates.trusting(), "allow_reconnect": False, "trace": Injecting()}
    async with playing(script) as peer:
        error = await failing(connect(peer.url, **options, **Callbacks().options), DialError)
        assert isinstance(error, DialError)
        assert (error.stage, error.cause) == ("tls", cause)
        await peer.until_left()


async def test_tls_that_is_offered_is_taken_behind_a_tls_url(
    certificates: Certificates, nats_server: StartServer
) -> None:
    server = await asyncio.to_thread(nats_server, config=f"allow_non_tls: true\n{certificates.config()}")
    notes = Notes()
    client = await connect(f"tls://{server.authority}", trace=notes, tls=certificates.trusting())
    assert "tls_handshake_done" in notes.calls
    await echo(client)
    await client.close()


@pytest.mark.parametrize(
    "greeting",
    [
        b"INFO\r\n",
        b"INFO []\r\n",
        b'INFO {"connect_urls": [1]}\r\n',
        b"INFO " + b"x" * 40_000 + b"\r\n",
        b"x" * 200_000,
        b"-ERR\r\n",
        b"",
    ],
    ids=["bare", "list", "not urls", "long", "endless", "error", "nothing"],
)
async def test_odd_greeting_does_not_end_the_retrying(greeting: bytes) -> None:
    visits = 0

    async def script(talk: Talk) -> None:
        nonlocal visits
        visits += 1
        if visits == 2:
            await talk.send(greeting)
            return
        await talk.handshake()
        if visits == 1:
            return  # and with it the connection
        while line := await talk.line():
            if line.startswith(b"PING"):
                await talk.send(b"PONG\r\n")

    callbacks = Callbacks()
    async with playing(script) as peer:
        client = await connect(peer.url, reconnect_time_wait=0.02, connect_timeout=IN_TIME, **callbacks.options)
        await callbacks.until_called("reconnected")
        assert visits == 3
        assert client.is_connected
        await client.close()
        await peer.until_left()


async def test_long_info_is_read() -> None:
    urls = [f"10.0.{n // 250}.{n % 250}:4222" for n in range(2000)]
    async with peers.correct(connect_urls=urls) as peer:
        client = await connect(peer.url)
        assert len(client.discovered_servers) == 2000
        await echo(client)
        await client.close()


async def test_lines_before_pong_are_kept() -> None:
    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"PING")
        await talk.send(b"PING\r\n+OK\r\n" + info_line(talk.peer.port, connect_urls=["10.0.0.1:4222"]) + b"PONG\r\n")
        while line := await talk.line():
            if line.startswith(b"PING"):
                await talk.send(b"PONG\r\n")

    async with playing(script) as peer:
        client = await connect(peer.url)
        await client.flush()
        assert client.is_connected
        assert [url.netloc for url in client.discovered_servers] == ["10.0.0.1:4222"]
        await client.close()
        await peer.until_left()
        assert peer.lines.count("PONG") == 1


async def test_verbose(server: NatsServer) -> None:
    client = await connect(server.url, verbose=True)
    await echo(client)
    await client.close()


@pytest.mark.parametrize(
    ("peering", "stage", "cause"),
    [
        (peers.silent, "info", "timeout"),
        (peers.http_400, "info", "http"),
        (peers.garbage, "info", "protocol"),
        (peers.close_at_once, "info", "eof"),
        (peers.info_then_close, "connect", "eof"),
        (peers.info_then_silent, "connect", "timeout"),
    ],
)
async def test_failed_handshake_has_its_cause(peering: Callable[[], Peering], stage: str, cause: str) -> None:
    callbacks = Callbacks()
    async with peering() as peer:
        for timeout in GROWING if cause == "timeout" else (FOREVER,):
            dialing = connect(peer.url, allow_reconnect=False, connect_timeout=timeout, **callbacks.options)
            error = await failing(dialing, DialError)
            assert isinstance(error, DialError)
            found = error.stage, error.cause
            if error.stage == stage:
                break
        assert found in [(stage, cause), (stage, "reset")]
        await peer.until_left()


async def test_server_error_raises_as_in_nats_py(nats_server: StartServer) -> None:
    server = await asyncio.to_thread(nats_server, config="authorization { user: me, password: right }")
    callbacks = Callbacks()
    url = server.url.replace("//", "//me:wrong@")
    error = await failing(connect(url, allow_reconnect=False, **callbacks.options), nats.errors.Error)
    assert str(error) == "nats: 'Authorization Violation'"


async def test_invalid_advertised_server_does_not_end_the_retrying() -> None:
    async def script(talk: Talk) -> None:
        first = talk.peer.connections == 1
        await talk.handshake(connect_urls=[] if first else ["[::1", "h:x", "127.0.0.1:1"])
        while not first:
            await talk.until_line(b"PING")
            await talk.send(b"PONG\r\n")

    callbacks = Callbacks()
    async with playing(script) as peer:
        client = await connect(peer.url, reconnect_time_wait=0.02, **callbacks.options)
        await callbacks.until_called("reconnected")
        assert client.discovered_servers[0].netloc == "127.0.0.1:1"
        await client.close()
        await peer.until_left()


async def test_cause_of_giving_up_is_the_last_one_also_when_the_server_refused(refused_port: int) -> None:
    callbacks = Callbacks()
    async with peers.err_after_connect("Authorization Violation") as peer:
        servers = [f"nats://127.0.0.1:{refused_port}", peer.url]
        options: dict[str, Any] = {"dont_randomize": True, "max_reconnect_attempts": 1, "reconnect_time_wait": 0.02}
        error = await failing(connect(servers, **options, **callbacks.options))
    assert isinstance(error.__cause__, DialError)
    assert (error.__cause__.stage, error.__cause__.cause) == ("connect", "auth")


async def test_refusal_is_read_when_connect_cannot_be_written() -> None:
    async with peers.err_before_connect("maximum connections exceeded") as full:
        error = await failing(connect(full.url, allow_reconnect=False), nats.errors.Error)
    assert "maximum connections exceeded" in str(error)


async def test_message_is_delivered_that_arrived_before_a_reset_although_a_write_failed_first() -> None:
    received: list[bytes] = []

    async def script(talk: Talk) -> None:
        if peer.connections > 1:
            await peers.serve(talk)
            return
        await talk.handshake()
        await talk.until_line(b"SUB hello")
        talk.writer.write(b"MSG hello 1 5\r\nworld\r\n")
        talk.reset()
        talk.writer.transport.abort()
        asyncio.get_running_loop().call_soon(client._transport.write, b"PING\r\n")  # type: ignore[union-attr]

    callbacks = Callbacks()
    async with playing(script) as peer:
        client = await connect(peer.url, reconnect_time_wait=0, **callbacks.options)

        async def receive(message: Msg) -> None:
            received.append(message.data)

        await client.subscribe("hello", cb=receive)
        await callbacks.until_called("reconnected")
        await client.close()
    assert received == [b"world"]
