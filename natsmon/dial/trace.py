"""Watching a dial from outside: hooks around every step that takes time.

The hooks are named after those of Go's ``net/http/httptrace`` where the same thing happens. They are synchronous
and are never awaited, so that an observer cannot stand in the path it measures, and one that raises is dropped:
it does not break the dial.
"""

import logging
from collections.abc import Callable, Sequence
from ssl import SSLObject
from typing import Concatenate, ParamSpec

P = ParamSpec("P")
_log = logging.getLogger(__name__)


class DialTrace:
    """Override the hooks you want.

    ``error`` is None when the step succeeded; a step that was cancelled, also because another address won
    the race, ends with ``asyncio.CancelledError``, which is not a failure. Addresses are ``ip:port``, an IPv6
    one in brackets. A ``Dialer`` tells the ``dns_*`` and ``connect_*`` hooks; ``natsmon.connect`` tells the
    others, whichever dialer it was given.
    """

    def get_conn(self, host_port: str) -> None:
        """The server ``host:port`` is about to be dialed, for the first time or again."""

    def dns_start(self, host: str) -> None:
        """The name is about to be resolved."""

    def dns_done(self, addresses: Sequence[str], error: BaseException | None) -> None:
        """The name has been resolved to these addresses, in the order in which they will be tried."""

    def connect_start(self, address: str) -> None:
        """A TCP connect to one address begins; several may be under way (RFC 8305)."""

    def connect_done(self, address: str, error: BaseException | None) -> None:
        """A TCP connect to one address ended."""

    def got_conn(self, address: str) -> None:
        """The dialer has an open stream, to this address; INFO has not been read yet."""

    def tls_handshake_start(self, server_name: str) -> None:
        """The TLS handshake begins; the certificate will be checked for this name."""

    def tls_handshake_done(self, state: SSLObject | None, error: BaseException | None) -> None:
        """The TLS handshake ended. ``state`` tells ``version()``, ``cipher()`` and ``getpeercert()`` of it."""


class Tell:
    """Calls the hooks of one observer, until one of them raises."""

    __slots__ = ("_trace",)

    def __init__(self, trace: DialTrace | None) -> None:
        self._trace = trace

    def __call__(self, hook: Callable[Concatenate[DialTrace, P], None], *args: P.args, **kwargs: P.kwargs) -> None:
        if self._trace is None:
            return
        try:
            getattr(self._trace, hook.__name__)(*args, **kwargs)
        except Exception:
            _log.exception("a dial trace raised in %s and is dropped", hook.__name__)
            self._trace = None
