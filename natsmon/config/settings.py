"""What to dial and how: Settings, frozen, each value with its origin; secrets masked by type."""

from collections.abc import Callable
from typing import Any

import msgspec

from natsmon.config.secret import Secret
from natsmon.text import units
from natsmon.text.plain_text import printable

DEFAULT_PORT = 4222
MAX_RATE = 0.0
"""The ``interval`` that means: as fast as they are echoed."""


class Server(msgspec.Struct, frozen=True, order=True):
    """One server's address, without userinfo. ``str()`` is what a screen shows."""

    host: str
    port: int = DEFAULT_PORT
    scheme: str = "nats"
    tls_name: str = ""
    """The name its certificate is checked for, where that is not the host: discovered servers are addresses."""
    path: str = ""
    """Of a WebSocket's URL: a proxy may have many servers behind one port."""
    query: Secret = Secret("")
    """Of a WebSocket's URL; it often carries an access token."""

    @property
    def websocket(self) -> bool:
        return self.scheme in ("ws", "wss")

    @property
    def authority(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """The URL for a screen or an event; a query is masked."""
        return f"{self.scheme}://{self.authority}{self.path}{f'?{self.query}' if self.query else ''}"

    @property
    def request_url(self) -> str:
        """The URL for the WebSocket upgrade, with its query."""
        return f"{self.scheme}://{self.authority}{self.path}{f'?{self.query.reveal()}' if self.query else ''}"

    def __str__(self) -> str:
        return self.url


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in seconds, sizes in bytes."""

    servers: tuple[Server, ...] = (Server("127.0.0.1"),)
    user: Secret | None = None
    password: Secret | None = None
    token: Secret | None = None
    creds: str = ""
    """The path of a credentials file: a user JWT and its seed."""
    nkey: str = ""
    """The path of a file with an nkey's seed."""
    jwt: Secret | None = None
    seed: Secret | None = None
    tlsca: str = ""
    tlscert: str = ""
    tlskey: str = ""
    tlsfirst: bool = False
    """The TLS handshake comes before INFO."""
    tls_server_name: str = ""
    """The name to check the server's certificate for, instead of the host dialed."""
    dial_command: str = ""
    """A command whose standard input and output carry each connection, with ``{host}`` and ``{port}``."""
    unix: str = ""
    """The path of a UNIX socket that carries each connection."""
    name: str = ""
    """The connection's name, as servers list it."""
    subject: str = "hello"
    payload: bytes = b"world"
    headers: tuple[tuple[str, Secret], ...] = ()
    """Of each message, before our own: names and values. Which of them lets somebody in, nobody here can tell."""
    echo: bool = True
    """We subscribe to our own messages, and so know what became of them."""
    jetstream: str = ""
    """The stream that acknowledges each message, and is read at the end."""
    observe: str = ""
    """Count somebody else's messages on this subject, which may have wildcards, and publish none."""
    interval: float = 1.0
    """Between two messages; ``MAX_RATE`` is as fast as they are echoed."""
    count: int | None = None
    """End after this many messages published."""
    duration: float | None = None
    """End after this time."""
    connect_timeout: float = 5.0
    """For one server, over DNS, TCP, TLS, INFO and PONG together."""
    reconnect_wait: float = 2.0
    reconnect_jitter: float = 0.1
    reconnect_jitter_tls: float = 1.0
    max_reconnects: int = 60
    """A server: 0 none, -1 for ever."""
    retry_on_failed_connect: bool = True
    ignore_discovered_servers: bool = False
    randomize: bool = True
    ping_interval: float = 120.0
    max_pings_out: int = 2
    rtt_interval: float = 1.0
    reconnect_buffer: int = 8 * 1024 * 1024
    drain_timeout: float = 5.0
    monitor: str = ""
    """The URL of a server's monitoring port: asked why a connection was closed when the server itself does not tell."""
    origins: dict[str, str] = {}
    """Where each value came from, by field name; a field that is not named is a default."""


def _reveal(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"cannot encode {type(value)}")


def _conceal(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    raise NotImplementedError(f"cannot decode {kind}")


def to_line(settings: Settings) -> bytes:
    """One JSON line with secrets in it: for a probe's standard input, and for nothing else."""
    return msgspec.json.encode(settings, enc_hook=_reveal) + b"\n"


def from_line(line: bytes) -> Settings:
    return msgspec.json.decode(line, type=Settings, dec_hook=_conceal)


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _rate(interval: float) -> str:
    return "max" if interval == MAX_RATE else f"{1 / interval:.10g}"


def _payload(payload: bytes) -> str:
    text = printable(payload[:_PAYLOAD_SHOWN].decode("utf-8", "backslashreplace"))
    return text if len(payload) <= _PAYLOAD_SHOWN else f"{text}… ({units.size(len(payload))})"


_PAYLOAD_SHOWN = 60
_SHOWN: dict[str, tuple[str, Callable[[Any], str]]] = {
    "servers": ("servers", lambda servers: ", ".join(map(str, servers))),
    "user": ("user", str),
    "password": ("password", str),
    "token": ("token", str),
    "creds": ("creds", printable),
    "nkey": ("nkey", printable),
    "jwt": ("jwt", str),
    "seed": ("seed", str),
    "tlsca": ("tlsca", printable),
    "tlscert": ("tlscert", printable),
    "tlskey": ("tlskey", printable),
    "tlsfirst": ("tlsfirst", _yes_no),
    "tls_server_name": ("tls-server-name", printable),
    "dial_command": ("dial-command", printable),
    "unix": ("unix", printable),
    "name": ("connection-name", printable),
    "subject": ("subject", printable),
    "payload": ("payload", _payload),
    "headers": ("headers", lambda headers: ", ".join(f"{name}: {value}" for name, value in headers)),
    "echo": ("echo", _yes_no),
    "jetstream": ("jetstream", printable),
    "observe": ("observe", printable),
    "interval": ("rate", _rate),
    "count": ("count", str),
    "duration": ("duration", units.go_duration),
    "connect_timeout": ("connect-timeout", units.go_duration),
    "reconnect_wait": ("reconnect-wait", units.go_duration),
    "reconnect_jitter": ("reconnect-jitter", units.go_duration),
    "reconnect_jitter_tls": ("reconnect-jitter-tls", units.go_duration),
    "max_reconnects": ("max-reconnects", str),
    "retry_on_failed_connect": ("retry-on-failed-connect", _yes_no),
    "ignore_discovered_servers": ("ignore-discovered-servers", _yes_no),
    "randomize": ("randomize", _yes_no),
    "ping_interval": ("ping-interval", units.go_duration),
    "max_pings_out": ("max-pings-out", str),
    "rtt_interval": ("rtt-interval", units.go_duration),
    "reconnect_buffer": ("reconnect-buffer", units.go_size),
    "drain_timeout": ("drain-timeout", units.go_duration),
    "monitor": ("monitor", printable),
}


def describe(settings: Settings) -> dict[str, tuple[str, str]]:
    """Every effective setting by the word its flag has: its value as text, secrets masked, and its origin.

    The text of what is not set is empty.
    """
    shown = {}
    for field, (word, text) in _SHOWN.items():
        value = getattr(settings, field)
        shown[word] = ("" if value is None else text(value), settings.origins.get(field, "default"))
    return shown
