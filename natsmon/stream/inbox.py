"""Inbox: reads lines from a file descriptor on a thread of its own and passes them to the event loop."""

import asyncio
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress

from natsmon.stream.codec import LineSplitter

_CHUNK = 64 * 1024


class Inbox:
    """Calls ``receive`` on the running loop with each line, without its end; with None at the end of the file.

    Args:
        fd: The file descriptor to read.
        receive: Called on the loop.
        already_read: What was read of it before.
    """

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
                for line in splitter.feed(chunk):
                    if line.strip():
                        self._loop.call_soon_threadsafe(self._receive, line)
                chunk = self._read()
                if not chunk:
                    self._loop.call_soon_threadsafe(self._receive, None)
                    return

    def _read(self) -> bytes:
        while True:
            try:
                return os.read(self._fd, _CHUNK)
            except BlockingIOError:  # another process that shares the file has made it non-blocking
                select.select([self._fd], [], [])
            except OSError:
                return b""
