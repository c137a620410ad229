"""TLS against real servers: what is agreed on, and each thing that can be wrong with a certificate."""

import ssl
import time
from pathlib import Path

import pytest

from natsmon.config.secret import Secret
from natsmon.config.settings import Server, Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.protocol import tls
from natsmon.protocol.certificates import unverified_chain
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.harness.peer import HOST, Script, Talk, playing
from tests.harness.time_limits import GROWING
from tests.protocol.authority import Authority, homemade
from tests.protocol.dialing import failure, once

DAY = 86_400


def over_tls(server: NatsServer) -> Server:
    return Server(HOST, server.port, "tls")


# -- what works -------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_connected(nats_server: StartServer, ca: Authority, scheme: str) -> None:
    server = nats_server(config=ca.server_config(HOST, "n1.example"))
    async with listening(settings(Server(HOST, server.port, scheme), tlsca=ca.file)) as run:
        agreed = await run.events.until(ev.DialTls)
        connected = await run.events.until(ev.Connected)
        await run.events.until(ev.Echoed)
    assert (agreed.version, agreed.trusted, connected.tls) == ("TLSv1.3", True, "TLSv1.3")
    assert agreed.cipher
    assert sorted(agreed.chain[0].names) == [HOST, "n1.example"]
    assert agreed.chain[0].not_after == pytest.approx(time.time() + 30 * DAY, abs=60)


async def test_tls_first_on_both_sides(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ca.server_config(HOST, more="handshake_first: true"), speaks_first=False)
    async with listening(settings(over_tls(server), tlsca=ca.file, tlsfirst=True)) as run:
        await run.events.until(ev.Connected)
    assert [s.stage for s in run.events.of(ev.DialStage) if s.outcome == "complete" and not s.address][1:] == [
        "tls",
        "info",
        "connect",
    ]


async def test_client_certificate_is_accepted(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ca.server_config(HOST, more="verify: true"))
    certificate, key = ca.issue("client.example")
    async with listening(settings(over_tls(server), tlsca=ca.file, tlscert=certificate, tlskey=key)) as run:
        await run.events.until(ev.Connected)


async def test_handmade_certificate_is_read(nats_server: StartServer, tmp_path: Path) -> None:
    """Go's clients take it, and natsmon on any Python."""
    file = homemade(tmp_path)
    server = nats_server(config=f'tls {{ cert_file: "{file}", key_file: "{file.removesuffix("pem")}key" }}')
    async with listening(settings(over_tls(server), tlsca=file)) as run:
        agreed = await run.events.until(ev.DialTls)
        await run.events.until(ev.Connected)
    assert agreed.chain[0].names == [HOST, "the cellar"]
    failed = await failure(once(over_tls(server)))
    assert failed.where == ("tls", "tls_unknown_ca")
    assert failed.certificate.names == [HOST, "the cellar"]


# -- what does not ----------------------------------------------------------------------------------


async def test_tls_required_and_the_ca_unknown_to_this_machine(nats_server: StartServer, ca: Authority) -> None:
    """``nats://`` without any flag: the server demands TLS, and its CA is not given."""
    server = nats_server(config=ca.server_config(HOST))
    failed = await failure(once(server.url))
    assert failed.where == ("tls", "tls_unknown_ca")
    assert failed.logs("failed in tls", "--tlsca")
    assert "acme" in failed.certificate.issuer
    assert failed.logs("sent a certificate for 127.0.0.1", "issued by")


async def test_unknown_ca_is_refused(nats_server: StartServer, ca: Authority, tmp_path: Path) -> None:
    server = nats_server(config=ca.server_config(HOST))
    failed = await failure(once(over_tls(server), tlsca=Authority(tmp_path, "other").file))
    assert failed.where == ("tls", "tls_unknown_ca")


@pytest.mark.parametrize(
    ("days", "cause", "words"),
    [((-10.0, -2.0), "tls_expired", "has expired"), ((2.0, 30.0), "tls_not_yet_valid", "not yet valid")],
    ids=["expired", "not-yet-valid"],
)
async def test_certificate_outside_its_time_is_refused(
    nats_server: StartServer, ca: Authority, days: tuple[float, float], cause: str, words: str
) -> None:
    server = nats_server(config=ca.server_config(HOST, days=days))
    failed = await failure(once(over_tls(server), tlsca=ca.file))
    assert failed.where == ("tls", cause)
    assert words in failed.text
    begins, ends = (time.time() + day * DAY for day in days)
    assert failed.certificate.not_before == pytest.approx(begins, abs=60)
    assert failed.certificate.not_after == pytest.approx(ends, abs=60)
    assert failed.logs(
        f"valid from {time.strftime('%Y-%m-%d', time.gmtime(begins))} "
        f"until {time.strftime('%Y-%m-%d', time.gmtime(ends))}"
    )


async def test_certificate_of_another_name_is_refused(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ca.server_config("a.example", "b.example"))
    failed = await failure(once(over_tls(server), tlsca=ca.file))
    assert failed.where == ("tls", "tls_wrong_name")
    assert HOST in failed.text
    assert sorted(failed.certificate.names) == ["a.example", "b.example"]
    assert failed.logs("a.example, b.example")
    async with listening(settings(over_tls(server), tlsca=ca.file, tls_server_name="b.example")) as run:
        await run.events.until(ev.Connected)


@pytest.mark.parametrize("name", ["localhost.", "LOCALHOST.", "localhost.."])
async def test_dot_of_an_absolute_name_is_for_the_resolver_only(
    nats_server: StartServer, ca: Authority, name: str
) -> None:
    """As in Go: neither SNI nor a certificate has it."""
    server = nats_server(config=ca.server_config("localhost"))
    async with listening(settings(over_tls(server), tlsca=ca.file, tls_server_name=name)) as run:
        await run.events.until(ev.Connected)
        assert run.events.of(ev.DialTls)[0].server_name == name.rstrip(".")


@pytest.mark.parametrize(
    ("host", "given", "name"),
    [
        ("nats.example.", "", "nats.example"),
        ("fe80::1%lo", "", "fe80::1"),
        ("127.0.0.1", "b.example.", "b.example"),
        ("127.0.0.1", "", "127.0.0.1"),
        (".", "", "."),
    ],
)
def test_server_name_is_what_a_certificate_can_have(host: str, given: str, name: str) -> None:
    assert tls.server_name(Server(host), Settings(tls_server_name=given)) == name


async def test_tls_first_certificate_is_looked_at_too(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ca.server_config("a.example", more="handshake_first: true"), speaks_first=False)
    failed = await failure(once(over_tls(server), tlsca=ca.file, tlsfirst=True))
    assert failed.where == ("tls", "tls_wrong_name")
    assert failed.certificate.names == ["a.example"]


async def test_without_what_reads_it_the_certificate_is_not_described(
    nats_server: StartServer, ca: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("natsmon.probe.inquiry.second_look.unverified_chain", lambda ders: [])
    server = nats_server(config=ca.server_config(HOST))
    failed = await failure(once(over_tls(server)))
    assert failed.logs("pip install cryptography")


async def test_client_certificate_is_missing(nats_server: StartServer, ca: Authority) -> None:
    server = nats_server(config=ca.server_config(HOST, more="verify: true"))
    failed = await failure(once(over_tls(server), tlsca=ca.file))
    assert failed.end.cause == "tls_client_certificate_missing"
    assert failed.logs("--tlscert")


async def test_client_certificate_is_missing_in_tls_1_2(ca: Authority) -> None:
    """There the server refuses within the handshake."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca.file)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*ca.issue(HOST))

    async with playing(breaking_off(context, tls_verify=True)) as peer:
        failed = await failure(once(peer.url, tlsca=ca.file))
    assert failed.where == ("tls", "tls_client_certificate_missing")


@pytest.mark.parametrize(("asks", "given"), [(False, False), (True, True)])
async def test_server_without_a_common_cipher_is_reported(ca: Authority, asks: bool, given: bool) -> None:
    """The same alert as for a certificate that is missing, where none is asked for, or one is given."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # and its key is none of RSA
    context.load_cert_chain(*ca.issue(HOST))
    ours = dict(zip(("tlscert", "tlskey"), ca.issue("client.example"), strict=True)) if given else {}
    async with playing(breaking_off(context, tls_verify=asks)) as peer:
        failed = await failure(once(peer.url, tlsca=ca.file, **ours))
    assert failed.where == ("tls", "tls_refused")


def breaking_off(context: ssl.SSLContext, **info: bool) -> Script:
    """A peer whose handshake fails. asyncio would close without the alert of a failure."""

    async def script(talk: Talk) -> None:
        await talk.info(tls_required=True, **info)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        handshake = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                handshake.do_handshake()
            except ssl.SSLWantReadError:
                await talk.send(outgoing.read())
                incoming.write(await talk.reader.read(65536))
            except ssl.SSLError:
                return await talk.send(outgoing.read())

    return script


async def test_client_certificate_is_refused(nats_server: StartServer, ca: Authority, tmp_path: Path) -> None:
    server = nats_server(config=ca.server_config(HOST, more="verify: true"))
    certificate, key = Authority(tmp_path, "other").issue("client.example")
    failed = await failure(once(over_tls(server), tlsca=ca.file, tlscert=certificate, tlskey=key))
    assert failed.end.cause == "tls_client_certificate_refused"


async def test_tls_first_on_the_client_only(server: NatsServer) -> None:
    failed = await failure(once(over_tls(server), tlsfirst=True))
    assert failed.where == ("tls", "tls_first_mismatch")
    assert failed.logs("sent data before the TLS handshake", "leave --tlsfirst out")


async def test_tls_asked_for_and_not_offered_sends_nothing() -> None:
    """The real server's INFO, and every byte it would get: none."""

    async def script(talk: Talk) -> None:
        await talk.info(auth_required=True)
        await talk.until_closed()

    async with playing(script) as peer:
        wanted = once(Server(HOST, peer.port, "tls"), user=Secret("planted-user"), password=Secret("planted-password"))
        failed = await failure(wanted)
        await peer.until_left()
        assert peer.received == b""
    assert failed.where == ("tls", "tls_not_offered")


async def test_tls_asked_for_and_not_offered_by_a_real_server(server: NatsServer) -> None:
    failed = await failure(once(over_tls(server), token=Secret("planted")))
    assert failed.where == ("tls", "tls_not_offered")
    assert failed.logs("nothing was sent", "enable TLS")


async def test_tls_required_without_notice_in_info_is_reported() -> None:
    async def script(talk: Talk) -> None:
        await talk.info()
        await talk.until_line(b"CONNECT")
        await talk.send(b"-ERR 'Secure Connection - TLS Required'\r\n")

    async with playing(script) as peer:
        assert (await failure(once(peer.url))).where == ("connect", "tls_required")


async def test_server_ends_the_handshake() -> None:
    async def script(talk: Talk) -> None:
        await talk.info(tls_required=True)
        await talk.exactly(5)

    async with playing(script) as peer:
        assert (await failure(once(peer.url))).where == ("tls", "tls_mismatch")


async def test_peer_answers_the_handshake_in_clear() -> None:
    async def script(talk: Talk) -> None:
        await talk.info(tls_required=True)
        await talk.exactly(5)
        await talk.send(b"-ERR what is that\r\n")
        await talk.until_closed()

    async with playing(script) as peer:
        assert (await failure(once(peer.url))).where == ("tls", "tls_mismatch")


async def test_handshake_is_never_answered() -> None:
    async def script(talk: Talk) -> None:
        await talk.info(tls_required=True)
        await talk.until_closed()

    async with playing(script) as peer:
        for timeout in GROWING:
            failed = await failure(once(peer.url, connect_timeout=timeout))
            if failed.end.stage == "tls":
                break
    assert failed.where == ("tls", "timeout")


def test_bytes_that_are_not_a_certificate_are_skipped() -> None:
    assert unverified_chain([b"", b"\x30\x03nope"]) == []


def test_certificate_with_unreadable_names_is_shown_without_them(tmp_path: Path) -> None:
    der = ssl.PEM_cert_to_DER_cert(Path(homemade(tmp_path)).read_text())
    address, room = b"\x87\x04\x7f\x00\x00\x01", b"\xa4\x17"
    assert address + room in der
    for odd in (b"\x87\x04\x7f\x00\x00\x01\xa5", b"\x82\x04\xff\xff\xff\xff\xa4"):
        (certificate,) = unverified_chain([der.replace(address + room[:1], odd)])
        assert (certificate.subject, certificate.names) == ("homemade", [])
