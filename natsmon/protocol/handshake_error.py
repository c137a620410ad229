"""The error of a NATS handshake, which is nats-py's error too."""

import nats.errors

from natsmon.dial.errors import DialError


class HandshakeError(DialError, nats.errors.Error):
    """The peer's greeting, or its answer to CONNECT, is not NATS, or refuses the client."""
