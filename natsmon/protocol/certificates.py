"""Certificates as the peer presented them, read into plain values."""

import ssl
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from natsmon.dial.stream import Stream

WHOLE_CHAIN = hasattr(ssl.SSLObject, "get_unverified_chain")
"""Whether all that a peer presents can be read, not its own certificate only: from Python 3.13 on."""


class Certificate(NamedTuple):
    """One certificate of a chain; dates are seconds since the epoch."""

    subject: str
    issuer: str
    names: list[str]
    not_before: float
    not_after: float


def verified_chain(certificate: dict[str, Any], authorities: list[bytes]) -> list[Certificate]:
    """Read the chain of a handshake that succeeded: the server's own certificate, and those that signed it, in DER."""
    own = [_certificate(certificate)] if certificate else []
    return own + [c for der in authorities if (c := _authority(der)) is not None]


def presented_chain(stream: Stream) -> list[bytes]:
    """The certificates the server presented, verified or not, in DER; only its own before Python 3.13."""
    tls = stream.writer.get_extra_info("ssl_object")
    if tls is None:
        return []
    if WHOLE_CHAIN:
        return list(tls.get_unverified_chain() or ())
    own = tls.getpeercert(binary_form=True)
    return [own] if own else []


def _authority(der: bytes) -> Certificate | None:
    """Read a CA certificate, by the one public way the standard library has."""
    reader = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        reader.load_verify_locations(cadata=der)
    except ssl.SSLError:
        return None
    found = reader.get_ca_certs()
    return _certificate(found[0]) if found else None


def _certificate(fields: Any) -> Certificate:
    return Certificate(
        subject=_name(fields.get("subject", ())),
        issuer=_name(fields.get("issuer", ())),
        names=[each if isinstance(each, str) else _name(each) for _, each in fields.get("subjectAltName", ())],
        not_before=_seconds(fields.get("notBefore")),
        not_after=_seconds(fields.get("notAfter")),
    )


@contextmanager
def _tolerant() -> Iterator[None]:
    """A malformed certificate raises one of a dozen exceptions, and emits warnings that would reach the terminal."""
    with suppress(Exception), warnings.catch_warnings(action="ignore"):
        yield


def _parsed(der: bytes) -> Any:
    """The certificate, as the library of the extra ``tls`` has it; importing that takes a while."""
    from cryptography import x509

    return x509.load_der_x509_certificate(der)


def unverified_chain(ders: list[bytes]) -> list[Certificate]:
    """Read certificates that were not verified, but for those that cannot be read; empty without the extra ``tls``.

    The standard library reads verified certificates only.
    """
    found = []
    for der in ders:
        with _tolerant():
            parsed = _parsed(der)
            found.append(
                Certificate(
                    subject=_x509_name(parsed.subject),
                    issuer=_x509_name(parsed.issuer),
                    names=_x509_names(parsed),
                    not_before=parsed.not_valid_before_utc.timestamp(),
                    not_after=parsed.not_valid_after_utc.timestamp(),
                )
            )
    return found


def trusted_authorities(context: ssl.SSLContext) -> list[Certificate]:
    """Read the CAs that a context trusts, with names as ``unverified_chain`` has them where the extra is installed."""
    return unverified_chain(context.get_ca_certs(binary_form=True)) or [
        _certificate(fields) for fields in context.get_ca_certs()
    ]


def is_issuer(der: bytes, issued: bytes, *, by_name: bool = False) -> bool:
    """Whether one certificate has issued another, by name and key or by name alone; False without the extra ``tls``."""
    with _tolerant():
        issuer, other = _parsed(der), _parsed(issued)
        if not by_name:
            other.verify_directly_issued_by(issuer)
        return bool(issuer.subject == other.issuer)
    return False


class IssuerHints(NamedTuple):
    """What a certificate has about its issuer beside the name."""

    above: str = ""
    """Name of the CA that issued the issuer's certificate; empty where it is not given."""
    root: bool = False
    """The issuer issued its own certificate."""
    published: str = ""
    """URL of the issuer's certificate."""


def issuer_hints(der: bytes) -> IssuerHints:
    """Read the extensions about the issuer (RFC 5280, 4.2.1.1 and 4.2.2.1); all empty without the extra ``tls``."""
    hints = IssuerHints()
    with _tolerant():
        from cryptography import x509
        from cryptography.x509.oid import AuthorityInformationAccessOID

        parsed = _parsed(der)
        for extension in parsed.extensions:
            value = extension.value
            if isinstance(value, x509.AuthorityKeyIdentifier) and value.authority_cert_issuer:
                above = value.authority_cert_issuer[0].value
                hints = hints._replace(above=_x509_name(above), root=above == parsed.issuer)
            elif isinstance(value, x509.AuthorityInformationAccess):
                issuers = (each for each in value if each.access_method == AuthorityInformationAccessOID.CA_ISSUERS)
                hints = hints._replace(published=next((str(each.access_location.value) for each in issuers), ""))
    return hints


def file_certificates(file: str) -> list[bytes]:
    """Every certificate of a PEM file in DER, CA or not; empty for a file without one, or without the extra ``tls``."""
    with _tolerant():
        from cryptography import x509
        from cryptography.hazmat.primitives.serialization import Encoding

        found = x509.load_pem_x509_certificates(Path(file).read_bytes())
        return [each.public_bytes(Encoding.DER) for each in found]
    return []


def purposes(der: bytes) -> list[str]:
    """Return what a certificate may be used for (extended key usage); empty for anything, or without the extra."""
    with _tolerant():
        from cryptography.x509 import ExtendedKeyUsage

        return [use._name for use in _parsed(der).extensions.get_extension_for_class(ExtendedKeyUsage).value]  # noqa: SLF001
    return []


def _x509_name(name: Any) -> str:
    return _common((part.rfc4514_attribute_name, str(part.value)) for part in name)


def _x509_names(certificate: Any) -> list[str]:
    with _tolerant():  # the other fields can be shown
        from cryptography import x509

        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return [_x509_name(name.value) if isinstance(name, x509.DirectoryName) else str(name.value) for name in names]
    return []


def _name(parts: Any) -> str:
    return _common(pair for part in parts for pair in part)


def _common(parts: Iterable[tuple[str, str]]) -> str:
    """A distinguished name: the common name where it has one, else all of it."""
    pairs = list(parts)
    common = [value for key, value in pairs if key in ("CN", "commonName")]
    return common[0] if common else ", ".join(f"{key}={value}" for key, value in pairs)


def _seconds(date: str | None) -> float:
    return float(ssl.cert_time_to_seconds(date)) if date else 0.0
