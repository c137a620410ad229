"""A stream over a socket that returns everything the peer sent, also when a write fails first.

A failed write ends an asyncio transport at once, and uvloop's too: what is unread would be dropped. Linux keeps it
readable after a reset: messages, and the error with which a server explains why it closed.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from natsmon.dial.stream import STREAM_LIMIT, SocketStream

_UNREAD_LIMIT = 16 * 1024 * 1024
"""Bytes; the receive buffer of a socket is smaller, and a connection that has failed receives no more."""


class _Reader(asyncio.StreamReader):
    """A stream reader that raises why the connection ended, after everything before it was read."""

    _ending: Exception | None = None

    def set_exception(self, exc: Exception) -> None:
        """End the stream. The first reason counts: later ones follow from it."""
        self._ending = self._ending or exc
        self.feed_eof()

    def exception(self) -> Exception | None:
        """Why the connection ended; None for a normal end, or while it is open."""
        return self._ending

    async def read(self, n: int = -1) -> bytes:
        data = await super().read(n)
        if not data and n and self._ending is not None:
            raise self._ending
        return data

    async def readexactly(self, n: int) -> bytes:
        try:
            return await super().readexactly(n)
        except asyncio.IncompleteReadError as error:
            raise self._ending or error from None

    async def readuntil(self, separator: Any = b"\n") -> bytes:
        try:
            return await super().readuntil(separator)
        except asyncio.IncompleteReadError as error:
            raise self._ending or error from None


class CompleteProtocol(asyncio.StreamReaderProtocol):
    """Passes what is unread to its reader before the loss of the connection."""

    def __init__(self) -> None:
        self.reader = _Reader(limit=STREAM_LIMIT)
        super().__init__(self.reader)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._below = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Read the rest, then end the reader. Under TLS the socket is closed already, and its rest has been read."""
        if exc is not None and self._below.get_protocol() is self:
            for data in _unread(self._below):
                self.data_received(data)
        super().connection_lost(exc)


def complete_under_tls(socket_transport: Any, tls_transport: Any) -> None:
    """Have a failed connection under TLS pass on what is unread too."""
    socket_transport.set_protocol(_Ciphertext(socket_transport, tls_transport))


class _Ciphertext(asyncio.BufferedProtocol):
    """Between a socket and the TLS layer: passes on what is unread before the loss of the connection."""

    def __init__(self, socket_transport: Any, tls_transport: Any) -> None:
        self._below = socket_transport
        self._above = tls_transport
        self._tls: Any = socket_transport.get_protocol()
        for name in ("get_buffer", "buffer_updated", "eof_received", "pause_writing", "resume_writing"):
            setattr(self, name, getattr(self._tls, name))

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None and not isinstance(exc, ssl.SSLError):  # after an error of TLS itself nothing can be read
            for data in (b"", *_unread(self._below)):
                self._above.resume_reading()  # a reader that is full pauses it
                self._tls.get_buffer(len(data))[: len(data)] = data
                self._tls.buffer_updated(len(data))
        self._tls.connection_lost(exc)


async def open_stream(sock: socket.socket, address: str, protocol: CompleteProtocol | None = None) -> SocketStream:
    """Return the stream over a connected, non-blocking socket, which it owns from here."""
    used = protocol or CompleteProtocol()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: used, sock=sock)
    return SocketStream(used.reader, asyncio.StreamWriter(transport, used, used.reader, loop), address)


def _unread(transport: asyncio.BaseTransport) -> Iterator[bytes]:
    """What the socket of a transport that has failed still holds; nothing once it is closed."""
    sock = transport.get_extra_info("socket")
    left = _UNREAD_LIMIT if sock is not None else 0
    with suppress(OSError):
        while left > 0 and (data := os.read(sock.fileno(), STREAM_LIMIT)):
            left -= len(data)
            yield data
