"""A CA whose certificates can be wrong in every way: expired, not yet valid, for other names, of another CA."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme


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
