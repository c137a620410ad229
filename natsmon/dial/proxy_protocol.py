"""Dialing a server that expects the PROXY protocol, as a load balancer does (nats-server from 2.12.2)."""

import ipaddress
from typing import Any, Literal

from natsmon.dial.arguments import check, check_address
from natsmon.dial.errors import DialError
from natsmon.dial.foreign_dialer import given_or_tcp
from natsmon.dial.stream import Address, CustomDialer, Stream, as_stream
from natsmon.dial.trace import DialTrace

_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_PROXIED_STREAM = {4: b"\x21\x11", 6: b"\x21\x21"}
"""Version 2, command PROXY; TCP over IPv4 or IPv6."""


class ProxyProtocolDialer:
    """Sends a PROXY protocol header on each connection (HAProxy's proxy-protocol.txt).

    Args:
        version: Of the protocol: 1 is text, 2 is binary.
        source: Address and port of the client to report; those of the socket by default.
        dialer: Opens the connection; ``Dialer()`` by default.

    Raises:
        TypeError: An argument is of another type.
        ValueError: Another version, or a source that is not an IP address and a port.
    """

    def __init__(
        self,
        *,
        version: Literal[1, 2] = 2,
        source: Address | None = None,
        dialer: CustomDialer | None = None,
    ) -> None:
        check("version", version, "1 or 2", int, lambda version: version in (1, 2))
        if source is not None:
            check_address("source", source, least_port=0, ip=True)
        self._version = version
        self._source = source
        self._dialer = given_or_tcp(dialer)

    async def dial(self, address: Address, *, deadline: float | None = None, trace: DialTrace | None = None) -> Stream:
        """Open a connection, and send the header. See ``CustomDialer.dial``.

        Raises:
            DialError: The connection failed, or its addresses cannot be written in a header.
        """
        stream = as_stream(await self._dialer.dial(address, deadline=deadline, trace=trace))
        try:
            peer = stream.writer.get_extra_info("peername")
            source = self._source or stream.writer.get_extra_info("sockname")
            stream.writer.write(_header(self._version, source, peer))
        except ValueError as error:
            stream.writer.transport.abort()
            raise DialError("tcp", "unknown", f"no header of the PROXY protocol: {error}") from error
        return stream


def _header(version: int, source: Any, target: Any) -> bytes:
    """Return the header for two addresses, as a socket names them. Raises ValueError."""
    try:
        here, there = (ipaddress.ip_address(end[0].partition("%")[0]) for end in (source, target))
    except (AttributeError, LookupError, TypeError, ValueError):  # a UNIX socket's, or none
        raise ValueError("the connection is not between two IP addresses") from None
    if here.version != there.version:
        raise ValueError("source and server are of different address families")
    if version == 1:
        return f"PROXY TCP{here.version} {here} {there} {source[1]} {target[1]}\r\n".encode()
    body: bytes = here.packed + there.packed + source[1].to_bytes(2, "big") + target[1].to_bytes(2, "big")
    return _SIGNATURE + _PROXIED_STREAM[here.version] + len(body).to_bytes(2, "big") + body
