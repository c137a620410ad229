"""Settings of one connection, what to dial and how, and of its view; each value with its origin."""

from typing import Annotated, Any

import msgspec

from natsmon.config.proxy_url import Proxy
from natsmon.config.secret import Secret
from natsmon.text import units
from natsmon.text.plain_text import printable

DEFAULT_PORT = 4222
MAX_RATE = 0.0
"""The ``interval`` of ``--rate max``."""


class Server(msgspec.Struct, frozen=True, order=True, omit_defaults=True):
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


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Durations in seconds, sizes in bytes. A field without a description has that of its flag, in ``cli/flags.py``."""

    servers: Annotated[tuple[Server, ...], msgspec.Meta(min_length=1)] = (Server("127.0.0.1"),)
    user: Secret | None = None
    password: Secret | None = None
    token: Secret | None = None
    creds: str = ""
    """The path of a credentials file: a user JWT and its seed. With ``creds_data`` only a label."""
    nkey: str = ""
    """The path of a file with the seed of an nkey. With ``nkey_data`` only a label."""
    creds_data: Secret | None = None
    """The content of a credentials file that is not a file: read once, at the start."""
    nkey_data: Secret | None = None
    jwt: Secret | None = None
    seed: Secret | None = None
    credentials_in_url: bool = False
    """User, password or token are a URL's userinfo: they go beside a JWT, and replace an nkey, as in nats.go."""
    tlsca: str = ""
    tlscert: str = ""
    tlskey: str = ""
    tlsfirst: bool = False
    mixed_tls: bool = False
    tls_server_name: str = ""
    dial_command: str = ""
    """A command whose standard input and output carry each connection, with ``{host}`` and ``{port}``."""
    unix: str = ""
    proxy: Proxy | None = None
    """Every dial goes through it, those of discovered servers and inquiries included."""
    ws_headers: tuple[tuple[str, Secret], ...] = ()
    ws_origin: str = ""
    inbox_prefix: str = "_INBOX"
    js_api_prefix: str = ""
    context: str = ""
    """The name of the nats CLI's context."""
    name: str = ""
    subject: str = ""
    """Empty for ``natsmon.echo.SESSION.CONNECTION``, or for the only subject of the stream in ``jetstream``."""
    payload: bytes = b"world"
    headers: tuple[tuple[str, Secret], ...] = ()
    """Names and values; sent before natsmon's own. Values are secret: one may be an access token."""
    echo: bool = True
    """Subscribe to the published messages, to verify their delivery."""
    jetstream: str = ""
    observe: str = ""
    interval: float = 1.0
    """Between two messages; ``MAX_RATE`` for as fast as they are echoed."""
    every_message: bool = False
    """Emit each message as an event of its own also at a high rate, for ``--messages``."""
    count: int | None = None
    duration: float | None = None
    connect_timeout: float = 5.0
    timeout: float = 5.0
    reconnect_wait: float = 2.0
    reconnect_jitter: float = 0.1
    reconnect_jitter_tls: float = 1.0
    max_reconnects: int = -1
    retry_on_failed_connect: bool = True
    ignore_discovered_servers: bool = False
    randomize: bool = True
    ping_interval: float = 120.0
    max_pings_out: int = 2
    rtt_interval: float = 1.0
    reconnect_buffer: int = 8 * 1024 * 1024
    drain_timeout: float = 5.0
    monitor: str = ""
    inquiries: bool = True
    origins: dict[str, str] = {}
    """Where each value came from, by field name; a field without an entry has its default."""


class ViewSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a view is given beside its source, described by the flags. They do not reach the probe."""

    theme: str = ""
    """Empty for natsmon's own."""
    messages: bool = False
    title: bool = True
    bell: bool = False
    notify: bool = False
    on_change: tuple[str, ...] = ()
    on_outage: tuple[str, ...] = ()
    keymap: dict[str, str] = {}
    """Keys by the id of a binding."""
    origins: dict[str, str] = {}
    """As in Settings."""


def reveal(value: Any) -> Any:
    """Encode a secret as it is: for the standard input of a probe only. A hook of msgspec."""
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"cannot encode {type(value)}")


def conceal(kind: type, value: Any) -> Any:
    """Decode a secret. A hook of msgspec."""
    if kind is not Secret:
        raise NotImplementedError(f"cannot decode {kind}")
    if not isinstance(value, str):
        raise ValueError("a secret must be a string")
    return Secret(value)


def to_line(settings: Settings) -> bytes:
    """Encode as one JSON line, secrets included: for the standard input of a probe only."""
    return msgspec.json.encode(settings, enc_hook=reveal) + b"\n"


def from_line(line: bytes) -> Settings:
    return msgspec.json.decode(line, type=Settings, dec_hook=conceal)


def with_subject(settings: Settings, session: str, conn: int) -> Settings:
    """Settings with a subject of this connection's own where none is given: ``natsmon.echo.<12 hex>.<conn>``.

    One subject for all natsmon processes would deliver each message to all of them.
    """
    if settings.subject or settings.jetstream:  # a stream with one subject names it
        return settings
    return msgspec.structs.replace(settings, subject=f"natsmon.echo.{session[:12]}.{conn}")


_PAYLOAD_SHOWN = 60
_HIDDEN = ("creds_data", "nkey_data", "credentials_in_url", "every_message", "origins")
LABELS = {
    field: {"name": "connection-name", "ws_headers": "ws-header", "interval": "rate"}.get(
        field, field.replace("_", "-")
    )
    for field in Settings.__struct_fields__
    if field not in _HIDDEN
}
"""The name of a setting for a person, by its field: the name of its flag."""


def describe(settings: Settings) -> dict[str, tuple[str, str]]:
    """Every effective setting by the name of its flag: value as text, empty or with secrets masked, and origin."""
    return {
        label: (_text(field, getattr(settings, field)), settings.origins.get(field, "default"))
        for field, label in LABELS.items()
    }


def _text(field: str, value: Any) -> str:
    match field, value:
        case _, None:
            return ""
        case "interval", _:
            return "max" if value == MAX_RATE else f"{1 / value:.10g}"
        case "subject", "":
            return "natsmon.echo.SESSION.0"
        case "reconnect_buffer", _:
            return units.go_size(value)
        case (("headers" | "ws_headers"), _):
            return ", ".join(f"{name}: {secret}" for name, secret in value)
        case _, bool():
            return "yes" if value else "no"
        case _, float():
            return units.go_duration(value)
        case _, bytes():
            text = printable(value[:_PAYLOAD_SHOWN].decode("utf-8", "backslashreplace"))
            return text if len(value) <= _PAYLOAD_SHOWN else f"{text}… ({units.size(len(value))})"
        case _, str():
            return printable(value)
        case _, tuple():
            return ", ".join(map(str, value))
    return str(value)
