"""nats-py's transport over a dialer: every connection of a client's life goes through one ``DialTransport``.

nats-py keeps its retry loop, and uses one object for one connection after another: ``connect``, the handshake line by
line, ``read`` and ``write``, ``close``, and ``connect`` again, sometimes without ``close``. This transport raises only
what that loop survives, validates the greeting, and does not wait for a frozen peer. It uses only public names.
"""

import asyncio
from contextlib import suppress

import nats.errors

from natsmon.dial.deadline import within
from natsmon.dial.errors import DialError, DialFailed, classify
from natsmon.dial.stream import discard
from natsmon.library.handshake_transport import HandshakeTransport

LINGER = 0.5
"""Seconds that closing a connection waits until the peer has taken what was written; then it is aborted."""


class _OnlyOsErrors:
    """Raise anything else, as a custom stream may raise it, as a DialError; nats-py's loops would end silently."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, OSError | nats.errors.Error):
            raise DialFailed("connect", *classify(error), origin=error) from error


_only_os_errors = _OnlyOsErrors()


class DialTransport(HandshakeTransport):
    """nats-py's transport over a dialer."""

    async def read(self, buffer_size: int) -> bytes:
        if self._early:
            data = b"".join(self._early)
            self._early.clear()
            return data
        if self._stream is None:
            return self._at_end()
        with _only_os_errors:
            return await self._stream.reader.read(buffer_size) or self._at_end()

    def _at_end(self) -> bytes:
        if self._unwritable is not None:
            raise self._unwritable
        return b""

    def write(self, payload: bytes) -> None:
        if self._stream is None or self._closed:
            return
        if not self._answered:
            self._write_handshake(payload, self._stream.writer)
            return
        try:
            self._stream.writer.write(payload)
        except Exception as error:  # of a custom stream: the read loop survives it, what writes does not
            self._unwritable = DialError("connect", *classify(error), address=self.server, origin=error)
            self._unwritable.__cause__ = error
            self.drop()

    def writelines(self, payload: list[bytes]) -> None:
        self.write(b"".join(payload))  # asyncio's own writelines() of 3.12 and 3.13 has no back-pressure

    async def drain(self) -> None:
        if not self._answered and self._client.given_up():
            raise asyncio.CancelledError
        if self._stream is None or self._closed or self._held:
            return
        writer = self._stream.writer
        if self._client.is_closed:
            try:
                with _only_os_errors:
                    async with within(LINGER):
                        await writer.drain()
            except OSError:  # TimeoutError is one
                self.drop()
        elif self._answered:
            with suppress(OSError), _only_os_errors:  # the reader has what arrived before, and then the reason
                await writer.drain()
        elif not isinstance(writer, asyncio.StreamWriter):  # a custom one, which may send in drain() only
            with suppress(OSError), _only_os_errors:
                async with within(self._client.options["connect_timeout"]):
                    await writer.drain()

    def close(self) -> None:
        self.end_dial(asyncio.CancelledError())
        if self._stream is not None and not self._closed:
            self._closed = True
            try:
                self._stream.writer.close()
            except Exception:  # of a custom stream, whose end is awaited all the same
                discard(self._stream.writer)

    async def wait_closed(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        try:
            with _only_os_errors:
                async with within(LINGER):
                    await stream.writer.wait_closed()
        except TimeoutError:
            pass
        finally:
            discard(stream.writer)

    def at_eof(self) -> bool:
        if self._early or self._stream is None:
            return not (self._early or self._unwritable)
        with _only_os_errors:
            return self._stream.reader.at_eof()

    def __bool__(self) -> bool:
        # nats-py replaces a transport that is false, as the stock one is before it is connected.
        return True
