"""TLS on a dialed stream: the context for the settings, and the result of the handshake."""

import asyncio
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from natsmon.config.settings import Server, Settings
from natsmon.dial.starttls import upgrade as upgrade
from natsmon.dial.stream import Stream
from natsmon.protocol.tls_files import no_passphrase, unusable


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
