"""What the transport needs of its client, and the error of a program that uses it wrongly."""

from typing import Any, Protocol
from urllib.parse import ParseResult


class Misuse(BaseException):
    """A fault of the program, not of the dial. nats-py retries after any Exception in a dial, so this is none."""

    def __init__(self, error: Exception) -> None:
        super().__init__(error)
        self.error = error


class DialingClient(Protocol):
    """What the transport asks of its client; ``natsmon.Client`` is one."""

    options: dict[str, Any]

    @property
    def is_closed(self) -> bool:
        """Whether the client was closed."""

    @property
    def servers(self) -> list[ParseResult]:
        """The server pool."""

    @property
    def initial(self) -> bool:
        """Whether the initial connect is under way."""

    def given_up(self) -> bool:
        """Whether the running dial was cancelled, without nats-py noticing."""


def requires_tls(client: DialingClient) -> bool:
    """As in nats.go, one ``tls://`` URL, or a TLS option, requires TLS of every server of the pool."""
    return bool(client.options.get("tls")) or any(server.scheme == "tls" for server in client.servers)
