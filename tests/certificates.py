"""A CA of our own and what a nats-server under it needs, in files of the test's folder."""

import ssl
from datetime import datetime
from pathlib import Path

import trustme


class Certificates:
    def __init__(self, folder: Path, *names: str, not_after: datetime | None = None) -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self._ca.cert_pem.write_to_path(folder / "ca.pem")
        server = self._ca.issue_cert(*(names or ("127.0.0.1", "localhost")), not_after=not_after)
        server.private_key_pem.write_to_path(folder / "key.pem")
        server.cert_chain_pems[0].write_to_path(folder / "cert.pem")

    def config(self, *extra: str) -> str:
        """For ``NatsServer(config=…)``."""
        files = f'cert_file: "{self._folder}/cert.pem", key_file: "{self._folder}/key.pem"'
        return f"tls {{ {', '.join([files, *extra])} }}"

    def trusting(self) -> ssl.SSLContext:
        """A client's context that trusts this CA and no other."""
        return ssl.create_default_context(cafile=str(self._folder / "ca.pem"))

    def presenting(self) -> ssl.SSLContext:
        """A server's context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._folder / "cert.pem", self._folder / "key.pem")
        return context
