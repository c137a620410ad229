"""Recorder: writes lines to a recording from a thread of its own, so that a slow or full disk never blocks the run."""

import threading
from collections import deque

from natsmon.recording.compression import NoZstd
from natsmon.recording.writer import NotOurs, RecordingWriter, Target
from natsmon.stream import events as ev
from natsmon.text.plain_text import printable

FLUSH = 0.8
"""Seconds after which a line is in the file: less than the one second that a kill may cost."""
LINES_WAITING = 200_000
"""Lines not yet written at most; a disk that is further behind does not catch up."""


class CannotRecord(Exception):
    """A recording cannot begin; the text is for a person and begins with the file's name."""


class Recorder:
    """One recording, a sink from its first line to ``close``; it begins with the lines of ``head``.

    Raises CannotRecord with the reason.
    """

    ended = False
    """A recording that stopped never ends the run."""

    def __init__(self, target: Target, head: bytes = b"") -> None:
        self.name = target.path
        try:
            self._writer = RecordingWriter(target)
        except (NotOurs, NoZstd) as error:
            raise CannotRecord(f'"{printable(target.path)}" {error}') from None
        except OSError as error:
            raise CannotRecord(f'"{printable(target.path)}" cannot be written: {error.strerror}') from None
        self.failure = ""
        """Why it stopped by itself, as a sentence; empty while it works."""
        self._reported = False
        self._lines: deque[bytes] = deque(head.splitlines(keepends=True))
        self._pending = threading.Event()
        self._closing = threading.Event()
        if head:
            self._pending.set()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        """Bytes of the file that is written."""
        return self._writer.size

    def new_failure(self) -> str:
        """The failure, the first time that it is asked for: it is shown to the user once."""
        failure = self.failure
        if not failure or self._reported:
            return ""
        self._reported = True
        return failure

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Take an event of a probe in this process."""
        self.write(line)

    def write(self, line: bytes) -> None:
        """Take a line, its end included. Never blocks."""
        if self.failure:
            return
        self._lines.append(line)
        if not self._pending.is_set():
            self._pending.set()
        elif len(self._lines) > LINES_WAITING:
            self._stop("the disk does not keep up")

    def finish(self) -> None:
        """No line follows: write what is left. Does not wait for it."""
        self._closing.set()
        self._pending.set()

    def wait(self, timeout: float) -> bool:
        """Wait until everything is written and the file closed, for at most ``timeout`` seconds; whether it is."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self, timeout: float) -> bool:
        """Write what is left, for at most ``timeout`` seconds; False when a part remains unwritten."""
        self.finish()
        if self.wait(timeout):
            return True
        self._stop("the disk does not answer")
        return False

    def _run(self) -> None:
        try:
            while not (self._closing.is_set() or self.failure):
                self._pending.wait()
                self._closing.wait(FLUSH)
                self._pending.clear()
                self._write()
            self._write()
            self._writer.close()
        except Exception as error:  # no error of a recording ends the run
            reason = error.strerror if isinstance(error, OSError) else None
            self._stop(reason or str(error) or type(error).__name__)
            self._writer.abandon()

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines:
            self._writer.write(lines)

    def _stop(self, reason: str) -> None:
        count = self._writer.lines
        lines = f"{count:,} line is" if count == 1 else f"{count:,} lines are"
        self.failure = printable(f"recording stopped: {self.name}: {reason}; {lines} in it")
        self._lines.clear()
