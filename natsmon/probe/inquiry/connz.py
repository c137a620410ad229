"""CONNZ: the connections of a server, as its monitoring port and its system requests return them."""

from datetime import datetime

import msgspec

CLOSED = 1
"""CONNZ's ``state``: connections that have ended."""


class Row(msgspec.Struct, frozen=True):
    cid: int = 0
    reason: str = ""
    """Why the server closed it."""
    stop: str = ""


class Connections(msgspec.Struct, frozen=True):
    """CONNZ of one server."""

    server_id: str = ""
    now: str = ""
    """The server's clock."""
    connections: list[Row] = []

    def closed(self, server_id: str, cid: int) -> Row | None:
        """Return the row of a connection that this server closed for a reason."""
        if self.server_id != server_id:
            return None
        return next((row for row in self.connections if row.cid == cid and row.reason), None)


class Answer(msgspec.Struct, frozen=True):
    """CONNZ as the answer to a system request."""

    data: Connections = Connections()


def closed_query(cid: int) -> bytes:
    """Return the payload of a system request for one connection that has ended."""
    return msgspec.json.encode({"cid": cid, "state": CLOSED})


def seconds(stamp: str) -> float:
    """Seconds since the epoch of a Go time in JSON; 0 when it is none."""
    try:
        return round(msgspec.convert(stamp, datetime).timestamp(), 6)
    except (msgspec.ValidationError, OverflowError, ValueError):
        return 0.0
