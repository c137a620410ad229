"""Of a certificate chain that is not trusted, the certificate at fault is named."""

import ssl

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from natsmon.config.settings import Server
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.probe.inquiry.chains import Chains, issuer_of, published, refused
from tests.protocol.dialing import Failure


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


@_CHAIN
@pytest.mark.parametrize(
    ("name", "hint", "cause", "words"),
    [
        ("Example Issuing CA 1", "", "tls_missing_intermediate", "whose certificate the server does not send"),
        ("E7", "above", "tls_missing_intermediate", 'itself issued by "Root", whose certificate the server does not'),
        ("E7", "url", "tls_unknown_ca", "published at http://ca.example/e7, which the CA file"),
        ("E7", "", "tls_unknown_ca", "which the CA file"),
    ],
)
async def test_intermediate_that_the_server_does_not_send_is_recognised(
    nats_server: StartServer, chains: Chains, name: str, hint: str, cause: str, words: str
) -> None:
    root = chains.issue("Root", ca=True)
    middle = chains.issue(name, root, ca=True)
    hints: dict[str, x509.ExtensionType] = {"above": issuer_of(middle), "url": published("http://ca.example/e7")}
    own = chains.issue("own", middle, hints=[hints[hint]] if hint else [])
    failed = await distrusted(nats_server, chains.config(own), chains.file(root))
    assert failed.end.cause == "tls_unknown_ca"
    assert failed.finding is not None
    assert failed.finding.cause == cause
    assert failed.finding.text.startswith(f'it is issued by "{name}"')
    assert words in failed.finding.text
    assert '(it has "Root")' in failed.finding.text


async def test_intermediate_is_not_called_missing_where_only_the_first_certificate_is_known(
    nats_server: StartServer, chains: Chains, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As before Python 3.13: the server sends the intermediate here."""
    monkeypatch.setattr("natsmon.protocol.certificates.WHOLE_CHAIN", False)
    monkeypatch.setattr("natsmon.protocol.chain_diagnosis.WHOLE_CHAIN", False)
    middle = chains.issue("Example Issuing CA 1", chains.issue("Root", ca=True), ca=True)
    config = chains.config(chains.issue("own", middle), middle)
    failed = await distrusted(nats_server, config, chains.file(chains.issue("Ours", ca=True)))
    assert failed.finding is not None
    assert failed.finding.cause == "tls_unknown_ca"
    assert failed.finding.text.startswith('it is issued by "Example Issuing CA 1", which the CA file')


@_CHAIN
async def test_published_issuer_is_an_intermediate_where_public_cas_are_trusted(
    nats_server: StartServer, chains: Chains
) -> None:
    own = chains.issue("own", chains.issue("E7", ca=True), hints=[published("http://ca.example/e7")])
    failed = await distrusted(nats_server, chains.config(own), "")
    assert failed.finding is not None
    assert failed.finding.cause == "tls_missing_intermediate"
    assert "published at http://ca.example/e7" in failed.finding.text


@_CHAIN
async def test_issuer_that_issued_itself_is_no_intermediate(nats_server: StartServer, chains: Chains) -> None:
    """Whatever its name."""
    theirs = chains.issue("Example Issuing CA", ca=True)
    own = chains.issue("own", theirs, hints=[issuer_of(theirs)])
    failed = await distrusted(nats_server, chains.config(own), chains.file(chains.issue("Ours", ca=True)))
    assert failed.finding is not None
    assert failed.finding.cause == "tls_unknown_ca"


@_CHAIN
@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("own middle root", 'its CA "Root" is not in the CA file'),
        ("own root middle", 'its CA "Root" is not in the CA file'),
        ("own middle", 'the intermediate "Middle" that the server sends is issued by "Root", which the CA file'),
    ],
)
async def test_private_root_of_a_full_chain_is_named(
    nats_server: StartServer, chains: Chains, order: str, words: str
) -> None:
    root = chains.issue("Root", ca=True)
    middle = chains.issue("Middle", root, ca=True)
    chain = {"own": chains.issue("own", middle), "middle": middle, "root": root}
    ours = chains.file(chains.issue("Ours", ca=True))
    failed = await distrusted(nats_server, chains.config(*(chain[each] for each in order.split())), ours)
    assert failed.finding is not None
    assert failed.finding.cause == "tls_unknown_ca"
    assert failed.finding.text.startswith(words)


@_CHAIN
async def test_wrong_intermediate_of_the_same_name_is_named(nats_server: StartServer, chains: Chains) -> None:
    root = chains.issue("Root", ca=True)
    old, new = chains.issue("Middle", root, ca=True), chains.issue("Middle", root, ca=True)
    failed = await distrusted(nats_server, chains.config(chains.issue("own", new), old), chains.file(root))
    assert failed.end.cause == "tls_unknown_ca"
    assert failed.finding is not None
    assert failed.finding.cause == "tls_missing_intermediate"
    assert 'sends an intermediate named "Middle" that has another key' in failed.finding.text


async def test_certificate_of_the_server_as_the_ca_file_is_trusted(nats_server: StartServer, chains: Chains) -> None:
    """As in Go; one that was replaced is named."""
    ca = chains.issue("Root", ca=True)
    own, before = chains.issue("own", ca), chains.issue("own", ca)
    server = nats_server(config=chains.config(own))
    wanted = settings(Server("localhost", server.port, "tls"), tlsca=chains.file(own))
    async with listening(wanted) as run:
        await run.events.until(ev.Connected)
    failed = await refused(Server("localhost", server.port, "tls"), tlsca=chains.file(before))
    assert failed.finding is not None
    assert failed.finding.cause == "tls_unknown_ca"
    assert failed.finding.text.endswith('has no CA in it, but the certificate "own"')


async def test_unknown_ca_is_compared_with_the_local_file(nats_server: StartServer, chains: Chains) -> None:
    theirs, ours = chains.issue("Theirs", ca=True), chains.issue("Ours", ca=True)
    failed = await distrusted(nats_server, chains.config(chains.issue("own", theirs)), chains.file(ours))
    assert failed.finding is not None
    assert failed.finding.cause == "tls_unknown_ca"
    assert 'issued by "Theirs"' in failed.finding.text
    assert '(it has "Ours")' in failed.finding.text


@pytest.mark.parametrize("ca", [True, False])
async def test_self_signed_certificate_is_named(nats_server: StartServer, chains: Chains, *, ca: bool) -> None:
    failed = await distrusted(
        nats_server, chains.config(chains.issue("own", ca=ca)), chains.file(chains.issue("Ours", ca=True))
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
