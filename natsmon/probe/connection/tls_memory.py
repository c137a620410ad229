"""TLS is sticky: once a server of the pool has demanded TLS, none gets credentials in clear (as in nats.c).

Otherwise an attacker who can reset a connection gets them sent to a server without TLS: at the old address, or at an
advertised one. Only a completed handshake counts, so that an INFO in clear cannot lock out a pool.
"""

from natsmon.config.settings import Server, Settings
from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError


class TlsMemory:
    """Whether a server of the pool has demanded TLS, and completed the handshake."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = settings.mixed_tls or not _has_credentials(settings)
        self._demanded_by = ""

    def demanded(self, server: Server) -> None:
        """A server that requires TLS has completed the handshake."""
        self._demanded_by = self._demanded_by or server.url

    def check_clear(self, server: Server) -> None:
        """Raise DialError (``tls_downgrade``), and send no credentials in clear, once a server demanded TLS."""
        if self._demanded_by and not self._allowed:
            text = f"{self._demanded_by} required TLS and {server.url} does not: no credentials were sent in clear"
            raise DialError("tls", Cause.TLS_DOWNGRADE, text)


def _has_credentials(settings: Settings) -> bool:
    given = (settings.user, settings.token, settings.jwt, settings.creds, settings.creds_data)
    return any(given) or bool(settings.nkey or settings.nkey_data)
