"""Inbox: reads lines from a file descriptor on a thread of its own and passes them to the event loop."""

import asyncio
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress

from natsmon.stream.codec import LineSplitter

_CHUNK = 64 * 1024
_AT_ONCE = 64
"""Lines received in one turn of the loop."""


class Inbox:
    """Calls ``receive`` on the running loop with each line, without its end; with None at the end of the file."""

    def __init__(self, fd: int, receive: Callable[[bytes | None], None], already_read: bytes = b"") -> None:
        self._fd = fd
        self._receive = receive
        self._already_read = already_read
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="inbox", daemon=True).start()

    def _run(self) -> None:
        splitter, chunk = LineSplitter(), self._already_read
        with suppress(RuntimeError):  # the loop may be closed by the time a line arrives
            while True:
                lines = [line for line in splitter.feed(chunk) if line.strip()]
                for start in range(0, len(lines), _AT_ONCE):
                    self._hand_over(lines[start : start + _AT_ONCE])
                chunk = self._read()
                if not chunk:
                    self._loop.call_soon_threadsafe(self._receive, None)
                    return

    def _hand_over(self, lines: list[bytes]) -> None:
        """Wait until the loop has received them: a flood is held up in the pipe, and other tasks run in between."""
        received = threading.Event()

        def receive() -> None:
            try:
                for line in lines:
                    self._receive(line)
            finally:
                received.set()  # also after an error: later commands are still read

        self._loop.call_soon_threadsafe(receive)
        received.wait()

    def _read(self) -> bytes:
        while True:
            try:
                return os.read(self._fd, _CHUNK)
            except BlockingIOError:  # another process that shares the file has made it non-blocking
                select.select([self._fd], [], [])
            except OSError:
                return b""
