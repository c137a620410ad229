"""Certificate chains of any kind, in files, and one dial that fails over them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from natsmon.config.settings import Server
from natsmon.lab.nats_server import NatsServer
from tests.harness.listening import settings
from tests.protocol.dialing import Failure, failure

Issued = tuple[ec.EllipticCurvePrivateKey, x509.Certificate]


def issuer_of(issuer: Issued) -> x509.AuthorityKeyIdentifier:
    """The extension that names the CA above a certificate's issuer: OpenSSL's ``authorityKeyIdentifier=issuer``."""
    above = x509.DirectoryName(issuer[1].issuer)
    return x509.AuthorityKeyIdentifier(None, [above], issuer[1].serial_number)


def published(url: str) -> x509.AuthorityInformationAccess:
    """The extension of a certificate with the URL of its issuer's."""
    at = x509.UniformResourceIdentifier(url)
    return x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, at)])


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
        hints: Sequence[x509.ExtensionType] = (),
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
        for hint in hints:
            made = made.add_extension(hint, critical=False)
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


async def refused(server: NatsServer | Server | str, **changes: Any) -> Failure:
    url = server.url if isinstance(server, NatsServer) else server
    return await failure(settings(url, retry_on_failed_connect=False, **changes))
