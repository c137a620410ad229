"""Why a dial or a connection ended: one word each, and the one boundary where foreign errors become ours."""

import errno
import os
import socket
import ssl

from natsmon.events import Stage

_BY_ERRNO = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "reset",
    errno.ECONNABORTED: "reset",
    errno.EPIPE: "reset",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETDOWN: "unreachable",
    errno.EHOSTDOWN: "unreachable",
    errno.EADDRNOTAVAIL: "unreachable",
    errno.EAFNOSUPPORT: "unreachable",
    errno.ETIMEDOUT: "timeout",
}

# What a server writes behind -ERR (ADR-40, "Error Handling"), matched by its beginning.
_BY_SERVER_ERROR = (
    ("authorization violation", "auth"),
    ("authentication timeout", "auth"),
    ("user authentication expired", "auth_expired"),
    ("account authentication expired", "auth_expired"),
    ("user authentication revoked", "auth_expired"),
    ("maximum connections exceeded", "limit"),
    ("maximum account", "limit"),
    ("maximum payload", "limit"),
    ("maximum subscriptions", "limit"),
    ("connection throttling", "limit"),
    ("secure connection", "tls_mismatch"),
    ("stale connection", "stale"),
    ("server shutdown", "shutdown"),
)


class DialError(ConnectionError):
    """A dial that failed: ``stage`` it was in, ``cause`` class, and ``str()`` the words for a person."""

    def __init__(self, stage: Stage, cause: str, text: str) -> None:
        super().__init__(text)
        self.stage = stage
        self.cause = cause
        self.text = text


def classify(error: BaseException) -> tuple[str, str]:
    """The cause class and the text of an error from a socket, a resolver or TLS."""
    if isinstance(error, DialError):
        return error.cause, error.text
    if isinstance(error, TimeoutError):
        return "timeout", str(error) or "timed out"
    if isinstance(error, socket.gaierror):
        return "dns", error.strerror or str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return "tls_verify", error.verify_message or str(error)
    if isinstance(error, ssl.SSLError):
        return "tls_protocol", error.reason or str(error)
    if isinstance(error, EOFError):
        return "eof", str(error) or "closed by the server"
    if isinstance(error, OSError):
        # asyncio puts sentences of its own into strerror; the system's word for the number says it better.
        text = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
        return _BY_ERRNO.get(error.errno or 0, "unknown"), text
    return "unknown", f"{type(error).__name__}: {error}"


def classify_server_error(text: str) -> str:
    """The cause class of what a server wrote behind ``-ERR``."""
    said = text.strip().strip("'").lower()
    return next((cause for beginning, cause in _BY_SERVER_ERROR if said.startswith(beginning)), "protocol")
