"""TLS on a dialed stream: the context for the settings, what is wrong with their files, the result of the handshake."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from natsmon.config.settings import Server, Settings
from natsmon.dial.starttls import upgrade as upgrade
from natsmon.dial.stream import Stream
from natsmon.text.files import read_file
from natsmon.text.plain_text import printable

_LONGEST_FILE = 4 * 1024 * 1024
"""Bytes; the CA bundles of systems have some 300 KiB."""


def wanted(server: Server, settings: Settings) -> bool:
    """Return whether TLS is required, by the URL or by a setting that implies it."""
    return server.scheme in ("tls", "wss") or settings.tlsfirst or bool(settings.tlsca or settings.tlscert)


async def prepared_context(settings: Settings) -> ssl.SSLContext:
    """``make_context``, on a thread unless the context is cached, so that the event loop is not blocked."""
    with suppress(OSError):
        if (ready := _contexts.get(_files(settings))) is not None:
            return ready
    return await asyncio.to_thread(make_context, settings)


def make_context(settings: Settings) -> ssl.SSLContext:
    """The client context for these settings, cached until a file changes: the system's CAs take longer than a dial.

    Raises OSError for a file that cannot be used; its text names the file and the defect.
    """
    try:
        key = _files(settings)
        if key not in _contexts:
            context = _context(settings.tlsca, settings.tlscert, settings.tlskey)
            _contexts.clear()
            _contexts[key] = context
        return _contexts[key]
    except (OSError, ValueError) as error:
        raise OSError("; ".join(text for _, text in unusable(settings)) or str(error)) from error


_contexts: dict[tuple[str | int, ...], ssl.SSLContext] = {}
"""The last one, by its files and their modification times."""


def _files(settings: Settings) -> tuple[str | int, ...]:
    files = (settings.tlsca, settings.tlscert, settings.tlskey)
    return (*files, *(Path(file).stat().st_mtime_ns for file in files if file))


def _context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Python 3.13 refuses CAs without key usage (openssl req -x509 makes them); Go and Python 3.12 accept them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # as in Go: any CA of the file is trusted, not the roots only
    if certificate:
        context.load_cert_chain(certificate, key or None, password=no_passphrase)
    return context


def server_name(server: Server, settings: Settings) -> str:
    """Return the name for SNI and for the verification, as Go has it.

    The dot at the end of an absolute name is for the resolver, and the zone of an address for the operating system.
    """
    name = settings.tls_server_name or server.tls_name or server.host
    if ":" in name:
        name = name.partition("%")[0]
    return name.rstrip(".") or name


def version(stream: Stream) -> str:
    """Return the TLS version, as ``TLSv1.3``; empty without TLS."""
    tls = stream.writer.get_extra_info("ssl_object")
    return (tls.version() or "") if tls is not None else ""


def cipher(stream: Stream) -> str:
    """Return the name of the cipher suite, empty without TLS."""
    tls = stream.writer.get_extra_info("ssl_object")
    agreed = tls.cipher() if tls is not None else None
    return agreed[0] if agreed else ""


class Agreement(NamedTuple):
    """The result of a TLS handshake. Its certificates are not parsed yet: that takes longer than the copy."""

    version: str
    cipher: str
    server_name: str
    certificate: dict[str, Any]
    authorities: list[bytes]
    """In DER; none before Python 3.13."""


def agreement(stream: Stream, server_name: str) -> Agreement:
    """Return what the handshake of a stream under TLS agreed on."""
    tls = stream.writer.get_extra_info("ssl_object")
    chain = tls.get_verified_chain()[1:] if hasattr(tls, "get_verified_chain") else []
    return Agreement(version(stream), cipher(stream), server_name, tls.getpeercert() or {}, chain)


def look_context() -> ssl.SSLContext:
    """Return a context without verification, for reading a certificate; no credentials are sent over it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


# -- files that cannot be used: OpenSSL has one error for several defects -------------------------------


def no_passphrase() -> str:
    """Callback for a key's passphrase, raises ValueError: without one, OpenSSL asks on the terminal and waits."""
    raise ValueError("the key is under a passphrase")


def unusable(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each setting whose file cannot be used, with the reason. Blocks, and never asks for a passphrase."""
    if settings.tlsca and (defect := _ca_defect(settings.tlsca)):
        yield "tlsca", f'"{printable(settings.tlsca)}" {defect}'
    if settings.tlscert:
        yield from _pair_defects(settings.tlscert, settings.tlskey)


def _ca_defect(path: str) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:
        return _content_defect(path, b"CERTIFICATE", "CA certificate") or f"cannot be used: {error.strerror or error}"
    return ""


def _pair_defects(certificate: str, key: str) -> Iterator[tuple[str, str]]:
    shown, key_shown = f'"{printable(certificate)}"', f'"{printable(key or certificate)}"'
    label = b"BEGIN CERTIFICATE-----"
    if key and label in _content(key) and label not in (content := _content(certificate)) and b"KEY-----" in content:
        yield "tlscert", f"{shown} is the private key and {key_shown} the certificate: they are interchanged"
        return
    if defect := _content_defect(certificate, b"CERTIFICATE", "certificate"):
        yield "tlscert", f"{shown} {defect}"
        return
    if not key and b"PRIVATE KEY-----" not in _content(certificate):
        yield "tlscert", f"{shown} needs its private key (--tlskey), which is not in that file"
        return
    if defect := _content_defect(key or certificate, b"PRIVATE KEY", "private key"):
        yield "tlskey", f"{key_shown} {defect}"
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, key or None, password=no_passphrase)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            yield "tlskey", f"{key_shown} is the private key of another certificate, not of {shown}"
        else:
            reason = (error.reason or str(error)).replace("_", " ").lower()
            yield "tlscert", f"{shown} and {key_shown} cannot be used: {reason}"
    except (OSError, ValueError) as error:
        yield "tlscert", f"{shown} and {key_shown} cannot be used: {error}"


def _content_defect(path: str, label: bytes, what: str) -> str:
    """What is wrong with a file that should hold something in PEM; empty when it holds it."""
    try:
        content = read_file(path, _LONGEST_FILE)
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if not content:
        return "is empty"
    if label == b"PRIVATE KEY" and (b"BEGIN ENCRYPTED PRIVATE KEY" in content or b"Proc-Type: 4,ENCRYPTED" in content):
        return "is under a passphrase, which is not supported (openssl pkey -in FILE -out NEW)"
    if label + b"-----" in content:
        return ""
    if content[:1] == b"\x30":
        tool = "pkey" if label == b"PRIVATE KEY" else "x509"
        return f"is DER, not PEM (openssl {tool} -inform der -in FILE -out NEW)"
    if b"-----BEGIN " in content:
        found = content.partition(b"-----BEGIN ")[2].partition(b"-----")[0][:40].decode(errors="replace").lower()
        return f"has no {what} in it, but: {printable(found)}"
    return f"has no {what} in PEM in it"


def _content(path: str) -> bytes:
    try:
        return read_file(path, _LONGEST_FILE)
    except OSError:
        return b""
