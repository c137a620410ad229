"""Which of the TLS files cannot be used, and why: OpenSSL has one error for several defects."""

import ssl
from collections.abc import Iterator

from natsmon.config.settings import Settings
from natsmon.text.files import read_file
from natsmon.text.plain_text import printable

_LONGEST = 4 * 1024 * 1024
"""Bytes; the CA bundles of systems have some 300 KiB."""


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
        content = read_file(path, _LONGEST)
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
        return read_file(path, _LONGEST)
    except OSError:
        return b""
