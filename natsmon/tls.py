"""TLS on a dialed stream: the context the settings ask for, the handshake, and what it agreed on."""

import asyncio
import ssl
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from natsmon.causes import DialError, classify
from natsmon.dialer import Stream
from natsmon.events import Certificate
from natsmon.plaintext import printable
from natsmon.settings import Server, Settings


def wanted(server: Server, settings: Settings) -> bool:
    """True when the user insists on TLS, by URL or by a setting that makes no sense without it."""
    return server.scheme == "tls" or settings.tlsfirst or bool(settings.tlsca or settings.tlscert)


def make_context(settings: Settings) -> ssl.SSLContext:
    """The context for a client of these settings; raises OSError or ssl.SSLError when a file is no good.

    Reading the system's CAs takes longer than a dial, so a context is kept until one of its files changes.
    """
    files = (settings.tlsca, settings.tlscert, settings.tlskey)
    return _context(*files, tuple(Path(file).stat().st_mtime_ns for file in files if file))


@lru_cache(maxsize=4)
def _context(ca: str, certificate: str, key: str, changed: tuple[int, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
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


async def upgrade(stream: Stream, context: ssl.SSLContext, server_name: str, *, first: bool) -> None:
    """Put a stream under TLS. Raises DialError in the stage ``tls`` with what was wrong with the handshake.

    What came in clear before it is not believed afterwards: anybody on the way could have put it there.
    ``first`` says that nothing should have come at all.
    """
    if await _spoken(stream.reader):
        if first:
            raise DialError("tls", "tls_first_mismatch", "the server spoke before the TLS handshake: not TLS-first")
        raise DialError("tls", "protocol", "more than INFO came in clear before the TLS handshake")
    try:
        await stream.writer.start_tls(context, server_hostname=server_name, ssl_handshake_timeout=_NEVER)
    except (ConnectionResetError, BrokenPipeError, EOFError) as error:
        raise DialError("tls", "tls_mismatch", "the server ended the connection in the TLS handshake") from error
    except OSError as error:  # ssl.SSLError is one
        raise DialError("tls", *classify(error)) from error


async def _spoken(reader: asyncio.StreamReader) -> bool:
    """True when bytes have come that nobody has read. What is there is given without waiting."""
    try:
        async with asyncio.timeout(0):
            return bool(await reader.read(1))
    except TimeoutError:
        return False


_NEVER = 10.0**6
"""Seconds; the deadline of the dial is what bounds a handshake."""


def version(stream: Stream) -> str:
    """``TLSv1.3``, or empty without TLS."""
    tls = stream.writer.get_extra_info("ssl_object")
    return (tls.version() or "") if tls is not None else ""


def cipher(stream: Stream) -> str:
    tls = stream.writer.get_extra_info("ssl_object")
    agreed = tls.cipher() if tls is not None else None
    return agreed[0] if agreed else ""


def chain(stream: Stream) -> list[Certificate]:
    """The certificates the server showed, its own first; only that one where Python cannot read the others."""
    tls = stream.writer.get_extra_info("ssl_object")
    if tls is None:
        return []
    own = tls.getpeercert()
    certificates = [_certificate(own)] if own else []
    if hasattr(tls, "get_verified_chain"):  # from Python 3.13
        certificates += [c for der in tls.get_verified_chain()[1:] if (c := _authority(der)) is not None]
    return certificates


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
        names=[value for _, value in told.get("subjectAltName", ())],
        not_before=_seconds(told.get("notBefore")),
        not_after=_seconds(told.get("notAfter")),
    )


def _name(parts: Any) -> str:
    """A distinguished name: the common name where it has one, else all of it."""
    pairs = [pair for part in parts for pair in part]
    common = [value for key, value in pairs if key == "commonName"]
    return common[0] if common else ", ".join(f"{key}={value}" for key, value in pairs)


def _seconds(date: str | None) -> float:
    return float(ssl.cert_time_to_seconds(date)) if date else 0.0
