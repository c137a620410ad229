"""TLS files that cannot be used: each defect by its name, and never a question on the terminal."""

import re
import shutil
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form

from natsmon.config.settings import Settings
from natsmon.protocol import tls
from natsmon.protocol.tls import unusable
from natsmon.stream import events as ev
from tests.conftest import StartServer
from tests.harness.listening import listening, settings
from tests.harness.peer import HOST
from tests.protocol.authority import Authority


class Files:
    """A client certificate with its key in every form."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.ca = Authority(folder, "ours")
        self.certificate, self.key = self.ca.issue("client.example")
        _, self.other_key = self.ca.issue("other.example")
        key = form.load_pem_private_key(Path(self.key).read_bytes(), None)
        lock = form.BestAvailableEncryption(b"pw")
        self.locked = self._write("locked.key", key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, lock))
        self.locked_old = self._write(
            "old.key", key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, lock)
        )
        plain = form.NoEncryption()
        self.key_der = self._write("key.der", key.private_bytes(form.Encoding.DER, form.PrivateFormat.PKCS8, plain))
        pem = Path(self.certificate).read_text()
        self.certificate_der = self._write("certificate.der", ssl.PEM_cert_to_DER_cert(pem))
        self.text = self._write("text.pem", b"not a certificate")
        self.empty = self._write("empty.pem", b"")
        self.ca_and_key = self._write("both.pem", Path(self.key).read_bytes() + Path(self.ca.file).read_bytes())
        self.cut = self._write("cut.pem", Path(self.certificate).read_bytes()[:300] + b"\n-----END CERTIFICATE-----\n")

    def _write(self, name: str, content: bytes) -> str:
        path = self._folder / name
        path.write_bytes(content)
        return str(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.parametrize(
    ("certificate", "key", "setting", "words"),
    [
        ("certificate", "locked", "tlskey", "is under a passphrase, which is not supported (openssl pkey"),
        ("certificate", "locked_old", "tlskey", "is under a passphrase"),
        ("certificate", "other_key", "tlskey", "is the private key of another certificate"),
        ("certificate", "key_der", "tlskey", "is DER, not PEM (openssl pkey"),
        ("certificate", "certificate", "tlskey", "has no private key in it, but: certificate"),
        ("certificate", "", "tlscert", "needs its private key (--tlskey)"),
        ("certificate_der", "key", "tlscert", "is DER, not PEM (openssl x509"),
        ("key", "certificate", "tlscert", "they are interchanged"),
        ("key", "key", "tlscert", "has no certificate in it, but: "),
        ("text", "key", "tlscert", "has no certificate in PEM in it"),
        ("missing", "key", "tlscert", "No such file or directory"),
        ("cut", "key", "tlscert", "cannot be used: "),
    ],
)
def test_unusable_pair_is_named(files: Files, certificate: str, key: str, setting: str, words: str) -> None:
    given = Settings(
        tlscert=getattr(files, certificate, "/nowhere/missing.pem"), tlskey=getattr(files, key) if key else ""
    )
    ((found, text),) = unusable(given)
    assert (found, words in text) == (setting, True), text
    with pytest.raises(OSError, match=re.escape(words)):
        tls.make_context(given)


@pytest.mark.parametrize(
    ("ca", "words"),
    [
        ("certificate_der", "is DER, not PEM"),
        ("key", "has no CA certificate in it, but: "),
        ("text", "has no CA certificate in PEM"),
        ("empty", "is empty"),
        ("cut", "cannot be used: "),
    ],
)
def test_unusable_ca_file_is_named(files: Files, ca: str, words: str) -> None:
    ((setting, text),) = unusable(Settings(tlsca=getattr(files, ca)))
    assert (setting, words in text) == ("tlsca", True), text


@pytest.mark.parametrize("ca", ["ca", "ca_and_key"])
def test_usable_files_are_used(files: Files, ca: str) -> None:
    file = files.ca.file if ca == "ca" else files.ca_and_key
    given = Settings(tlsca=file, tlscert=files.certificate, tlskey=files.key)
    assert not list(unusable(given))
    assert tls.make_context(given).get_ca_certs()


async def test_key_replaced_by_one_under_a_passphrase_fails_the_next_dial(
    nats_server: StartServer, files: Files, capfd: pytest.CaptureFixture[str]
) -> None:
    """OpenSSL would ask on the terminal, and the dial would wait for its whole time."""
    server = nats_server(config=files.ca.server_config(HOST, more="verify: true"))
    wanted = settings(server.url, tlsca=files.ca.file, tlscert=files.certificate, tlskey=files.key)
    async with listening(wanted) as run:
        await run.events.until(ev.Connected)
        shutil.copy(files.locked, files.key)
        run.probe.connections[0].connector.orders.give("reconnect")
        end = await run.events.until(ev.DialEnd)
    assert end.cause == "tls_files"
    assert "is under a passphrase" in end.text
    assert "PEM" not in capfd.readouterr().err
