"""The causes of what a nats-server writes: ``-ERR`` to a client, and its close reasons in CONNZ."""

from natsmon.dial.causes import Cause

# What a server writes behind -ERR, by its beginning (nats-server: client.go, errors.go, server.go; ADR-40).
_BY_SERVER_ERROR = (
    ("authorization violation", Cause.AUTH),
    ("authentication timeout", Cause.AUTH_TIMEOUT),
    ("user authentication expired", Cause.AUTH_EXPIRED),
    ("account authentication expired", Cause.AUTH_EXPIRED),
    ("user authentication revoked", Cause.AUTH_REVOKED),
    ("failed account registration", Cause.AUTH_ACCOUNT),
    ("maximum connections exceeded", Cause.LIMIT),
    ("connection throttling", Cause.THROTTLED),
    ("maximum account", Cause.ACCOUNT_LIMIT),
    ("maximum subscriptions", Cause.ACCOUNT_LIMIT),
    ("maximum payload", Cause.MAX_PAYLOAD),
    ("maximum control line", Cause.CONTROL_LINE),
    ("permissions violation", Cause.PERMISSIONS),
    ("invalid publish subject", Cause.SUBJECT),
    ("invalid subject", Cause.SUBJECT),
    ("invalid client protocol", Cause.CLIENT_PROTOCOL),
    ("no responders requires headers", Cause.HEADERS),
    ("bad message header", Cause.HEADERS),
    ("message headers not supported", Cause.HEADERS),
    ("unknown protocol operation", Cause.ALTERED_BYTES),
    ("parser error", Cause.ALTERED_BYTES),
    ("secure connection", Cause.TLS_REQUIRED),
    ("stale connection", Cause.STALE),
    ("server shutdown", Cause.SHUTDOWN),
    ("attempted to connect to", Cause.WRONG_PORT),
)

# What a server notes of a connection it closed, by its beginning (nats-server: monitor.go, ClosedState).
_BY_CLOSE_REASON = (
    ("client closed", Cause.CLOSED),
    ("authentication timeout", Cause.AUTH_TIMEOUT),
    ("authentication failure", Cause.AUTH),
    ("authentication expired", Cause.AUTH_EXPIRED),
    ("credentials revoked", Cause.AUTH_REVOKED),
    ("missing account", Cause.AUTH_ACCOUNT),
    ("proxy required", Cause.AUTH_PROXY_REQUIRED),
    ("proxy not trusted", Cause.AUTH_PROXY_NOT_TRUSTED),
    ("tls handshake", Cause.TLS_PROTOCOL),
    ("slow consumer", Cause.SLOW_CONSUMER),
    ("write error", Cause.RESET),
    ("read error", Cause.RESET),
    ("stale connection", Cause.STALE),
    ("parse error", Cause.ALTERED_BYTES),
    ("protocol violation", Cause.ALTERED_BYTES),
    ("bad client protocol version", Cause.CLIENT_PROTOCOL),
    ("maximum connections", Cause.LIMIT),
    ("maximum account", Cause.ACCOUNT_LIMIT),
    ("maximum subscriptions", Cause.ACCOUNT_LIMIT),
    ("maximum message payload", Cause.MAX_PAYLOAD),
    ("maximum control line", Cause.CONTROL_LINE),
    ("message header violation", Cause.HEADERS),
    ("no responders requires headers", Cause.HEADERS),
    ("server shutdown", Cause.SHUTDOWN),
    ("kicked", Cause.KICKED),
    ("internal client", Cause.INTERNAL_CLIENT),
    ("duplicate client id", Cause.REPLACED),
    # Connections of other servers.
    ("incorrect port", Cause.WRONG_PORT),
    ("duplicate route", Cause.WRONG_PORT),
    ("route removed", Cause.WRONG_PORT),
    ("wrong gateway", Cause.WRONG_PORT),
    ("cluster name", Cause.WRONG_PORT),
    ("duplicate remote leafnode", Cause.WRONG_PORT),
    ("duplicate server name", Cause.WRONG_PORT),
    ("minimum version required", Cause.WRONG_PORT),
)


def error_text(line: bytes) -> str:
    """Return the text of an ``-ERR`` line as the server wrote it, without its quotation marks."""
    text = line[4:].decode(errors="replace").strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text


def classify_server_error(text: str) -> Cause:
    """Return the cause for the text of an ``-ERR``; ``server_refused`` for a text that is not known."""
    return _by_beginning(_BY_SERVER_ERROR, text) or Cause.SERVER_REFUSED


def classify_close_reason(text: str) -> Cause:
    """Return the cause for a server's close reason; ``unknown`` for one that is not known."""
    return _by_beginning(_BY_CLOSE_REASON, text) or Cause.UNKNOWN


def _by_beginning(table: tuple[tuple[str, Cause], ...], text: str) -> Cause | None:
    folded = text.casefold()
    return next((cause for beginning, cause in table if folded.startswith(beginning)), None)
