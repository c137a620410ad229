"""natsmon, a connection monitor for NATS, and its dialer for other programs.

What stands here is loaded when it is first used. The dialer needs neither a screen nor a command line, and
only ``connect`` loads nats-py.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "ByteReader": "natsmon.dial.stream",
    "ByteWriter": "natsmon.dial.stream",
    "Client": "natsmon.library.client",
    "CommandDialer": "natsmon.dial.command_dialer",
    "CustomDialer": "natsmon.dial.stream",
    "DialCertificateError": "natsmon.dial.errors",
    "DialError": "natsmon.dial.errors",
    "DialFailed": "natsmon.dial.errors",
    "DialNameError": "natsmon.dial.errors",
    "DialRefused": "natsmon.dial.errors",
    "DialReset": "natsmon.dial.errors",
    "DialTimeout": "natsmon.dial.errors",
    "DialTlsError": "natsmon.dial.errors",
    "DialTrace": "natsmon.dial.trace",
    "Dialer": "natsmon.dial.dialer",
    "HandshakeError": "natsmon.protocol.server_info",
    "HttpConnectDialer": "natsmon.dial.proxies",
    "LoggingTrace": "natsmon.dial.logging_trace",
    "OpenTelemetryTrace": "natsmon.library.otel_trace",
    "ProxyProtocolDialer": "natsmon.dial.proxy_protocol",
    "SocksDialer": "natsmon.dial.proxies",
    "Stream": "natsmon.dial.stream",
    "UnixDialer": "natsmon.dial.unix_dialer",
    "WebSocketDialer": "natsmon.library.websocket_dialer",
    "as_stream": "natsmon.dial.stream",
    "connect": "natsmon.library.client",
    "proxy_from_environment": "natsmon.dial.proxy_environment",
}

__all__ = [
    "ByteReader",
    "ByteWriter",
    "Client",
    "CommandDialer",
    "CustomDialer",
    "DialCertificateError",
    "DialError",
    "DialFailed",
    "DialNameError",
    "DialRefused",
    "DialReset",
    "DialTimeout",
    "DialTlsError",
    "DialTrace",
    "Dialer",
    "HandshakeError",
    "HttpConnectDialer",
    "LoggingTrace",
    "OpenTelemetryTrace",
    "ProxyProtocolDialer",
    "SocksDialer",
    "Stream",
    "UnixDialer",
    "WebSocketDialer",
    "__version__",
    "as_stream",
    "connect",
    "proxy_from_environment",
]


if TYPE_CHECKING:
    from natsmon.dial.command_dialer import CommandDialer
    from natsmon.dial.dialer import Dialer
    from natsmon.dial.errors import (
        DialCertificateError,
        DialError,
        DialFailed,
        DialNameError,
        DialRefused,
        DialReset,
        DialTimeout,
        DialTlsError,
    )
    from natsmon.dial.logging_trace import LoggingTrace
    from natsmon.dial.proxies import HttpConnectDialer, SocksDialer
    from natsmon.dial.proxy_environment import proxy_from_environment
    from natsmon.dial.proxy_protocol import ProxyProtocolDialer
    from natsmon.dial.stream import ByteReader, ByteWriter, CustomDialer, Stream, as_stream
    from natsmon.dial.trace import DialTrace
    from natsmon.dial.unix_dialer import UnixDialer
    from natsmon.library.client import Client, connect
    from natsmon.library.otel_trace import OpenTelemetryTrace
    from natsmon.library.websocket_dialer import WebSocketDialer
    from natsmon.protocol.server_info import HandshakeError
else:

    def __getattr__(name: str) -> Any:  # PEP 562
        if name not in _HOME:
            raise AttributeError(f"module 'natsmon' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOME[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
