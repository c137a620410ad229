"""Why a dial or a connection ended: one word each, and the one boundary where foreign errors become ours."""

import errno
import os
import socket
import ssl

from natsmon.dial.errors import DialError

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

# What the other side says in a TLS alert when it does not like our certificate, or misses one (RFC 8446, 6); of
# a handshake that failed, it may not like anything.
_ALERTS = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "tls_client_certificate_missing",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "tls_refused",
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
    ("authentication timeout", "auth_timeout"),
    ("user authentication expired", "auth_expired"),
    ("account authentication expired", "auth_expired"),
    ("user authentication revoked", "auth_revoked"),
    ("maximum connections exceeded", "limit"),
    ("maximum account", "account_limit"),
    ("maximum payload", "max_payload"),
    ("maximum subscriptions", "account_limit"),
    ("connection throttling", "limit"),
    ("secure connection", "tls_required"),
    ("stale connection", "stale"),
    ("server shutdown", "shutdown"),
    ("attempted to connect to", "wrong_port"),
)

# What a server notes of a connection it closed (nats-server's ClosedState), by its beginning.
_BY_CLOSE_REASON = (
    ("client closed", "closed"),
    ("authentication timeout", "auth_timeout"),
    ("authentication failure", "auth"),
    ("authentication expired", "auth_expired"),
    ("credentials revoked", "auth_revoked"),
    ("tls handshake", "tls_protocol"),
    ("slow consumer", "slow_consumer"),
    ("write error", "reset"),
    ("read error", "reset"),
    ("stale connection", "stale"),
    ("incorrect port", "wrong_port"),
    ("maximum connections", "limit"),
    ("maximum account", "account_limit"),
    ("maximum subscriptions", "account_limit"),
    ("maximum message payload", "max_payload"),
    ("server shutdown", "shutdown"),
    ("kicked", "kicked"),
)


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
    if isinstance(error, ConnectionResetError | BrokenPipeError) and not error.errno:
        return "reset", str(error) or "connection reset"  # asyncio's own, raised by a write after the loss
    if isinstance(error, OSError):
        # asyncio puts sentences of its own into strerror; the system's word for the number says it better.
        text = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
        return _BY_ERRNO.get(error.errno or 0, "unknown"), text
    return "unknown", f"{type(error).__name__}: {error}"


def _classify_tls(error: ssl.SSLError) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(error.verify_code, "tls_verify"), (error.verify_message or str(error)).rstrip(".")
    reason = (error.reason or "").upper()
    said = reason.replace("_", " ").lower() or str(error)
    if reason in _ALERTS:
        return _ALERTS[reason], f"the server answered: {said}"
    if reason in _NOT_TLS:
        return "tls_mismatch", "the peer does not speak TLS at this point"
    return "tls_protocol", said


def classify_server_error(text: str) -> str:
    """The cause class of what a server wrote behind ``-ERR``."""
    return _by_beginning(_BY_SERVER_ERROR, text.strip().strip("'")) or "protocol"


def classify_close_reason(text: str) -> str:
    """The cause class of what a server noted of a connection it closed; ``unknown`` for what it is new to."""
    return _by_beginning(_BY_CLOSE_REASON, text) or "unknown"


def _by_beginning(table: tuple[tuple[str, str], ...], text: str) -> str:
    said = text.casefold()
    return next((cause for beginning, cause in table if said.startswith(beginning)), "")
