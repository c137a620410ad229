"""An open byte stream, and the protocol of what opens one."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from natsmon.dial.trace import DialTrace

Address = tuple[str, int]
"""Host and port of TCP."""

STREAM_LIMIT = 64 * 1024
"""The longest line a stream reads, in bytes."""


class ByteReader(Protocol):
    """What is used of a reader. ``asyncio.StreamReader`` is one, and defines the behaviour."""

    async def read(self, n: int = -1, /) -> bytes:
        """At most ``n`` bytes; empty at the end."""
        ...

    async def readexactly(self, n: int, /) -> bytes:
        """Exactly ``n`` bytes.

        Raises:
            asyncio.IncompleteReadError: The stream ended before.
        """
        ...

    async def readuntil(self, separator: bytes = b"\n", /) -> bytes:
        """Bytes up to and including the separator.

        Raises:
            asyncio.IncompleteReadError: The stream ended before.
            asyncio.LimitOverrunError: The line is longer than the reader's limit.
        """
        ...

    def at_eof(self) -> bool:
        """Whether the end was read."""
        ...


class ByteTransport(Protocol):
    """What is used of a writer's transport."""

    def abort(self) -> None:
        """Close at once, without sending what is buffered."""
        ...


class ByteWriter(Protocol):
    """What is used of a writer. ``asyncio.StreamWriter`` is one, and defines the behaviour.

    TLS on top of the stream also needs ``start_tls`` and ``transport.pause_reading``.
    """

    @property
    def transport(self) -> ByteTransport:
        """The transport below."""
        ...

    def write(self, data: bytes, /) -> None:
        """Send, or buffer, without waiting."""
        ...

    async def drain(self) -> None:
        """Wait until the buffer has room.

        Raises:
            ConnectionError: The connection has ended.
        """
        ...

    def close(self) -> None:
        """Send what is buffered, then close."""
        ...

    async def wait_closed(self) -> None:
        """Wait until it is closed."""
        ...

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """A property of the transport, such as ``peername``."""
        ...


class Stream(NamedTuple):
    """An open byte stream."""

    reader: ByteReader
    writer: ByteWriter
    address: str = ""
    """``ip:port`` of the other end, or another name for it."""
    tls_done: bool = False
    """The dialer has done the TLS handshake with the server; no other follows (nats.go: ``SkipTLSHandshake``).

    A dialer that wraps another forwards this field.
    """


class SocketStream(Stream):
    """An open byte stream with asyncio's own reader and writer."""

    if TYPE_CHECKING:

        @property
        def reader(self) -> asyncio.StreamReader: ...  # noqa: D102

        @property
        def writer(self) -> asyncio.StreamWriter: ...  # noqa: D102


class CustomDialer(Protocol):
    """Opens streams in the place of ``Dialer``: any object with this method (nats.go: ``SetCustomDialer``)."""

    async def dial(
        self, address: Address, *, deadline: float | None, trace: DialTrace | None
    ) -> Stream | tuple[ByteReader, ByteWriter]:
        """Open a stream; a cancel must leave nothing open.

        Args:
            address: Host and port, as in the URL: a name is not resolved yet.
            deadline: Time on the running loop's clock, in seconds; None for no limit.
            trace: Hooks to call for each step.

        Returns:
            A Stream, or the pair that ``asyncio.open_connection`` returns.

        Raises:
            DialError: The dial failed; another OSError, or any other exception, counts as the same.
        """


_READER = ("read", "readexactly", "readuntil", "at_eof")
_WRITER = ("write", "drain", "close", "wait_closed", "get_extra_info", "transport")


def as_stream(opened: object) -> Stream:
    """Return the result of a dialer as a Stream.

    Args:
        opened: A Stream, or the pair of reader and writer.

    Raises:
        TypeError: It is neither a Stream nor a pair. Whatever it holds open is closed.
    """
    if isinstance(opened, tuple) and (isinstance(opened, Stream) or len(opened) == 2):
        stream = opened if isinstance(opened, Stream) else Stream(*opened)
        sound = all(hasattr(stream.reader, name) for name in _READER) and isinstance(stream.address, str)
        if sound and all(hasattr(stream.writer, name) for name in _WRITER):
            return stream
    discard(opened)
    raise TypeError(f"a dialer returns a natsmon.Stream or a pair (reader, writer), not {_described(opened)}")


def discard(opened: object) -> None:
    """Close whatever a dialer has returned."""
    for part in opened if isinstance(opened, tuple | list) else (opened,):
        transport = getattr(part, "transport", None)
        close = getattr(transport, "abort", None) or getattr(part, "abort", None) or getattr(part, "close", None)
        if callable(close):
            with suppress(Exception):
                close()


def _described(opened: object) -> str:
    if isinstance(opened, tuple | list):
        return f"{type(opened).__name__} of ({', '.join(type(part).__name__ for part in opened)})"
    return type(opened).__name__
