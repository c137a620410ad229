"""Which certificate of a chain is at fault: the server's own, an intermediate that it sends, or a local CA.

OpenSSL's error names none of them. What the server sent is read with the extra ``tls``; the local CAs are always read.
"""

import re
import ssl
import time
from pathlib import Path
from typing import NamedTuple

from natsmon.dial.causes import Cause
from natsmon.protocol.certificates import Certificate, purposes, trusted_authorities, unverified_chain
from natsmon.text import dates
from natsmon.text.plain_text import NAME_LIMIT, clip

_INTERMEDIATE = re.compile(r"\b(intermediate|issuing|signing|sub)", re.IGNORECASE)
_NAMES = 3
_END = "-----END CERTIFICATE-----"


class Finding(NamedTuple):
    """The cause, more precise than OpenSSL's, and the evidence."""

    cause: Cause
    text: str


def explain(cause: str, presented: list[bytes], context: ssl.SSLContext, ca_file: str) -> Finding | None:
    """Explain why a certificate was not trusted. Blocks.

    Args:
        cause: As the handshake ended.
        presented: The certificates that the server sent, its own first, in DER. Before Python 3.13 only its own.
        context: With the CAs that are trusted.
        ca_file: The file they are from; empty for the system's.

    Returns:
        None where nothing is known beyond ``cause``.
    """
    chain = unverified_chain(presented)
    local = trusted_authorities(context)
    store = f"the CA file {ca_file}" if ca_file else "the CA store of this machine"
    match cause:
        case Cause.TLS_EXPIRED | Cause.TLS_NOT_YET_VALID:
            return _outdated(Cause(cause), chain, local, store)
        case Cause.TLS_UNKNOWN_CA if chain:
            return _unknown(chain, local if ca_file else [], store)
        case Cause.TLS_WRONG_PURPOSE if presented and (found := purposes(presented[0])):
            return Finding(Cause.TLS_WRONG_PURPOSE, f"the server's certificate is for {', '.join(found)} only")
    return None


def explain_own(file: str) -> str:
    """Return what is wrong with the client certificate, by its dates and purpose; empty for nothing. Blocks."""
    try:
        der = ssl.PEM_cert_to_DER_cert(Path(file).read_text().partition("-----END CERTIFICATE-----")[0] + _END)
    except (OSError, ValueError):
        return ""
    own = unverified_chain([der])
    if own and _outside(own[0]):
        return f"the client certificate {_dated(own[0])}"
    allowed = purposes(der)
    if allowed and "clientAuth" not in allowed:
        return f"the client certificate is for {', '.join(allowed)} only, not for clientAuth"
    return ""


def _outdated(cause: Cause, chain: list[Certificate], local: list[Certificate], store: str) -> Finding | None:
    """OpenSSL checks from the CA down to the server's own certificate, and so does this."""
    expired = cause is Cause.TLS_EXPIRED
    issuers = {certificate.issuer for certificate in chain}
    # Without the extra, a local CA is known to be the one only where it is the only one.
    used = [each for each in local if each.subject in issuers] if chain else local if len(local) == 1 else []
    if wrong := [each for each in used if _outside(each)]:
        return Finding(
            Cause.TLS_CA_EXPIRED if expired else cause,
            f"the CA {_dated(wrong[0])}; it is in {store}, not at the server",
        )
    for each in reversed(chain[1:]):
        if _outside(each):
            own = Cause.TLS_INTERMEDIATE_EXPIRED if expired else cause
            return Finding(own, f"the intermediate certificate {_dated(each)}")
    if chain and _outside(chain[0]):
        return Finding(Cause.TLS_SERVER_EXPIRED if expired else cause, f"the server's certificate {_dated(chain[0])}")
    if chain and expired:
        return Finding(
            Cause.TLS_INTERMEDIATE_EXPIRED, "neither the server's own certificate nor the local CA has expired"
        )
    return None


def _unknown(chain: list[Certificate], local: list[Certificate], store: str) -> Finding:
    top = chain[-1]
    issuer = clip(top.issuer, NAME_LIMIT) or "a CA without a name"
    if top.subject == top.issuer:
        what = "the server's certificate is self-signed, and" if len(chain) == 1 else f'its CA "{issuer}"'
        return Finding(Cause.TLS_UNKNOWN_CA, f"{what} is not in {store}{_list(local)}")
    if any(each.subject == top.issuer for each in local):
        return Finding(
            Cause.TLS_UNKNOWN_CA, f'{store} has a CA named "{issuer}", with another key: an older or a newer one'
        )
    cause = Cause.TLS_MISSING_INTERMEDIATE if _INTERMEDIATE.search(top.issuer) else Cause.TLS_UNKNOWN_CA
    return Finding(
        cause, f'it is issued by "{issuer}", whose certificate the server does not send and {store} lacks{_list(local)}'
    )


def _list(local: list[Certificate]) -> str:
    names = ", ".join(f'"{clip(each.subject, NAME_LIMIT)}"' for each in local[:_NAMES])
    more = f" and {len(local) - _NAMES} more" if len(local) > _NAMES else ""
    return f" (it has {names}{more})" if names else ""


def _outside(certificate: Certificate) -> bool:
    return not certificate.not_before <= time.time() <= certificate.not_after


def _dated(certificate: Certificate) -> str:
    name = f'"{clip(certificate.subject, NAME_LIMIT) or "without a name"}"'
    if certificate.not_after < time.time():
        return f"{name} expired on {dates.day(certificate.not_after)}"
    return f"{name} is not valid before {dates.stamp(certificate.not_before)}"
