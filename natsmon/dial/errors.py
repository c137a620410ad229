"""A dial that failed: a family of errors, each of which is also the built-in error for its cause.

A program that catches what nats-py raises (``ConnectionRefusedError``, ``TimeoutError``, ``ssl.SSLError``,
``socket.gaierror``) catches these too; ``except DialError`` catches them all. The error for a bad greeting is in
``natsmon.protocol.server_info``: it derives from nats-py's error, and this package does not import nats-py.
"""

import socket
import ssl
from errno import ECONNREFUSED
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

    def __new__(cls, *args: Any, **options: Any) -> "DialError":
        """An error of the class for its stage and cause."""
        if cls is DialError:
            subclass = _subclass(*args[:2], **options)
            return subclass.__new__(subclass)
        return super().__new__(cls)

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
        return _new, (type(self),), {**self.__dict__, "args": self.args}


def _new(cls: type[DialError]) -> DialError:
    return cls.__new__(cls)


class DialFailed(DialError, OSError):
    """A dial that failed for another cause: no route, a proxy's refusal, an error of a custom dialer."""


class DialRefused(DialError, ConnectionRefusedError):
    """The TCP connection was refused."""

    errno = ECONNREFUSED


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


def _subclass(stage: str = "", cause: str = "", **_: Any) -> type[DialError]:
    tls = stage == "tls" or cause.startswith("tls_")
    return _BY_CAUSE.get(cause) or (DialTlsError if tls else DialFailed)
