"""A CA whose certificates can be wrong in every way: expired, not yet valid, for other names, of another CA."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Authority:
    """A CA, with its certificate in ``.file``."""

    def __init__(self, folder: Path, name: str) -> None:
        self._ca = trustme.CA(organization_name=name)
        self._folder = folder / name
        self._folder.mkdir()
        self.file = str(self._folder / "ca.pem")
        self._ca.cert_pem.write_to_path(self.file)

    def issue(self, *names: str, days: tuple[float, float] = (-1, 30)) -> tuple[str, str]:
        """Certificate and key for some names, valid from and until so many days from now."""
        begins, ends = (datetime.now(UTC) + timedelta(days=day) for day in days)
        leaf = self._ca.issue_cert(*names, not_before=begins, not_after=ends)
        number = len(list(self._folder.iterdir()))
        certificate, key = self._folder / f"{number}.pem", self._folder / f"{number}.key"
        leaf.cert_chain_pems[0].write_to_path(str(certificate))
        leaf.private_key_pem.write_to_path(str(key))
        return str(certificate), str(key)

    def server_config(self, *names: str, days: tuple[float, float] = (-1, 30), more: str = "") -> str:
        """The ``tls`` block of a nats-server."""
        certificate, key = self.issue(*names, days=days)
        return f'tls {{ cert_file: "{certificate}", key_file: "{key}", ca_file: "{self.file}", {more} }}'


def homemade(folder: Path) -> str:
    """A server's certificate as people make them by hand, with no CA but itself: its file and, beside it, the key's.

    It leaves out what its key may be used for, and has a directory name among its names.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "homemade")])
    room = x509.DirectoryName(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "the cellar")]))
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=30))
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = made.add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), room]), critical=False
    )
    file = folder / "homemade.pem"
    file.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    file.with_suffix(".key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(file)
