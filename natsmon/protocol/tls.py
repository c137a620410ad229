"""TLS on a dialed stream: the context the settings ask for, and what the handshake agreed on."""

import asyncio
import ssl
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from natsmon.config.settings import Server, Settings
from natsmon.dial.dialer import Stream
from natsmon.protocol.starttls import upgrade as upgrade
from natsmon.stream.events import Certificate
from natsmon.text.plain_text import printable


def wanted(server: Server, settings: Settings) -> bool:
    """True when the user insists on TLS, by URL or by a setting that makes no sense without it."""
    return server.scheme in ("tls", "wss") or settings.tlsfirst or bool(settings.tlsca or settings.tlscert)


async def prepared_context(settings: Settings) -> ssl.SSLContext:
    """``make_context``, on a thread when the context is not there yet: a loop should not stand still for it."""
    ready = _contexts.get(_files(settings))
    return ready if ready is not None else await asyncio.to_thread(make_context, settings)


def make_context(settings: Settings) -> ssl.SSLContext:
    """The context for a client of these settings; raises OSError or ssl.SSLError when a file is no good.

    Reading the system's CAs takes longer than a dial, so a context is kept until one of its files changes.
    """
    key = _files(settings)
    if key not in _contexts:
        context = _context(settings.tlsca, settings.tlscert, settings.tlskey)
        _contexts.clear()
        _contexts[key] = context
    return _contexts[key]


_contexts: dict[tuple[str | int, ...], ssl.SSLContext] = {}
"""The one made last, by its files and when they were changed."""


def _files(settings: Settings) -> tuple[str | int, ...]:
    files = (settings.tlsca, settings.tlscert, settings.tlskey)
    return (*files, *(Path(file).stat().st_mtime_ns for file in files if file))


def _context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python 3.13 turns down CAs that Go and Python 3.12 take, as openssl req -x509 makes them: no key usage in them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if certificate:
        context.load_cert_chain(certificate, key or None)
    return context


def unusable(settings: Settings) -> Iterator[tuple[str, str]]:
    """The settings whose file TLS can do nothing with, and what to say of it."""
    if settings.tlsca:
        try:
            ssl.create_default_context(cafile=settings.tlsca)
        except OSError:
            yield "tlsca", f'"{printable(settings.tlsca)}" has no CA certificate in PEM in it'
    if settings.tlscert:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(
                settings.tlscert, settings.tlskey or None, password=_no_password
            )
        except (OSError, ValueError):
            what = f' and "{printable(settings.tlskey)}"' if settings.tlskey else ""
            yield "tlscert", f'"{printable(settings.tlscert)}"{what} are not a certificate and its key, in PEM'


def _no_password() -> str:
    raise ValueError("a key under a password is not supported")


def version(stream: Stream) -> str:
    """``TLSv1.3``, or empty without TLS."""
    tls = stream.writer.get_extra_info("ssl_object")
    return (tls.version() or "") if tls is not None else ""


def cipher(stream: Stream) -> str:
    tls = stream.writer.get_extra_info("ssl_object")
    agreed = tls.cipher() if tls is not None else None
    return agreed[0] if agreed else ""


class Agreement(NamedTuple):
    """What a handshake ended with, the certificates still to be read: that takes longer than to take them."""

    version: str
    cipher: str
    server_name: str
    certificate: dict[str, Any]
    authorities: list[bytes]


def agreement(stream: Stream, server_name: str) -> Agreement:
    tls = stream.writer.get_extra_info("ssl_object")
    # Only the server's own certificate before Python 3.13.
    chain = tls.get_verified_chain()[1:] if hasattr(tls, "get_verified_chain") else []
    return Agreement(version(stream), cipher(stream), server_name, tls.getpeercert() or {}, chain)


def chain(agreed: Agreement) -> list[Certificate]:
    """The certificates the server showed, its own first."""
    own = [_certificate(agreed.certificate)] if agreed.certificate else []
    return own + [c for der in agreed.authorities if (c := _authority(der)) is not None]


def _authority(der: bytes) -> Certificate | None:
    """A CA certificate, read by the one public way that the standard library has for it."""
    reader = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        reader.load_verify_locations(cadata=der)
    except ssl.SSLError:
        return None
    found = reader.get_ca_certs()
    return _certificate(found[0]) if found else None


def _certificate(told: Any) -> Certificate:
    return Certificate(
        subject=_name(told.get("subject", ())),
        issuer=_name(told.get("issuer", ())),
        names=[_alternative(value) for _, value in told.get("subjectAltName", ())],
        not_before=_seconds(told.get("notBefore")),
        not_after=_seconds(told.get("notAfter")),
    )


def _alternative(value: Any) -> str:
    """Of the alternative names, a directory name comes as its parts."""
    return value if isinstance(value, str) else _name(value)


def look_context() -> ssl.SSLContext:
    """A context that trusts everybody: for looking at a certificate, never for a connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def shown(stream: Stream) -> list[bytes]:
    """The certificates the server showed, trusted or not, in DER; only its own before Python 3.13."""
    tls = stream.writer.get_extra_info("ssl_object")
    if tls is None:
        return []
    if hasattr(tls, "get_unverified_chain"):
        return list(tls.get_unverified_chain() or ())
    own = tls.getpeercert(binary_form=True)
    return [own] if own else []


def read(ders: list[bytes]) -> list[Certificate]:
    """Certificates that nobody vouches for, as they describe themselves; none without the extra ``tls``.

    Python reads only the certificates it has verified. Importing what reads others takes a while.
    """
    try:
        from cryptography import x509
    except ImportError:
        return []
    found = []
    for der in ders:
        # A peer may show anything: what is wrong with it has a dozen exceptions, and warnings for our terminal.
        with suppress(Exception), warnings.catch_warnings(action="ignore"):
            told = x509.load_der_x509_certificate(der)
            found.append(
                Certificate(
                    subject=_x509_name(told.subject),
                    issuer=_x509_name(told.issuer),
                    names=_x509_names(told),
                    not_before=told.not_valid_before_utc.timestamp(),
                    not_after=told.not_valid_after_utc.timestamp(),
                )
            )
    return found


def _x509_name(name: Any) -> str:
    parts = [(part.rfc4514_attribute_name, str(part.value)) for part in name]
    common = [value for key, value in parts if key == "CN"]
    return common[0] if common else ", ".join(f"{key}={value}" for key, value in parts)


def _x509_names(certificate: Any) -> list[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return []  # the rest of it can be told all the same
    return [_x509_name(name.value) if isinstance(name, x509.DirectoryName) else str(name.value) for name in names]


def _name(parts: Any) -> str:
    """A distinguished name: the common name where it has one, else all of it."""
    pairs = [pair for part in parts for pair in part]
    common = [value for key, value in pairs if key == "commonName"]
    return common[0] if common else ", ".join(f"{key}={value}" for key, value in pairs)


def _seconds(date: str | None) -> float:
    return float(ssl.cert_time_to_seconds(date)) if date else 0.0
