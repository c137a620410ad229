"""When what a connection depends on expires: its credentials, and the certificates that the server sent."""

from collections.abc import Iterator
from typing import NamedTuple

from natsmon.state.records import Dial
from natsmon.state.state import State

SOON = 7 * 86_400
"""Seconds before an expiry from which on it is a warning."""


class Expiry(NamedTuple):
    """Sorted by time."""

    at: float
    """Seconds since the epoch."""
    what: str


def of_dial(dial: Dial) -> Iterator[Expiry]:
    """Return what expires of a dial that connected."""
    if dial.connect is not None and dial.connect.expires:
        yield Expiry(dial.connect.expires, "credentials")
    if dial.tls is not None:
        for number, certificate in enumerate(dial.tls.chain):
            yield Expiry(certificate.not_after, "CA certificate" if number else "certificate")


def earliest(state: State) -> Expiry | None:
    """Return what expires first of the newest connection; None where nothing does, or it is not known."""
    found = list(of_dial(dial)) if (dial := state.connected_dial) is not None else []
    if state.identity is not None and state.identity.expires:
        found.append(Expiry(state.identity.expires, "credentials"))
    return min(found, default=None)
