"""The claims of a user JWT, and what in them speaks against a connection (nats-io/jwt v2, nats-server's auth.go).

A server refuses every JWT with the same words; the JWT itself often has the reason.
"""

import base64
import re
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, tzinfo
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from natsmon.text import dates, units

_MOST = 8
"""Entries of a list that are used; a claim may have any number."""
_SHOWN = 60
_SIGNATURE = 86
"""Characters: 64 bytes in base64 without padding."""


class Claims(NamedTuple):
    """What is used of a JWT's claims; empty where the JWT has none of them, or not in the form expected."""

    subject: str = ""
    """The user's public key."""
    account: str = ""
    """The public key of the account that issued it."""
    kind: str = ""
    """``user``, ``account``, ``operator``, …; empty in a JWT that is not NATS's."""
    not_before: float = 0.0
    """Seconds since the epoch, as ``expires``; 0 for no limit."""
    expires: float = 0.0
    issued: float = 0.0
    sources: Sequence[str] = ()
    """Networks in CIDR notation."""
    times: Sequence[tuple[str, str]] = ()
    """From and until, as ``15:04:05``."""
    location: str = ""
    """Time zone of ``times``; the server's when empty."""
    connection_types: Sequence[str] = ()
    bearer: bool = False
    proxy_required: bool = False


def read_claims(jwt: str) -> Claims:
    """Read the claims of a JWT without verifying its signature, and without trusting their form."""
    try:
        body = jwt.split(".")[1]
        raw = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, IndexError, msgspec.DecodeError, RecursionError):
        return Claims()
    if not isinstance(raw, dict):
        return Claims()
    user = raw["nats"] if isinstance(raw.get("nats"), dict) else {}
    sources = user.get("src")
    return Claims(
        subject=_text(raw.get("sub")),
        account=_text(user.get("issuer_account")) or _text(raw.get("iss")),
        kind=_text(user.get("type")) or (_text(raw.get("type")) if user else ""),
        not_before=_seconds(raw.get("nbf")),
        expires=_seconds(raw.get("exp")),
        issued=_seconds(raw.get("iat")),
        sources=_texts(sources.split(",") if isinstance(sources, str) else sources),
        times=[
            (_text(each.get("start")), _text(each.get("end")))
            for each in _list(user.get("times"))
            if isinstance(each, dict)
        ],
        location=_text(user.get("times_location")),
        connection_types=[each.upper() for each in _texts(user.get("allowed_connection_types"))],
        bearer=user.get("bearer_token") is True,
        proxy_required=user.get("proxy_required") is True,
    )


def form_defects(jwt: str) -> Iterator[str]:
    """Yield what no server can read in a JWT of NATS: header, claims and signature in base64url, separated by dots."""
    parts = jwt.split(".")
    if len(parts) != 3:
        yield f"the user JWT has {units.plural(len(parts), 'part')} instead of 3"
    elif not jwt.startswith("eyJ") or any(re.fullmatch(r"[A-Za-z0-9_-]+", part) is None for part in parts):
        yield "the user JWT has characters in it that are not of a JWT, as quotation marks or a word before it"
    elif len(parts[2]) != _SIGNATURE:
        yield f"the signature of the user JWT has {len(parts[2])} characters instead of {_SIGNATURE}: it is cut off"


def expired(claims: Claims) -> str:
    """That the JWT has expired by this machine's clock, and when; empty where it has not."""
    if not claims.expires or claims.expires > time.time():
        return ""
    return f"the user JWT expired on {dates.stamp(claims.expires)}"


def dated(connect: dict[str, Any], text: str) -> str:
    """Return what a server sent about an expired user, with the date of the user JWT."""
    when = expired(read_claims(connect.get("jwt", "")))
    return f"{text}: {when}" if when else text


def contradictions(claims: Claims, *, websocket: bool, address: str, signed: bool) -> Iterator[str]:
    """Yield what in the claims speaks against a connection, other than its expiry.

    ``address`` is the client's as the server sees it, empty where unknown; ``signed``: with the nonce signed.
    """
    wait = claims.not_before - time.time()
    if wait > 0:
        begins = dates.stamp(claims.not_before)
        yield f"the user JWT is not valid before {begins}, in {units.elapsed(wait)} (is a clock wrong?)"
    own = "WEBSOCKET" if websocket else "STANDARD"
    if claims.connection_types and own not in claims.connection_types:
        yield f"the user JWT is for {' and '.join(claims.connection_types)} connections, this is a {own} one"
    if address and claims.sources and not _within(address, claims.sources):
        yield f"the user JWT is for addresses in {', '.join(claims.sources)}, the server sees {address}"
    if claims.times and not _is_time(claims):
        spans = " and ".join(f"{start} to {end}" for start, end in claims.times)
        yield f"the user JWT is for {spans} ({claims.location or 'time zone of the server'})"
    if claims.proxy_required:
        yield "the user JWT requires a trusted proxy"
    if claims.kind == "user" and not (signed or claims.bearer):
        yield "the user JWT is not a bearer token and needs its seed, or a server that sends a nonce to sign"


def _within(address: str, networks: Sequence[str]) -> bool:
    """Whether an address is in one of the networks; also when either cannot be read."""
    try:
        return any(ip_address(address) in ip_network(network, strict=False) for network in networks)
    except ValueError:
        return True


def _is_time(claims: Claims) -> bool:
    """Whether a connection is allowed at this time of day; also when that cannot be read."""
    zone: tzinfo | None = None
    try:
        if claims.location:
            zone = ZoneInfo(claims.location)
        now = datetime.now(zone).time()
        for start, end in claims.times:
            begins, ends = (datetime.strptime(each, "%H:%M:%S").time() for each in (start, end))
            if begins <= now <= ends or (begins > ends and not ends < now < begins):
                return True
    except (ValueError, KeyError, OSError):  # an unknown zone is a KeyError
        return True
    return False


def _text(value: Any) -> str:
    return value[:_SHOWN] if isinstance(value, str) else ""


def _texts(value: Any) -> list[str]:
    return [_text(each).strip() for each in _list(value) if isinstance(each, str) and each.strip()]


def _list(value: Any) -> list[Any]:
    return value[:_MOST] if isinstance(value, list) else []


def _seconds(value: Any) -> float:
    """A time of this era; a claim may have any number."""
    return float(value) if isinstance(value, int | float) and 0 < value < 1e11 else 0.0
