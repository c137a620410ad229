"""Hooks around every step of a dial that takes time.

They are synchronous and never awaited, so that an observer does not delay what it measures. An exception in a hook is
logged, and the trace is ignored for the rest of that dial.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from ssl import SSLObject
from typing import Any, Concatenate, ParamSpec

from natsmon.dial.arguments import kind_of

P = ParamSpec("P")
_log = logging.getLogger(__name__)


class DialTrace:
    """Base class: override the hooks you want. Named after Go's ``net/http/httptrace``.

    ``error`` is None when the step succeeded. A step that was cancelled, also because another address won the
    race, ends with ``asyncio.CancelledError``, which is not a failure. Addresses are ``ip:port``, an IPv6 address
    in brackets. A ``Dialer`` calls the ``dns_*`` and ``connect_*`` hooks; ``natsmon.connect`` calls the others,
    with every dialer.
    """

    def get_conn(self, host_port: str) -> None:
        """A dial to the server ``host:port`` begins, the first one or a later one."""

    def dns_start(self, host: str) -> None:
        """The lookup of the name begins."""

    def dns_done(self, addresses: Sequence[str], error: BaseException | None) -> None:
        """The name has been resolved to these addresses, in the order in which they will be dialed."""

    def connect_start(self, address: str) -> None:
        """A TCP connect to one address begins; several may run at once (RFC 8305)."""

    def connect_done(self, address: str, error: BaseException | None) -> None:
        """A TCP connect to one address ended."""

    def got_conn(self, address: str) -> None:
        """The dialer returned an open stream to this address; that of the server, if it has none."""

    def tls_handshake_start(self, server_name: str) -> None:
        """The TLS handshake begins; the certificate will be verified for this name."""

    def tls_handshake_done(self, state: SSLObject | None, error: BaseException | None) -> None:
        """The TLS handshake ended. ``state`` has ``version()``, ``cipher()`` and ``getpeercert()``."""

    def info_start(self) -> None:
        """The wait for the server's INFO begins; over WebSocket, with the upgrade."""

    def info_done(self, info: Mapping[str, Any] | None, error: BaseException | None) -> None:
        """INFO was received and parsed (ADR-40), or was not."""

    def nats_connect_start(self) -> None:
        """CONNECT and PING were sent."""

    def nats_connect_done(self, error: BaseException | None) -> None:
        """PONG was received, or the server refused the client."""

    def dial_done(self, error: BaseException | None) -> None:
        """The dial that began with ``get_conn`` ended: connected, failed, or cancelled."""


class Hooks:
    """Calls the hooks of a trace, until one of them raises.

    Raises:
        TypeError: It is no trace, as a class without the parentheses behind it.
    """

    __slots__ = ("_trace",)

    def __init__(self, trace: DialTrace | None) -> None:
        if trace is not None and not isinstance(trace, DialTrace):
            raise TypeError(f"a trace is an instance of DialTrace, not {kind_of(trace)}")
        self._trace = trace

    def __call__(self, hook: Callable[Concatenate[DialTrace, P], None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call a hook of the trace."""
        if self._trace is None:
            return
        try:
            getattr(self._trace, hook.__name__)(*args, **kwargs)
        except Exception:
            _log.exception("a dial trace raised in %s; it is ignored for the rest of the dial", hook.__name__)
            self._trace = None

    def connecting(self, address: str) -> "_Connecting":
        """Call the hooks around a connect to one address."""
        return _Connecting(self, address)


class _Connecting:
    """A context manager; one made of a generator takes several times as long."""

    __slots__ = ("_address", "_hooks")

    def __init__(self, hooks: Hooks, address: str) -> None:
        self._hooks = hooks
        self._address = address

    def __enter__(self) -> None:
        self._hooks(DialTrace.connect_start, self._address)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._hooks(DialTrace.connect_done, self._address, error)
