"""When what a connection depends on expires: its credentials, and the certificates that the server sent."""

from collections.abc import Iterator
from typing import NamedTuple

from natsmon.state.records import Dial
from natsmon.state.state import State
from natsmon.stream import events as ev

SOON = 7 * 86_400
"""Seconds before an expiry from which on it is a warning."""


_RENEWED = 1 / 5
"""Part of its validity in which a warning begins at the earliest: what lasts hours is renewed every few hours."""


class Expiry(NamedTuple):
    """Sorted by time."""

    at: float
    """Seconds since the epoch."""
    what: str
    began: float = 0.0
    """When its validity began, as ``at``; 0 where that is not known."""

    def is_soon(self, now: float, within: float = SOON) -> bool:
        """Whether that is a warning: ``within`` so many seconds, and in the last part of its validity."""
        return self.at - now < min(within, (self.at - self.began) * _RENEWED)


def of_certificate(certificate: ev.Certificate, what: str = "certificate") -> Expiry:
    return Expiry(certificate.not_after, what, certificate.not_before)


def of_connect(sent: ev.DialConnect | None) -> Expiry | None:
    """Return when the credentials that were sent expire; None where they do not, or it is not known."""
    return Expiry(sent.expires, "credentials", sent.issued) if sent is not None and sent.expires else None


def of_dial(dial: Dial) -> Iterator[Expiry]:
    """Return what expires of a dial that connected."""
    if (credentials := of_connect(dial.connect)) is not None:
        yield credentials
    if dial.tls is not None:
        for number, certificate in enumerate(dial.tls.chain):
            yield of_certificate(certificate, "CA certificate" if number else "certificate")


def of_credentials(state: State) -> Expiry | None:
    """Return when the credentials in use expire, by the server's word where it gave one.

    Where it checked others than were sent, as with an auth callout, these began with the connection.
    """
    dial = state.connected_dial
    sent = of_connect(dial.connect) if dial is not None else None
    if dial is not None and state.identity is not None and state.identity.expires:
        return Expiry(state.identity.expires, "credentials", sent.began if sent else state.wall(dial.began))
    return sent


def earliest(state: State) -> Expiry | None:
    """Return what expires first of the newest connection; None where nothing does, or it is not known."""
    found = list(of_dial(dial)) if (dial := state.connected_dial) is not None else []
    if (credentials := of_credentials(state)) is not None:
        found.append(credentials)
    return min(found, default=None)
