"""Headers given on the command line. Each parser raises ValueError with the reason."""

import re

from natsmon.config.secret import Secret

_UPGRADE_HEADERS = ("host", "upgrade", "connection", "origin")


def _header(value: str) -> tuple[str, Secret]:
    """Name and value of a header, sent as given."""
    name, colon, content = value.partition(":")
    content = content.strip(" \t")
    if not colon:
        raise ValueError("is not a header (try 'Name: value')")
    if not re.fullmatch(r"[!-9;-~]+", name):
        raise ValueError("has a name that is empty, or has a space or a letter that is not ASCII")
    if any(char in content for char in "\r\n\0"):
        raise ValueError("has a line break in its value")
    return name, Secret(content)


def message_header(value: str) -> tuple[str, Secret]:
    """A header of each message."""
    name, secret = _header(value)
    if name.lower().startswith("natsmon-"):
        raise ValueError("has a name that natsmon uses to number messages")
    if name.lower().startswith("nats-"):
        raise ValueError("has a name that the server acts on")
    return name, secret


def upgrade_header(value: str) -> tuple[str, Secret]:
    """A header of the upgrade to a WebSocket."""
    name, secret = _header(value)
    if name.lower() in _UPGRADE_HEADERS or name.lower().startswith("sec-websocket-"):
        raise ValueError("has a name that the WebSocket upgrade itself uses")
    if not secret.reveal().isascii():
        raise ValueError("has a value that is not ASCII")
    return name, secret
