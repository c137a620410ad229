"""A second look: a proxy that waits, the server's reason, defects of its release."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from natsmon.config.secret import Secret
from natsmon.config.settings import Server
from natsmon.dial.causes import Cause
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.inquiry import silent_peer
from natsmon.probe.inquiry.monitoring_port import clock_ahead
from natsmon.probe.inquiry.second_look import known_defect
from natsmon.protocol.server_info import Info
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.harness.peer import HOST, Peer, Peering, Talk, playing
from tests.harness.peers import serve
from tests.harness.time_limits import GROWING, IN_TIME
from tests.probe.inquiry.chains import Chains, refused
from tests.probe.inquiry.test_inquiry import HTTP, monitoring_port
from tests.protocol.dialing import Failure


@pytest.fixture(autouse=True)
def time_to_answer_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each peer here answers, or closes."""
    monkeypatch.setattr(silent_peer, "ANSWER_TIMEOUT", IN_TIME)


async def timed_out_in_info(peer: Peer) -> Failure:
    for timeout in GROWING:
        failed = await refused(peer.url, connect_timeout=timeout)
        if failed.end.stage == "info":
            break
    return failed


def relayed_after_a_byte(server: NatsServer) -> Peering:
    """As a sidecar: it accepts, and dials the server once the client has sent something."""

    async def script(talk: Talk) -> None:
        first = await talk.exactly(1)
        reader, writer = await asyncio.open_connection(HOST, server.port)
        try:
            writer.write(first)
            await talk.send(await reader.readuntil(b"\n"))
            await talk.until_closed()
        finally:
            writer.close()

    return playing(script)


async def test_proxy_that_waits_for_the_client_is_recognized(server: NatsServer) -> None:
    async with relayed_after_a_byte(server) as peer:
        failed = await timed_out_in_info(peer)
    assert failed.where == ("info", "timeout")
    assert failed.finding is not None
    assert failed.finding.cause == "client_first"
    assert failed.logs("service mesh", "excludeOutboundPorts")
    assert not failed.logs("is this a NATS server")


async def test_server_that_waits_for_tls_and_then_closes_is_recognized(
    nats_server: StartServer, chains: Chains
) -> None:
    root = chains.issue("Root", ca=True)
    config = chains.config(chains.issue("own", root), more="handshake_first: true, timeout: 1.0")
    server = nats_server(config=config, speaks_first=False)
    failed = await refused(Server("localhost", server.port), tlsca=chains.file(root), connect_timeout=IN_TIME)
    assert failed.where == ("info", "eof")
    assert failed.finding is not None
    assert failed.finding.cause == "tls_first_wanted"


async def test_proxy_without_a_server_is_recognized() -> None:
    """It accepts, and closes once the client has sent something."""

    async def script(talk: Talk) -> None:
        await talk.exactly(1)

    async with playing(script) as peer:
        failed = await timed_out_in_info(peer)
    assert failed.finding is not None
    assert failed.finding.cause == "eof"
    assert failed.logs("closed before the server sent INFO", "a proxy without a server behind it")


async def test_web_server_that_answers_a_bad_request_in_html_is_recognized() -> None:
    """As that of Python does, which has not read the version of HTTP."""

    async def script(talk: Talk) -> None:
        asked = await talk.exactly(4)
        await talk.send(b"HTTP/1.0 404 Not Found\r\n\r\n" if asked == b"GET " else b"<!DOCTYPE HTML>\n<html></html>\n")

    async with playing(script) as peer:
        failed = await timed_out_in_info(peer)
    assert failed.finding is not None
    assert failed.finding.cause == "http"


async def test_second_look_at_the_same_failure_follows_only_a_connection() -> None:
    serving = False

    async def script(talk: Talk) -> None:
        await (serve(talk) if serving else talk.exactly(1))

    async with playing(script) as peer, listening(settings(peer.url, connect_timeout=0.5)) as run:
        await run.events.until(ev.DialFinding)
        await run.events.until(ev.DialEnd)
        await run.events.until(ev.DialEnd)
        assert len(run.events.of(ev.DialFinding)) == 1
        serving = True
        await run.events.until(ev.Connected)
        serving = False
        peer.drop_all()
        await run.events.until(ev.DialFinding)


async def test_connection_to_one_server_asks_for_no_second_look_at_another() -> None:
    async def waits(talk: Talk) -> None:
        await talk.exactly(1)

    async with playing(waits) as other, playing(serve) as good:
        wanted = settings(other.url, good.url, connect_timeout=0.5)
        async with listening(wanted) as run:
            for _ in range(2):
                await run.events.until(ev.DialEnd, lambda end: end.server == other.url)
                await run.events.until(ev.Connected)
                await asyncio.sleep(0.1)
                good.drop_all()
                await run.events.until(ev.Disconnected)
            await run.events.until(ev.DialEnd, lambda end: end.server == other.url)
            await run.events.until(ev.Connected)
        dialed = {dial.dial: dial.server for dial in run.events.of(ev.DialStart)}
        assert [dialed[found.dial] for found in run.events.of(ev.DialFinding)].count(other.url) == 1


@pytest.mark.parametrize(
    "inserted", [b"X-Gateway-Ver: 1.0\r\n\r\n", b"PROXY TCP4 10.1.2.3 10.1.2.4 51234 4222\r\n", b"\r\n\0\r\nQUIT\n\x21"]
)
async def test_bytes_added_on_the_way_are_recognized(server: NatsServer, inserted: bytes) -> None:
    async def script(talk: Talk) -> None:
        reader, writer = await asyncio.open_connection(HOST, server.port)
        try:
            writer.write(inserted)
            while data := await reader.read(4096):
                await talk.send(data)
        finally:
            writer.close()

    async with playing(script) as peer:
        failed = await refused(peer.url)
    cause = failed.finding.cause if failed.finding is not None else failed.end.cause
    assert cause == "altered_bytes"
    assert failed.logs("PROXY protocol")
    assert not failed.logs("is this a NATS server")


async def test_reason_of_a_refusal_is_read_from_the_monitoring_port(nats_server: StartServer) -> None:
    users = "users: [{ user: ann, password: pw, proxy_required: true }]"
    server = nats_server(config=f"authorization {{ {users} }}\n{HTTP}")
    url = f"http://{HOST}:{monitoring_port(server)}"
    failed = await refused(server, user=Secret("ann"), password=Secret("pw"), monitor=url)
    assert failed.end.cause == "auth"
    assert failed.finding is not None
    assert failed.finding.cause == "auth_proxy_required"
    assert '"Proxy Required"' in failed.finding.text
    assert failed.logs("through a trusted proxy only")


async def test_general_reason_is_not_repeated(nats_server: StartServer) -> None:
    server = nats_server(config=f"authorization {{ user: ann, password: pw }}\n{HTTP}")
    url = f"http://{HOST}:{monitoring_port(server)}"
    failed = await refused(server, user=Secret("ann"), password=Secret("wrong"), monitor=url)
    assert failed.end.cause == "auth"
    assert failed.finding is None


async def test_clock_of_the_server_is_compared() -> None:
    """Far from this machine's, by the monitoring port; a JWT may be refused for it."""
    away = datetime.now(UTC) - timedelta(minutes=68)
    body = f'{{"server_id":"N1","now":"{away.isoformat()}","connections":[]}}'.encode()

    async def web(talk: Talk) -> None:
        await talk.until_line(b"\r\n")
        await talk.send(b"HTTP/1.0 200 OK\r\nContent-Type: x\r\n\r\n" + body)

    async def nats(talk: Talk) -> None:
        await talk.info(server_id="N1", client_id=7)
        await talk.until_line(b"PING")
        await talk.send(b"-ERR 'Authorization Violation'\r\n")
        await talk.until_closed()

    async with playing(nats) as peer, playing(web) as port:
        failed = await refused(peer.url, token=Secret("t"), monitor=f"http://{port.authority}")
    assert failed.finding is not None
    assert failed.finding.cause == "auth"
    assert re.fullmatch(r"the server's clock is 1h0[78]m\d\ds behind this machine's", failed.finding.text)


@pytest.mark.parametrize(("clock", "ahead"), [(-5.0, 0.0), (0.0, 0.0), (-15.0, -5.0), (3600.0, 3600.0)])
def test_time_of_an_answer_is_no_difference_of_clocks(clock: float, ahead: float) -> None:
    """It was asked for ten seconds ago; ``clock`` is the server's stamp, in seconds from now."""
    now = datetime.now(UTC)
    stamp = (now + timedelta(seconds=clock)).isoformat()
    assert clock_ahead(stamp, now.timestamp() - 10.0) == pytest.approx(ahead, abs=IN_TIME if clock > 0 else 0.001)


async def test_no_inquiries_means_no_second_look(nats_server: StartServer, chains: Chains) -> None:
    config = chains.config(chains.issue("own", chains.issue("Root", ca=True)))
    server = nats_server(config=config)
    ours = chains.file(chains.issue("Ours", ca=True))
    failed = await refused(Server("localhost", server.port, "tls"), tlsca=ours, inquiries=False)
    assert failed.finding is None
    assert not failed.events.of(ev.DialTls)


@pytest.mark.parametrize(
    ("version", "defective"),
    [
        ("2.10.29", True), ("2.11.10", True), ("2.11.11", False), ("2.12.0", True), ("2.12.1", True),
        ("2.12.2", False), ("2.13.0", False), ("2.12.1-RC.1", True), ("nonsense", False), ("", False),
    ],
)  # fmt: skip
def test_lame_duck_clients_are_counted_twice_by_some_releases(version: str, defective: bool) -> None:
    info = Info(version=version, client_ip="127.0.0.1")
    text = known_defect("connect", Cause.ACCOUNT_LIMIT, info, lame_duck=True)
    assert ("counts the clients of a lame duck twice" in text) is defective
    assert not known_defect("connect", Cause.ACCOUNT_LIMIT, info, lame_duck=False)


@pytest.mark.parametrize(
    ("version", "client_ip", "defective"),
    [("2.12.1", "", False), ("2.12.2", "", True), ("2.12.8", "", True), ("2.12.9", "", False), ("2.14.0", "", True),
     ("2.14.1", "", False), ("2.15.0", "", False), ("2.12.2", "127.0.0.1", False)],
)  # fmt: skip
def test_tls_behind_the_proxy_protocol_fails_in_some_releases(version: str, client_ip: str, defective: bool) -> None:
    text = known_defect("tls", Cause.EOF, Info(version=version, client_ip=client_ip), lame_duck=False)
    assert ("fails TLS behind the PROXY protocol" in text) is defective


@pytest.mark.parametrize("address", ["0.0.0.0:4222", "[::]:4222"])
async def test_unspecified_address_that_is_advertised_is_not_dialed(address: str) -> None:
    """Linux connects to 0.0.0.0 as to itself: to another server, perhaps."""

    async def script(talk: Talk) -> None:
        if talk.peer.connections == 1:
            await talk.info(connect_urls=[address])
            await talk.until_line(b"PING")
            await talk.send(b"PONG\r\n")

    async with playing(script) as peer, listening(settings(peer.url)) as run:
        await run.events.until(ev.Connected)
        end = await run.events.until(ev.DialEnd, lambda end: end.cause == "advertised_address")
    assert end.server == f"nats://{address}"
    assert end.stage == "dns"
