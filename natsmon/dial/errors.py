"""A dial that failed: a family of errors, each also the built-in error for its cause; and the causes of foreign errors.

A program that catches what nats-py raises (``ConnectionRefusedError``, ``TimeoutError``, ``ssl.SSLError``,
``socket.gaierror``) catches these too; ``except DialError`` catches them all. The error for a bad greeting is in
``natsmon.protocol.server_info``: it derives from nats-py's error, and this package does not import nats-py.
"""

import copyreg
import errno
import os
import socket
import ssl
from typing import Any, Literal

from natsmon.dial.causes import Cause, Stage

Hop = Literal["server", "proxy"]

_COPIED = ("errno", "strerror", "reason", "library", "verify_code", "verify_message")
"""Attributes of OSError and ssl.SSLError."""


class DialError(Exception):
    """A dial that failed. The constructor returns the subclass for the cause, as OSError does by errno.

    Args:
        stage: The stage that failed.
        cause: One of the closed set in ``natsmon.dial.causes``; any other word becomes ``unknown``.
        text: One line for a person, without the address.
        address: ``host:port`` that was dialed. The dialer fills it in where it is empty.
        origin: The foreign error. Its errno, reason and verification result are copied.
    """

    stage: Stage
    cause: Cause
    text: str
    address: str
    proxy: str
    """``host:port`` of the proxy on the way, empty without one."""
    hop: Hop
    """Which end failed: the server, or the proxy itself."""
    errno: int | None = None
    strerror: str | None = None

    def __new__(cls, stage: str = "", cause: str = "", *_: Any, **__: Any) -> "DialError":
        """An error of the class for its stage and cause."""
        if cls is not DialError:
            return super().__new__(cls)
        other = DialTlsError if stage == "tls" or cause.startswith("tls_") else DialFailed
        subclass = _BY_CAUSE.get(cause, other)
        return subclass.__new__(subclass)

    def __init__(
        self, stage: Stage, cause: str, text: str, *, address: str = "", origin: BaseException | None = None
    ) -> None:
        self.stage = stage
        self.cause = Cause(cause)
        self.text = text
        self.address = address
        self.proxy = ""
        self.hop = "server"
        while isinstance(origin, BaseExceptionGroup):
            origin = origin.exceptions[0]
        for name in _COPIED:
            if (value := getattr(origin, name, None)) is not None:
                setattr(self, name, value)
        self.args = (text,) if self.errno is None else (self.errno, text)

    def __str__(self) -> str:
        way = f" through the proxy {self.proxy}" if self.proxy else ""
        hop = f", at the {self.hop}" if self.proxy else ""
        return f"{self.address or 'dial'}{way}: {self.text} (stage {self.stage}, cause {self.cause}{hop})"

    def __reduce__(self) -> tuple[Any, ...]:
        return copyreg.__newobj__, (type(self),), {**self.__dict__, "args": self.args}  # type: ignore[attr-defined]


class DialFailed(DialError, OSError):
    """A dial that failed for another cause: no route, a proxy's refusal, an error of a custom dialer."""


class DialRefused(DialError, ConnectionRefusedError):
    """The TCP connection was refused."""

    errno = errno.ECONNREFUSED


class DialReset(DialError, ConnectionResetError):
    """The connection ended during the dial."""


class DialTimeout(DialError, TimeoutError):
    """No answer before the deadline."""


class DialNameError(DialError, socket.gaierror):
    """The name could not be resolved."""


class DialTlsError(DialError, ssl.SSLError):
    """The TLS handshake failed."""

    reason = ""
    library = ""


class DialCertificateError(DialTlsError, ssl.SSLCertVerificationError):
    """The certificate could not be verified."""

    verify_code = 0
    verify_message = ""


_BY_CAUSE: dict[str, type[DialError]] = {
    Cause.TIMEOUT: DialTimeout,
    Cause.REFUSED: DialRefused,
    Cause.RESET: DialReset,
    Cause.EOF: DialReset,
    Cause.DNS: DialNameError,
    **dict.fromkeys((Cause.TLS_NOT_YET_VALID, Cause.TLS_EXPIRED, Cause.TLS_UNKNOWN_CA), DialCertificateError),
    **dict.fromkeys((Cause.TLS_WRONG_NAME, Cause.TLS_WRONG_PURPOSE), DialCertificateError),
    **dict.fromkeys((Cause.TLS_WEAK, Cause.TLS_VERIFY), DialCertificateError),
}


# -- errors of a socket, a resolver or TLS ------------------------------------------------------------

_BY_ERRNO = {
    errno.ECONNREFUSED: Cause.REFUSED,
    **dict.fromkeys((errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE), Cause.RESET),
    **dict.fromkeys((errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EAFNOSUPPORT), Cause.UNREACHABLE),
    **dict.fromkeys((errno.ENETDOWN, errno.EHOSTDOWN), Cause.UNREACHABLE),
    errno.EADDRNOTAVAIL: Cause.LOCAL_PORTS,
    errno.ETIMEDOUT: Cause.TIMEOUT,
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), Cause.FILE_DESCRIPTORS),
    **dict.fromkeys((errno.EACCES, errno.EPERM), Cause.NOT_ALLOWED),
}

# OpenSSL's X509_V_ERR_* numbers (x509_vfy.h).
_BY_VERIFY_CODE = {
    **dict.fromkeys((2, 7, 18, 19, 20, 21), Cause.TLS_UNKNOWN_CA),
    9: Cause.TLS_NOT_YET_VALID,
    10: Cause.TLS_EXPIRED,
    26: Cause.TLS_WRONG_PURPOSE,
    **dict.fromkeys((62, 64), Cause.TLS_WRONG_NAME),
    **dict.fromkeys((66, 67, 68), Cause.TLS_WEAK),
}

# Alerts of the peer (RFC 8446, 6), in OpenSSL's words. An alert that is not here has no known cause.
_BY_ALERT = {
    "CERTIFICATE_REQUIRED": Cause.TLS_CLIENT_CERTIFICATE_MISSING,
    **dict.fromkeys(("HANDSHAKE_FAILURE", "INSUFFICIENT_SECURITY"), Cause.TLS_REFUSED),
    "PROTOCOL_VERSION": Cause.TLS_VERSION,
    **dict.fromkeys(("UNRECOGNIZED_NAME", "TLSV1_UNRECOGNIZED_NAME"), Cause.TLS_SERVER_NAME),
    **dict.fromkeys(("BAD_CERTIFICATE", "UNSUPPORTED_CERTIFICATE"), Cause.TLS_CLIENT_CERTIFICATE_REFUSED),
    **dict.fromkeys(("CERTIFICATE_EXPIRED", "CERTIFICATE_REVOKED"), Cause.TLS_CLIENT_CERTIFICATE_REFUSED),
    **dict.fromkeys(("CERTIFICATE_UNKNOWN", "UNKNOWN_CA", "ACCESS_DENIED"), Cause.TLS_CLIENT_CERTIFICATE_REFUSED),
}

# Our own side's errors, in OpenSSL's words.
_BY_TLS_REASON = {
    **dict.fromkeys(("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST"), Cause.TLS_MISMATCH),
    **dict.fromkeys(("PACKET_LENGTH_TOO_LONG", "UNKNOWN_PROTOCOL"), Cause.TLS_MISMATCH),
    **dict.fromkeys(("UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE"), Cause.TLS_VERSION),
    **dict.fromkeys(("EE_KEY_TOO_SMALL", "DH_KEY_TOO_SMALL"), Cause.TLS_WEAK),
}


def classify(error: BaseException) -> tuple[Cause, str]:
    """Return the cause and the text of an error from a socket, a resolver or TLS."""
    if isinstance(error, DialError):
        return error.cause, error.text
    if isinstance(error, TimeoutError):
        return Cause.TIMEOUT, str(error) or "timed out"
    if isinstance(error, socket.gaierror):
        return Cause.DNS, error.strerror or str(error) or "name not found"
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
    return Cause.UNKNOWN, described(error)


def described(error: BaseException) -> str:
    """Return the class and the text of an error; of a foreign class, even that may fail."""
    try:
        return f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:
        return type(error).__name__


def _classify_tls(error: ssl.SSLError) -> tuple[Cause, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        code: Any = error.verify_code
        return _BY_VERIFY_CODE.get(code, Cause.TLS_VERIFY), (error.verify_message or str(error)).rstrip(".")
    reason = (error.reason or "").upper()
    text = reason.replace("_", " ").lower() or str(error)
    alert = reason.partition("ALERT_")[2] or reason
    if alert in _BY_ALERT or "ALERT" in reason:
        return _BY_ALERT.get(alert, Cause.TLS_PROTOCOL), f"the server answered: {text}"
    cause = _BY_TLS_REASON.get(reason, Cause.TLS_PROTOCOL)
    return cause, "the peer does not speak TLS at this point" if cause is Cause.TLS_MISMATCH else text
