"""Lines out, lines in: each with a thread of its own, so that neither end can hold up the loop between them.

A reader that stops costs the writer nothing but memory, and that is bounded: what can be left out is left
out and counted, totals arrive all the same. Threads work with every kind of file (a terminal, a pipe, a
regular file), and leave the file's flags, which others may share, as they are.
"""

import asyncio
import os
import select
import stat
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

SOFT_LIMIT = 2_000
"""Lines waiting from which on single samples are left out; the totals tell the same."""

HARD_LIMIT = 20_000
BYTES_LIMIT = 16 * 1024 * 1024
"""Lines waiting at most, and their bytes; the oldest make room."""

_BATCH = 256
_CHUNK = 64 * 1024


class Outbox:
    """Writes lines to a file descriptor, in order: at once into a pipe with room in it, else from a thread.

    ``left_out`` makes the line that says how many were left out.
    """

    def __init__(self, fd: int, left_out: Callable[[int], bytes | None]) -> None:
        self._fd = fd
        self._left_out = left_out
        self._lines: deque[bytes] = deque()
        self._latest: dict[str, bytes] = {}
        self._last = b""
        self._waiting = 0
        """Bytes in ``_lines``."""
        self._missing = 0
        self._closing = False
        self._writing = False
        self._room = _Room(fd) if stat.S_ISFIFO(os.fstat(fd).st_mode) else None
        self._changed = threading.Condition()
        self.broken = False
        """True when the reader has gone away, or takes no more."""
        self.failure = ""
        """Why nothing can be written any more; empty where the reader has just gone away."""
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)
        self._thread.start()

    def put(self, line: bytes, *, sample: bool = False, latest: str = "", last: bool = False) -> None:
        """Never waits. A ``sample`` may be left out; of the lines with one ``latest`` key the last is kept.

        What was held back goes before the ``last`` line, after which nothing follows.
        """
        with self._changed:
            if last:
                self._last = line
            elif latest and (latest in self._latest or len(self._lines) >= SOFT_LIMIT):
                self._latest[latest] = line
            elif sample and len(self._lines) >= SOFT_LIMIT:
                self._missing += 1
            else:
                if self._written_at_once(line):
                    return
                self._lines.append(line)
                self._waiting += len(line)
                while len(self._lines) > HARD_LIMIT or self._waiting > BYTES_LIMIT:
                    self._waiting -= len(self._lines.popleft())
                    self._missing += 1
            self._changed.notify()

    def _written_at_once(self, line: bytes) -> bool:
        """Handing a line to the thread takes longer than writing it, and a reconnect has twenty of them."""
        idle = not (self._writing or self._lines or self._latest or self._closing or self.broken)
        if not idle or self._room is None or not self._room.for_(line):
            return False
        try:
            os.write(self._fd, line)
        except OSError as error:
            self._break(error)
        return True

    def _break(self, error: OSError) -> None:
        self.broken = True
        if not isinstance(error, BrokenPipeError):
            self.failure = error.strerror or str(error)

    def close(self, timeout: float) -> bool:
        """Write what is left, for at most ``timeout`` seconds; False when it did not all leave."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not (self._lines or self._latest or self._last or self._closing):
                    self._changed.wait()
                if not (self._lines or self._latest or self._last):
                    return
                batch = self._take()
                self._writing = True
            try:
                _write_all(self._fd, batch)
            except OSError as error:
                self._break(error)
                return
            finally:
                self._writing = False

    def _take(self) -> bytes:
        batch = [self._lines.popleft() for _ in range(min(_BATCH, len(self._lines)))]
        self._waiting -= sum(map(len, batch))
        if not self._lines:
            if self._missing:
                told = self._left_out(self._missing)
                self._missing = 0
                if told is not None:
                    batch.append(told)
            batch += [*self._latest.values(), self._last]
            self._latest.clear()
            self._last = b""
        return b"".join(batch)


class _Room:
    """Whether a pipe takes a line without waiting: one it calls writable takes PIPE_BUF bytes, all or none."""

    def __init__(self, fd: int) -> None:
        self._poll = select.poll()
        self._poll.register(fd, select.POLLOUT)

    def for_(self, line: bytes) -> bool:
        return len(line) <= select.PIPE_BUF and any(event & select.POLLOUT for _, event in self._poll.poll(0))


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view[:_CHUNK]) :]
        except BlockingIOError:  # somebody who shares the file has made it so
            select.select([], [fd], [])


class Inbox:
    """Reads lines from a file descriptor on a thread, and hands them to the running loop.

    ``receive`` gets each line without its end; None says that the file has ended.
    """

    MAX_LINE = 1024 * 1024

    def __init__(self, fd: int, receive: Callable[[bytes | None], None], heard: bytes = b"") -> None:
        self._fd = fd
        self._receive = receive
        self._rest = heard
        """What has been read of it already."""
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="inbox", daemon=True).start()

    def _run(self) -> None:
        with suppress(RuntimeError):  # the loop may be gone by the time a line comes
            while True:
                *lines, self._rest = self._rest.split(b"\n")
                for line in lines:
                    if line.strip():
                        self._loop.call_soon_threadsafe(self._receive, line)
                data = self._read()
                if not data or len(self._rest) > self.MAX_LINE:
                    self._loop.call_soon_threadsafe(self._receive, None)
                    return
                self._rest += data

    def _read(self) -> bytes:
        while True:
            try:
                return os.read(self._fd, _CHUNK)
            except BlockingIOError:  # somebody who shares the file has made it so
                select.select([self._fd], [], [])
            except OSError:
                return b""
