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

# OpenSSL's X509_V_ERR_* numbers, by what a person would say of them.
_BY_VERIFY_CODE = {
    9: "tls_not_yet_valid",
    10: "tls_expired",
    18: "tls_unknown_ca",
    19: "tls_unknown_ca",
    20: "tls_unknown_ca",
    21: "tls_unknown_ca",
    62: "tls_wrong_name",
    64: "tls_wrong_name",
}

# What the other side says in a TLS alert when it does not like our certificate, or misses one (RFC 8446, 6).
_CLIENT_CERTIFICATE_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "tls_client_certificate_missing",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "tls_client_certificate_missing",
    "SSLV3_ALERT_BAD_CERTIFICATE": "tls_client_certificate_refused",
    "TLSV1_ALERT_BAD_CERTIFICATE": "tls_client_certificate_refused",
    "TLSV1_ALERT_UNKNOWN_CA": "tls_client_certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "tls_client_certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "tls_client_certificate_refused",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "tls_client_certificate_refused",
}

_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "HTTP_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "UNKNOWN_PROTOCOL",
)

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
    if isinstance(error, ssl.SSLError):
        return _classify_tls(error)
    if isinstance(error, EOFError):
        return "eof", str(error) or "closed by the server"
    if isinstance(error, OSError):
        # asyncio puts sentences of its own into strerror; the system's word for the number says it better.
        text = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
        return _BY_ERRNO.get(error.errno or 0, "unknown"), text
    return "unknown", f"{type(error).__name__}: {error}"


def _classify_tls(error: ssl.SSLError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(error.verify_code, "tls_verify"), error.verify_message or str(error)
    reason = (error.reason or "").upper()
    said = reason.replace("_", " ").lower() or str(error)
    if reason in _CLIENT_CERTIFICATE_ALERTS:
        return _CLIENT_CERTIFICATE_ALERTS[reason], f"the server answered: {said}"
    if reason in _NOT_TLS:
        return "tls_mismatch", "the peer does not speak TLS at this point"
    return "tls_protocol", said


def classify_server_error(text: str) -> str:
    """The cause class of what a server wrote behind ``-ERR``."""
    said = text.strip().strip("'").lower()
    return next((cause for beginning, cause in _BY_SERVER_ERROR if said.startswith(beginning)), "protocol")
