"""The causes of what a nats-server writes: ``-ERR`` to a client, and its close reasons in CONNZ."""

from natsmon.dial.causes import Cause

_BEGINNINGS: dict[Cause, tuple[str, ...]] = {
    Cause.AUTH: ("authorization violation", "authentication failure"),
    Cause.AUTH_TIMEOUT: ("authentication timeout",),
    Cause.AUTH_EXPIRED: ("user authentication expired", "authentication expired"),
    Cause.AUTH_REVOKED: ("user authentication revoked", "credentials revoked"),
    Cause.AUTH_ACCOUNT_EXPIRED: ("account authentication expired",),
    Cause.AUTH_ACCOUNT: ("failed account registration", "missing account"),
    Cause.AUTH_PROXY_REQUIRED: ("proxy required",),
    Cause.AUTH_PROXY_NOT_TRUSTED: ("proxy not trusted",),
    Cause.TLS_REQUIRED: ("secure connection",),
    Cause.TLS_PROTOCOL: ("tls handshake",),
    Cause.LIMIT: ("maximum connections",),
    Cause.THROTTLED: ("connection throttling",),
    Cause.ACCOUNT_LIMIT: ("maximum account", "maximum subscriptions"),
    Cause.MAX_PAYLOAD: ("maximum payload", "maximum message payload"),
    Cause.CONTROL_LINE: ("maximum control line",),
    Cause.PERMISSIONS: ("permissions violation",),
    Cause.SUBJECT: ("invalid publish subject", "invalid subject"),
    Cause.CLIENT_PROTOCOL: ("invalid client protocol", "bad client protocol version"),
    Cause.HEADERS: ("no responders requires headers", "bad message header", "message header"),
    Cause.ALTERED_BYTES: ("unknown protocol operation", "parser error", "parse error", "protocol violation"),
    Cause.RESET: ("write error", "read error"),
    Cause.SLOW_CONSUMER: ("slow consumer",),
    Cause.STALE_CLIENT: ("stale connection",),
    Cause.SHUTDOWN: ("server shutdown",),
    Cause.KICKED: ("kicked",),
    Cause.REPLACED: ("duplicate client id",),
    Cause.INTERNAL_CLIENT: ("internal client",),
    Cause.CLOSED: ("client closed",),
    Cause.WRONG_PORT: (
        "attempted to connect to",
        "incorrect port",
        "duplicate route",
        "route removed",
        "wrong gateway",
        "cluster name",
        "duplicate remote leafnode",
        "duplicate server name",
        "minimum version required",
    ),
}
"""How the texts of each cause begin: behind -ERR (nats-server: client.go, errors.go, server.go; ADR-40), and what a
server notes of a connection that it closed, those of other servers too (monitor.go, ClosedState)."""


def error_text(line: bytes) -> str:
    """Return the text of an ``-ERR`` line as the server wrote it, without its quotation marks."""
    text = line[4:].decode(errors="replace").strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text


def classify_server_error(text: str) -> Cause:
    """Return the cause for the text of an ``-ERR``; ``server_refused`` for a text that is not known."""
    return _by_beginning(text) or Cause.SERVER_REFUSED


def classify_close_reason(text: str) -> Cause:
    """Return the cause for a server's close reason; ``unknown`` for one that is not known."""
    return _by_beginning(text) or Cause.UNKNOWN


def _by_beginning(text: str) -> Cause | None:
    folded = text.casefold()
    return next((cause for cause, beginnings in _BEGINNINGS.items() if folded.startswith(beginnings)), None)
