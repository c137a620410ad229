"""Terminal output with a bounded queue: a terminal that accepts nothing never blocks the program."""

import os
import select
import threading
from collections import deque
from collections.abc import Callable

LIMIT = 256 * 1024
"""Bytes that may wait before frames are dropped."""


class TerminalOutput:
    """Writes in a thread. Beyond the limit, whole frames are dropped until everything before them is written.

    Args:
        descriptor: Of the terminal.
        encoding: Of the terminal.
        on_resumed: Called in the thread when frames were dropped and the terminal has accepted the rest.
        on_gone: Called in the thread when the terminal is gone.
    """

    def __init__(
        self, descriptor: int, encoding: str, on_resumed: Callable[[], object], on_gone: Callable[[], object]
    ) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._on_resumed = on_resumed
        self._on_gone = on_gone
        self._pending: deque[tuple[str, bytes]] = deque()
        self._running = False
        self._finishing = False
        self._dropping = False
        self._changed = threading.Condition()

    @property
    def waiting(self) -> int:
        """Bytes in the queue."""
        return sum(len(data) for _, data in self._pending)

    def write(self, text: str, kind: str = "") -> None:
        """Queue a frame or a control sequence; never blocks.

        Args:
            text: What to write.
            kind: Of a control sequence: it is never dropped, but while frames are dropped the newest of a kind
                replaces the one before. Empty for a frame.
        """
        with self._changed:
            self._dropping |= self.waiting > LIMIT
            self._pending.append((kind, text.encode(self._encoding, "replace")))
            if self._dropping:
                self._keep_controls()
            self._changed.notify_all()
            if not self._running:
                self._running, self._finishing = True, False
                threading.Thread(target=self._run, name="terminal-output", daemon=True).start()

    def finish(self, seconds: float) -> bool:
        """Drop the frames that wait, write the control sequences, and end the thread.

        Args:
            seconds: For a terminal that accepts nothing.

        Returns:
            False when the terminal has not accepted everything in that time.
        """
        with self._changed:
            self._keep_controls()
            self._finishing = True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._running, seconds)

    def _keep_controls(self) -> None:
        kept: dict[str, bytes] = {}
        for kind, data in self._pending:
            if kind:
                kept.pop(kind, None)  # the newest one comes last
                kept[kind] = data
        self._pending = deque(kept.items())

    def _run(self) -> None:
        while data := self._next():
            self._put(data)

    def _next(self) -> bytes:
        """Wait for the next piece; empty at the end."""
        with self._changed:
            if not self._pending and self._dropping:
                self._dropping = False
                self._on_resumed()
            self._changed.wait_for(lambda: self._pending or self._finishing)
            if self._pending:
                return self._pending.popleft()[1]
            self._running = False
            self._changed.notify_all()
            return b""

    def _put(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # another program has made the terminal non-blocking
                select.select([], [self._descriptor], [])
            except OSError:
                self._on_gone()
                return
