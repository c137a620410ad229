"""The causes of foreign errors: from a socket, a resolver, or TLS."""

import errno
import os
import socket
import ssl
from typing import Any

from natsmon.dial.causes import Cause
from natsmon.dial.errors import DialError

_BY_ERRNO = {
    errno.ECONNREFUSED: Cause.REFUSED,
    errno.ECONNRESET: Cause.RESET,
    errno.ECONNABORTED: Cause.RESET,
    errno.EPIPE: Cause.RESET,
    errno.ENETUNREACH: Cause.UNREACHABLE,
    errno.EHOSTUNREACH: Cause.UNREACHABLE,
    errno.ENETDOWN: Cause.UNREACHABLE,
    errno.EHOSTDOWN: Cause.UNREACHABLE,
    errno.EAFNOSUPPORT: Cause.UNREACHABLE,
    errno.EADDRNOTAVAIL: Cause.LOCAL_PORTS,
    errno.ETIMEDOUT: Cause.TIMEOUT,
    errno.EMFILE: Cause.FILE_DESCRIPTORS,
    errno.ENFILE: Cause.FILE_DESCRIPTORS,
    errno.EACCES: Cause.NOT_ALLOWED,
    errno.EPERM: Cause.NOT_ALLOWED,
}

# OpenSSL's X509_V_ERR_* numbers (x509_vfy.h).
_BY_VERIFY_CODE = {
    2: Cause.TLS_UNKNOWN_CA,
    7: Cause.TLS_UNKNOWN_CA,
    9: Cause.TLS_NOT_YET_VALID,
    10: Cause.TLS_EXPIRED,
    18: Cause.TLS_UNKNOWN_CA,
    19: Cause.TLS_UNKNOWN_CA,
    20: Cause.TLS_UNKNOWN_CA,
    21: Cause.TLS_UNKNOWN_CA,
    26: Cause.TLS_WRONG_PURPOSE,
    62: Cause.TLS_WRONG_NAME,
    64: Cause.TLS_WRONG_NAME,
    66: Cause.TLS_WEAK,
    67: Cause.TLS_WEAK,
    68: Cause.TLS_WEAK,
}

# Alerts of the peer (RFC 8446, 6), in OpenSSL's words. An alert that is not here has no known cause.
_BY_ALERT = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": Cause.TLS_CLIENT_CERTIFICATE_MISSING,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": Cause.TLS_REFUSED,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": Cause.TLS_REFUSED,
    "TLSV1_ALERT_PROTOCOL_VERSION": Cause.TLS_VERSION,
    "TLSV1_UNRECOGNIZED_NAME": Cause.TLS_SERVER_NAME,
    "TLSV1_ALERT_UNRECOGNIZED_NAME": Cause.TLS_SERVER_NAME,
    "SSLV3_ALERT_BAD_CERTIFICATE": Cause.TLS_CLIENT_CERTIFICATE_REFUSED,
    "TLSV1_ALERT_BAD_CERTIFICATE": Cause.TLS_CLIENT_CERTIFICATE_REFUSED,
    "TLSV1_ALERT_UNKNOWN_CA": Cause.TLS_CLIENT_CERTIFICATE_REFUSED,
    "TLSV1_ALERT_ACCESS_DENIED": Cause.TLS_CLIENT_CERTIFICATE_REFUSED,
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": Cause.TLS_CLIENT_CERTIFICATE_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": Cause.TLS_CLIENT_CERTIFICATE_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": Cause.TLS_CLIENT_CERTIFICATE_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_REVOKED": Cause.TLS_CLIENT_CERTIFICATE_REFUSED,
}

# Our own side's errors, in OpenSSL's words.
_BY_TLS_REASON = {
    "WRONG_VERSION_NUMBER": Cause.TLS_MISMATCH,
    "RECORD_LAYER_FAILURE": Cause.TLS_MISMATCH,
    "HTTP_REQUEST": Cause.TLS_MISMATCH,
    "PACKET_LENGTH_TOO_LONG": Cause.TLS_MISMATCH,
    "UNKNOWN_PROTOCOL": Cause.TLS_MISMATCH,
    "UNSUPPORTED_PROTOCOL": Cause.TLS_VERSION,
    "NO_PROTOCOLS_AVAILABLE": Cause.TLS_VERSION,
    "EE_KEY_TOO_SMALL": Cause.TLS_WEAK,
    "DH_KEY_TOO_SMALL": Cause.TLS_WEAK,
}


def classify(error: BaseException) -> tuple[Cause, str]:
    """Return the cause and the text of an error from a socket, a resolver or TLS."""
    if isinstance(error, DialError):
        return error.cause, error.text
    if isinstance(error, TimeoutError):
        return Cause.TIMEOUT, str(error) or "timed out"
    if isinstance(error, socket.gaierror):
        return Cause.DNS, error.strerror or str(error)
    if isinstance(error, ssl.SSLError):
        return _classify_tls(error)
    if isinstance(error, EOFError):
        return Cause.EOF, str(error) or "closed by the server"
    if isinstance(error, ConnectionResetError | BrokenPipeError) and not error.errno:
        return Cause.RESET, str(error) or "connection reset"  # asyncio's own, raised by a write after the loss
    if isinstance(error, OSError):
        # asyncio puts sentences of its own into strerror; the system's text for the number is shorter.
        text = os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
        return _BY_ERRNO.get(error.errno or 0, Cause.UNKNOWN), text
    return Cause.UNKNOWN, f"{type(error).__name__}: {error}"


def _classify_tls(error: ssl.SSLError) -> tuple[Cause, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        code: Any = error.verify_code
        return _BY_VERIFY_CODE.get(code, Cause.TLS_VERIFY), (error.verify_message or str(error)).rstrip(".")
    reason = (error.reason or "").upper()
    text = reason.replace("_", " ").lower() or str(error)
    if reason in _BY_ALERT or "ALERT" in reason:
        return _BY_ALERT.get(reason, Cause.TLS_PROTOCOL), f"the server answered: {text}"
    cause = _BY_TLS_REASON.get(reason, Cause.TLS_PROTOCOL)
    return cause, "the peer does not speak TLS at this point" if cause is Cause.TLS_MISMATCH else text
