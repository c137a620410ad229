"""Which certificate of a chain is at fault: the server's own, an intermediate that it sends, or a local CA.

OpenSSL's error names none of them. What the server sent is read with the extra ``tls``; the local CAs are always read.
"""

import re
import ssl
import time

from natsmon.dial.causes import Cause
from natsmon.protocol.certificates import (
    WHOLE_CHAIN,
    Certificate,
    file_certificates,
    is_issuer,
    issuer_hints,
    purposes,
    trusted_authorities,
    unverified_chain,
)
from natsmon.text import dates, units
from natsmon.text.plain_text import NAME_LIMIT, clip

_INTERMEDIATE = re.compile(r"\b(intermediate|issuing|signing|sub)", re.IGNORECASE)
_NAMES = 3

_Sent = tuple[bytes, Certificate]
"""A certificate in DER, and read."""
Finding = tuple[Cause, str]
"""The cause, more precise than OpenSSL's, and the evidence."""


def explain(cause: str, presented: list[bytes], context: ssl.SSLContext, ca_file: str) -> Finding | None:
    """Explain why a certificate was not trusted; None where nothing is known beyond ``cause``. Blocks.

    Args:
        cause: As the handshake ended.
        presented: The certificates that the server sent, its own first, in DER. Before Python 3.13 only its own.
        context: With the CAs that are trusted.
        ca_file: The file they are from; empty for the system's.
    """
    sent = _read(presented)
    local = trusted_authorities(context)
    store = f"the CA file {ca_file}" if ca_file else "the CA store of this machine"
    match cause:
        case Cause.TLS_EXPIRED | Cause.TLS_NOT_YET_VALID:
            return _outdated(Cause(cause), [each for _, each in sent], local, store)
        case Cause.TLS_UNKNOWN_CA if sent:
            return _unknown(sent, store, ca_file, has_ca=bool(local))
        case Cause.TLS_WRONG_PURPOSE if presented and (found := purposes(presented[0])):
            return Cause.TLS_WRONG_PURPOSE, f"the server's certificate is for {', '.join(found)} only"
    return None


def _read(ders: list[bytes]) -> list[_Sent]:
    return [(der, certificate) for der in ders for certificate in unverified_chain([der])]


def explain_own(file: str) -> str:
    """Return what is wrong with the client certificate, by its dates and purpose; empty for nothing. Blocks."""
    for der, own in _read(file_certificates(file)[:1]):
        if _outside(own):
            return f"the client certificate {_dated(own)}"
        allowed = purposes(der)
        if allowed and "clientAuth" not in allowed:
            return f"the client certificate is for {', '.join(allowed)} only, not for clientAuth"
    return ""


def _outdated(cause: Cause, chain: list[Certificate], local: list[Certificate], store: str) -> Finding | None:
    """OpenSSL checks from the CA down to the server's own certificate, and so does this."""

    def finding(if_expired: Cause, text: str) -> Finding:
        return if_expired if cause is Cause.TLS_EXPIRED else cause, text

    issuers = {certificate.issuer for certificate in chain}
    # Without the extra, a local CA is known to be the one only where it is the only one.
    used = [each for each in local if each.subject in issuers] if chain else local if len(local) == 1 else []
    if wrong := [each for each in used if _outside(each)]:
        return finding(Cause.TLS_CA_EXPIRED, f"the CA {_dated(wrong[0])}; it is in {store}, not at the server")
    for each in reversed(chain[1:]):
        if _outside(each):
            return finding(Cause.TLS_INTERMEDIATE_EXPIRED, f"the intermediate certificate {_dated(each)}")
    if chain and _outside(chain[0]):
        return finding(Cause.TLS_SERVER_EXPIRED, f"the server's certificate {_dated(chain[0])}")
    if chain and cause is Cause.TLS_EXPIRED:
        return Cause.TLS_INTERMEDIATE_EXPIRED, "neither the server's own certificate nor the local CA has expired"
    return None


def _unknown(sent: list[_Sent], store: str, ca_file: str, *, has_ca: bool) -> Finding:
    local = _read(file_certificates(ca_file)) if ca_file else []
    path = [sent[0]]
    while (above := _issuer(path[-1], sent, path)) is not None:
        path.append(above)
    der, top = path[-1]
    what = "it" if len(path) == 1 else f"the intermediate {_name(top.subject)} that the server sends"
    issuer = _name(top.issuer)
    if is_issuer(der, der):
        what = "the server's certificate is self-signed, and" if len(path) == 1 else f"its CA {issuer}"
        return Cause.TLS_UNKNOWN_CA, f"{what} is not in {store}{_list(local)}"
    if any(is_issuer(each, der, by_name=True) for each, _ in sent):
        other = f"an intermediate named {issuer} that has another key than the issuer of its certificate"
        return Cause.TLS_MISSING_INTERMEDIATE, f"the server sends {other}"
    if any(is_issuer(each, der, by_name=True) for each, _ in local):
        return Cause.TLS_UNKNOWN_CA, f"{store} has a CA named {issuer}, with another key: an older or a newer one"
    if local and not has_ca:
        return Cause.TLS_UNKNOWN_CA, f"{store} has no CA in it, but the certificate {_name(local[0][1].subject)}"
    hints = issuer_hints(der)
    likely = hints.above or _INTERMEDIATE.search(top.issuer) or (hints.published and not ca_file)
    missing = WHOLE_CHAIN and likely and not hints.root
    about = f", itself issued by {_name(hints.above)}" if hints.above and not hints.root else ""
    about += f", published at {clip(hints.published, NAME_LIMIT)}" if hints.published else ""
    unsent = "whose certificate the server does not send and" if missing else "which"
    cause = Cause.TLS_MISSING_INTERMEDIATE if missing else Cause.TLS_UNKNOWN_CA
    return cause, f"{what} is issued by {issuer}{about}, {unsent} {store} lacks{_list(local)}"


def _issuer(of: _Sent, sent: list[_Sent], path: list[_Sent]) -> _Sent | None:
    """The issuer among the certificates sent, which may be in any order."""
    return next((each for each in sent if each not in path and is_issuer(each[0], of[0])), None)


def _name(name: str) -> str:
    return f'"{clip(name, NAME_LIMIT)}"' if name else "a CA without a name"


def _list(local: list[_Sent]) -> str:
    names = ", ".join(_name(each.subject) for _, each in local[:_NAMES])
    return f" (it has {names}{units.and_more(len(local) - _NAMES)})" if names else ""


def _outside(certificate: Certificate) -> bool:
    return not certificate.not_before <= time.time() <= certificate.not_after


def _dated(certificate: Certificate) -> str:
    name = f'"{clip(certificate.subject, NAME_LIMIT) or "without a name"}"'
    if certificate.not_after < time.time():
        return f"{name} expired on {dates.day(certificate.not_after)}"
    return f"{name} is not valid before {dates.stamp(certificate.not_before)}"
