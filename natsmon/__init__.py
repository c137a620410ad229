"""natsmon, a connection monitor for NATS, and its dialer for other programs.

What stands here is loaded when it is first used. The dialer needs neither a screen nor a command line, and
only ``connect`` loads nats-py.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES = {
    "natsmon.dial.command_dialer": ["CommandDialer"],
    "natsmon.dial.dialer": ["Dialer"],
    "natsmon.dial.errors": [
        "DialCertificateError", "DialError", "DialFailed", "DialNameError", "DialRefused", "DialReset", "DialTimeout",
        "DialTlsError",
    ],
    "natsmon.dial.logging_trace": ["LoggingTrace"],
    "natsmon.dial.proxies": ["HttpConnectDialer", "SocksDialer"],
    "natsmon.dial.proxy_environment": ["proxy_from_environment"],
    "natsmon.dial.proxy_protocol": ["ProxyProtocolDialer"],
    "natsmon.dial.stream": ["ByteReader", "ByteWriter", "CustomDialer", "Stream", "as_stream"],
    "natsmon.dial.trace": ["DialTrace"],
    "natsmon.dial.unix_dialer": ["UnixDialer"],
    "natsmon.library.client": ["Client", "connect"],
    "natsmon.library.otel_trace": ["OpenTelemetryTrace"],
    "natsmon.library.websocket_dialer": ["WebSocketDialer"],
    "natsmon.protocol.server_info": ["HandshakeError"],
}  # fmt: skip
_HOME = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "ByteReader", "ByteWriter", "Client", "CommandDialer", "CustomDialer", "DialCertificateError", "DialError",
    "DialFailed", "DialNameError", "DialRefused", "DialReset", "DialTimeout", "DialTlsError", "DialTrace", "Dialer",
    "HandshakeError", "HttpConnectDialer", "LoggingTrace", "OpenTelemetryTrace", "ProxyProtocolDialer", "SocksDialer",
    "Stream", "UnixDialer", "WebSocketDialer", "__version__", "as_stream", "connect", "proxy_from_environment",
]  # fmt: skip
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
