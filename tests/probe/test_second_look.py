"""A second look: the certificate at fault, a proxy that waits, the server's reason, defects of its release."""

import asyncio
import re
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from natsmon.config.secret import Secret
from natsmon.config.settings import Server
from natsmon.dial.causes import Cause
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.inquiry.known_defects import known_defect
from natsmon.protocol.server_info import Info
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.harness.peer import HOST, Peering, Talk, playing
from tests.harness.peers import serve
from tests.probe.test_inquiry import HTTP, monitoring_port
from tests.protocol.dialing import Failure, failure

Issued = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


class Chains:
    """Certificates of any kind, in files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def issue(
        self,
        name: str,
        issuer: Issued | None = None,
        *,
        ca: bool = False,
        days: tuple[float, float] = (-1, 30),
        use: x509.ObjectIdentifier | None = None,
    ) -> Issued:
        key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        begins, ends = (now + timedelta(days=day) for day in days)
        by = issuer[1].subject if issuer else subject
        made = x509.CertificateBuilder(by, subject, key.public_key(), x509.random_serial_number(), begins, ends)
        made = made.add_extension(x509.BasicConstraints(ca, None), critical=True)
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        if use is not None:
            made = made.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        return key, made.sign(issuer[0] if issuer else key, hashes.SHA256())

    def file(self, *issued: Issued) -> str:
        path = self._folder / f"{len(list(self._folder.iterdir()))}.pem"
        path.write_bytes(b"".join(each.public_bytes(serialization.Encoding.PEM) for _, each in issued))
        return str(path)

    def key_file(self, issued: Issued) -> str:
        path = self._folder / f"{len(list(self._folder.iterdir()))}.key"
        form = serialization
        path.write_bytes(issued[0].private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()))
        return str(path)

    def config(self, *chain: Issued, more: str = "") -> str:
        return f'tls {{ cert_file: "{self.file(*chain)}", key_file: "{self.key_file(chain[0])}", {more} }}'


@pytest.fixture
def chains(tmp_path: Path) -> Chains:
    return Chains(tmp_path)


async def refused(server: NatsServer | Server | str, **changes: Any) -> Failure:
    url = server.url if isinstance(server, NatsServer) else server
    return await failure(settings(url, retry_on_failed_connect=False, **changes))


async def distrusted(start: StartServer, config: str, ca: str) -> Failure:
    server = start(config=config)
    return await refused(Server("localhost", server.port, "tls"), tlsca=ca)


PAST = (-40.0, -2.0)
FUTURE = (2.0, 40.0)
_CHAIN = pytest.mark.skipif(
    not hasattr(ssl.SSLSocket, "get_unverified_chain"), reason="the whole chain of a peer needs Python 3.13"
)


@pytest.mark.parametrize(
    ("ca", "intermediate", "own", "cause", "words"),
    [
        pytest.param(PAST, None, None, "tls_ca_expired", 'the CA "Root" expired on ', marks=_CHAIN),
        pytest.param(
            None,
            PAST,
            None,
            "tls_intermediate_expired",
            'the intermediate certificate "Middle" expired on ',
            marks=_CHAIN,
        ),
        (None, None, PAST, "tls_server_expired", 'the server\'s certificate "own" expired on '),
        pytest.param(FUTURE, None, None, "tls_not_yet_valid", 'the CA "Root" is not valid before ', marks=_CHAIN),
        pytest.param(
            None,
            FUTURE,
            None,
            "tls_not_yet_valid",
            'the intermediate certificate "Middle" is not valid before ',
            marks=_CHAIN,
        ),
        (None, None, FUTURE, "tls_not_yet_valid", 'the server\'s certificate "own" is not valid before '),
    ],
)
async def test_certificate_outside_its_time_is_named(
    nats_server: StartServer,
    chains: Chains,
    ca: tuple[float, float] | None,
    intermediate: tuple[float, float] | None,
    own: tuple[float, float] | None,
    cause: str,
    words: str,
) -> None:
    valid = (-1.0, 30.0)
    root = chains.issue("Root", ca=True, days=ca or valid)
    middle = chains.issue("Middle", root, ca=True, days=intermediate or valid)
    leaf = chains.issue("own", middle, days=own or valid)
    failed = await distrusted(nats_server, chains.config(leaf, middle), chains.file(root))
    assert failed.end.cause in ("tls_expired", "tls_not_yet_valid")
    assert failed.finding is not None
    assert failed.finding.cause == cause
    assert words in failed.finding.text
    if ca:
        assert "is in the CA file " in failed.finding.text


async def test_intermediate_that_the_server_does_not_send_is_named(nats_server: StartServer, chains: Chains) -> None:
    root = chains.issue("Root", ca=True)
    middle = chains.issue("Example Issuing CA 1", root, ca=True)
    failed = await distrusted(nats_server, chains.config(chains.issue("own", middle)), chains.file(root))
    assert failed.end.cause == "tls_unknown_ca"
    assert failed.finding is not None
    assert failed.finding.cause == "tls_missing_intermediate"
    assert 'issued by "Example Issuing CA 1", whose certificate the server does not send' in failed.finding.text
    assert '(it has "Root")' in failed.finding.text


async def test_unknown_ca_is_compared_with_the_local_file(nats_server: StartServer, chains: Chains) -> None:
    theirs, ours = chains.issue("Theirs", ca=True), chains.issue("Ours", ca=True)
    failed = await distrusted(nats_server, chains.config(chains.issue("own", theirs)), chains.file(ours))
    assert failed.finding is not None
    assert failed.finding.cause == "tls_unknown_ca"
    assert 'issued by "Theirs"' in failed.finding.text
    assert '(it has "Ours")' in failed.finding.text


async def test_self_signed_certificate_is_named(nats_server: StartServer, chains: Chains) -> None:
    failed = await distrusted(
        nats_server, chains.config(chains.issue("own", ca=True)), chains.file(chains.issue("Ours", ca=True))
    )
    assert failed.finding is not None
    assert failed.finding.text.startswith("the server's certificate is self-signed")


async def test_ca_of_the_same_name_with_another_key_is_named(nats_server: StartServer, chains: Chains) -> None:
    old, new = chains.issue("Company CA", ca=True), chains.issue("Company CA", ca=True)
    failed = await distrusted(nats_server, chains.config(chains.issue("own", new)), chains.file(old))
    assert failed.finding is not None
    assert 'has a CA named "Company CA", with another key' in failed.finding.text


async def test_certificate_for_another_purpose_is_named(nats_server: StartServer, chains: Chains) -> None:
    ca = chains.issue("Root", ca=True)
    leaf = chains.issue("own", ca, use=ExtendedKeyUsageOID.CLIENT_AUTH)
    failed = await distrusted(nats_server, chains.config(leaf), chains.file(ca))
    assert failed.where == ("tls", "tls_wrong_purpose")
    assert failed.finding is not None
    assert "is for clientAuth only" in failed.finding.text


async def test_intermediate_as_the_local_ca_is_trusted(nats_server: StartServer, chains: Chains) -> None:
    """As in Go, which trusts every certificate of the file."""
    middle = chains.issue("Middle", chains.issue("Root", ca=True), ca=True)
    server = nats_server(config=chains.config(chains.issue("own", middle), middle))
    wanted = settings(Server("localhost", server.port, "tls"), tlsca=chains.file(middle))
    async with listening(wanted) as run:
        await run.events.until(ev.Connected)


@pytest.mark.parametrize(
    ("days", "use", "words"),
    [
        (PAST, None, 'the client certificate "me" expired on '),
        ((-1.0, 30.0), ExtendedKeyUsageOID.SERVER_AUTH, "the client certificate is for serverAuth only"),
    ],
    ids=["expired", "purpose"],
)
async def test_refused_client_certificate_is_explained(
    nats_server: StartServer,
    chains: Chains,
    days: tuple[float, float],
    use: x509.ObjectIdentifier | None,
    words: str,
) -> None:
    ca = chains.issue("Root", ca=True)
    config = chains.config(chains.issue("own", ca), more=f'verify: true, ca_file: "{chains.file(ca)}"')
    server = nats_server(config=config)
    mine = chains.issue("me", ca, days=days, use=use)
    failed = await refused(
        Server("localhost", server.port, "tls"),
        tlsca=chains.file(ca),
        tlscert=chains.file(mine),
        tlskey=chains.key_file(mine),
    )
    assert failed.end.cause == "tls_client_certificate_refused"
    assert failed.finding is not None
    assert words in failed.finding.text


# -- what stands between ----------------------------------------------------------------------------


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
        failed = await refused(peer.url, connect_timeout=0.4)
    assert failed.where == ("info", "timeout")
    assert failed.finding is not None
    assert failed.finding.cause == "client_first"
    assert failed.logs("service mesh", "excludeOutboundPorts")
    assert not failed.logs("is this a NATS server")


async def test_server_that_waits_for_tls_and_then_closes_is_recognized(
    nats_server: StartServer, chains: Chains
) -> None:
    root = chains.issue("Root", ca=True)
    config = chains.config(chains.issue("own", root), more="handshake_first: true, timeout: 0.5")
    server = nats_server(config=config, speaks_first=False)
    failed = await refused(Server("localhost", server.port), tlsca=chains.file(root), connect_timeout=5.0)
    assert failed.where == ("info", "eof")
    assert failed.finding is not None
    assert failed.finding.cause == "tls_first_wanted"


async def test_proxy_without_a_server_is_recognized() -> None:
    """It accepts, and closes once the client has sent something."""

    async def script(talk: Talk) -> None:
        await talk.exactly(1)

    async with playing(script) as peer:
        failed = await refused(peer.url, connect_timeout=0.4)
    assert failed.finding is not None
    assert failed.finding.cause == "eof"
    assert failed.logs("closed before the server sent INFO", "a proxy without a server behind it")


async def test_second_look_at_the_same_failure_follows_only_a_connection() -> None:
    serving = False

    async def script(talk: Talk) -> None:
        await (serve(talk) if serving else talk.exactly(1))

    async with playing(script) as peer, listening(settings(peer.url, connect_timeout=0.2)) as run:
        await run.events.until(ev.DialFinding)
        await run.events.until(ev.DialEnd)
        await run.events.until(ev.DialEnd)
        assert len(run.events.of(ev.DialFinding)) == 1
        serving = True
        await run.events.until(ev.Connected)
        serving = False
        peer.drop_all()
        await run.events.until(ev.DialFinding)


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


# -- the server's reason ----------------------------------------------------------------------------


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


async def test_no_inquiries_means_no_second_look(nats_server: StartServer, chains: Chains) -> None:
    config = chains.config(chains.issue("own", chains.issue("Root", ca=True)))
    server = nats_server(config=config)
    ours = chains.file(chains.issue("Ours", ca=True))
    failed = await refused(Server("localhost", server.port, "tls"), tlsca=ours, inquiries=False)
    assert failed.finding is None
    assert not failed.events.of(ev.DialTls)


# -- releases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "defective"),
    [
        ("2.10.29", True), ("2.11.10", True), ("2.11.11", False), ("2.12.0", True), ("2.12.1", True),
        ("2.12.2", False), ("2.13.0", False), ("2.12.1-RC.1", True), ("nonsense", False), ("", False),
    ],
)  # fmt: skip
def test_lame_duck_clients_counted_twice_by_release(version: str, defective: bool) -> None:
    info = Info(version=version, client_ip="127.0.0.1")
    text = known_defect("connect", Cause.ACCOUNT_LIMIT, info, lame_duck=True)
    assert ("counts the clients of a lame duck twice" in text) is defective
    assert not known_defect("connect", Cause.ACCOUNT_LIMIT, info, lame_duck=False)


@pytest.mark.parametrize(
    ("version", "client_ip", "defective"),
    [("2.12.1", "", False), ("2.12.2", "", True), ("2.12.8", "", True), ("2.12.9", "", False), ("2.14.0", "", True),
     ("2.14.1", "", False), ("2.15.0", "", False), ("2.12.2", "127.0.0.1", False)],
)  # fmt: skip
def test_tls_behind_the_proxy_protocol_by_release(version: str, client_ip: str, defective: bool) -> None:
    text = known_defect("tls", Cause.EOF, Info(version=version, client_ip=client_ip), lame_duck=False)
    assert ("fails TLS behind the PROXY protocol" in text) is defective


# -- advertised addresses ---------------------------------------------------------------------------


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
