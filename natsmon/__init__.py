"""natsmon, a connection monitor for NATS, and its dialer for other programs.

What stands here is loaded when it is first used. The dialer needs neither a screen nor a command line, and
only ``connect`` loads nats-py.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = [
    "CustomDialer",
    "DialError",
    "DialTrace",
    "Dialer",
    "HttpConnectDialer",
    "SocksDialer",
    "Stream",
    "__version__",
    "connect",
]

_HOME = {
    "CustomDialer": "natsmon.dial.dialer",
    "DialError": "natsmon.dial.causes",
    "DialTrace": "natsmon.dial.trace",
    "Dialer": "natsmon.dial.dialer",
    "HttpConnectDialer": "natsmon.dial.proxies",
    "SocksDialer": "natsmon.dial.proxies",
    "Stream": "natsmon.dial.dialer",
    "connect": "natsmon.library.connect",
}


if TYPE_CHECKING:
    from natsmon.dial.causes import DialError
    from natsmon.dial.dialer import CustomDialer, Dialer, Stream
    from natsmon.dial.proxies import HttpConnectDialer, SocksDialer
    from natsmon.dial.trace import DialTrace
    from natsmon.library.connect import connect
else:

    def __getattr__(name: str) -> Any:  # PEP 562
        if name not in _HOME:
            raise AttributeError(f"module 'natsmon' has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOME[name]), name)
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
