"""Lines into a recording, from a thread of its own: neither a slow disk nor a full one holds up who has them."""

import os
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from natsmon.recording import beginning, names
from natsmon.recording.compression import NoZstd, by_suffix
from natsmon.recording.part import NotOurs, Part
from natsmon.recording.target import Target
from natsmon.stream import events as ev
from natsmon.stream.codec import decode_event
from natsmon.text.plain_text import printable

if TYPE_CHECKING:
    from natsmon.state import Tracks

FLUSH = 0.5
"""Seconds after which a line is in the file at the latest: half of the one that a kill may cost."""
WAITING_AT_MOST = 200_000
"""Lines not yet written; a disk that is so far behind does not come back."""


class CannotRecord(Exception):
    """Why a recording cannot begin, for a person; begins with the file's name."""


class Parts:
    """The files of one recording, one after the other. Not a thread's business: it writes when it is told to."""

    def __init__(self, target: Target) -> None:
        """Raises OSError, NotOurs and NoZstd."""
        self.path = Path(os.path.realpath(target.path))
        self.lines = 0
        """Written so far, to all parts."""
        self._most = target.most
        self._keep = target.keep
        self._compression = by_suffix(target.path)
        self._part = Part(self.path, self._compression)
        self._tracks = _new_tracks() if target.most is not None else None

    @property
    def size(self) -> int:
        """Bytes of the part that is written."""
        return self._part.size

    def write(self, lines: list[bytes]) -> None:
        """Whole lines. When this returns they are in the file; raises OSError."""
        if self._full():
            self._turn()
        self._part.write(b"".join(lines))
        self.lines += len(lines)
        if self._tracks is not None:
            for line in lines:
                _apply(self._tracks, line)

    def close(self) -> None:
        """Raises OSError; the file is closed all the same."""
        self._part.close()

    def abandon(self) -> None:
        """After an error: close the file as it is."""
        with suppress(OSError):
            self._part.abandon()

    def _full(self) -> bool:
        if self._most is None or self._part.size < self._most:
            return False
        self._part.settle()  # which may make it smaller
        return self._part.size >= self._most

    def _turn(self) -> None:
        """Number the part that is full, let go of the oldest, and begin the next.

        What is let go of is surely a part: of the files with such names, it begins with an event.
        """
        assert self._tracks is not None
        full = names.numbered(self.path)
        number, name = names.free(self.path, full[-1][0] if full else 0)
        self.path.rename(name)
        for _, oldest in [*full, (number, name)][: 1 - self._keep or None]:
            if beginning.of_path(oldest).ours:
                oldest.unlink(missing_ok=True)
        done, self._part = self._part, Part(self.path, self._compression)
        done.close()
        if head := self._tracks.snapshot():
            self._part.write(head)


def _new_tracks() -> "Tracks":
    from natsmon.state import Tracks  # only a recording in parts needs to know what is in it: it costs a start
    from natsmon.wording.narration import narrate

    return Tracks(narrate)


def _apply(tracks: "Tracks", line: bytes) -> None:
    try:
        event = decode_event(line)
    except msgspec.DecodeError:
        return
    if event is not None:
        tracks.apply(event)


class Recorder:
    """One recording, from its first line to ``close``. ``failure`` tells when it had to stop before."""

    def __init__(self, target: Target, head: bytes = b"") -> None:
        """``head`` is what to begin with. Raises CannotRecord."""
        self.name = target.path
        try:
            self._parts = Parts(target)
        except (NotOurs, NoZstd) as error:
            raise CannotRecord(f'"{printable(target.path)}" {error}') from None
        except OSError as error:
            raise CannotRecord(f'"{printable(target.path)}" cannot be written: {error.strerror}') from None
        self.failure = ""
        """Why it stopped by itself, in a sentence; empty while it goes on."""
        self.told = False
        """Whether a person has been told of it."""
        self._lines: deque[bytes] = deque(head.splitlines(keepends=True))
        self._something = threading.Event()
        self._closing = threading.Event()
        if head:
            self._something.set()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def size(self) -> int:
        return self._parts.size

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Take an event of a probe in this process; a recorder is a sink."""
        self.write(line)

    @property
    def ended(self) -> bool:
        """A recording that stopped ends no run."""
        return False

    def write(self, line: bytes) -> None:
        """Take a line, its end included. Never blocks."""
        if self.failure:
            return
        self._lines.append(line)
        if not self._something.is_set():
            self._something.set()
        elif len(self._lines) > WAITING_AT_MOST:
            self._stop("the disk does not keep up")

    def finish(self) -> None:
        """No line will follow: write what is left. Does not wait for it."""
        self._closing.set()
        self._something.set()

    def over(self, timeout: float) -> bool:
        """Whether all is written and the file let go of; waits for that, for at most ``timeout`` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def close(self, timeout: float) -> bool:
        """Write what is left, for at most ``timeout`` seconds; False when a part remains unwritten."""
        self.finish()
        if self.over(timeout):
            return True
        self._stop("the disk does not answer")
        return False

    def _run(self) -> None:
        try:
            while not (self._closing.is_set() or self.failure):
                self._something.wait()
                self._closing.wait(FLUSH)
                self._something.clear()
                self._write()
            self._write()
            self._parts.close()
        except Exception as error:  # whatever it is, the run that is recorded goes on
            why = error.strerror if isinstance(error, OSError) else None
            self._stop(why or str(error) or type(error).__name__)
            self._parts.abandon()

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if lines:
            self._parts.write(lines)

    def _stop(self, why: str) -> None:
        count = self._parts.lines
        lines = f"{count:,} line is" if count == 1 else f"{count:,} lines are"
        self.failure = printable(f"recording stopped: {self.name}: {why}; {lines} in it")
        self._lines.clear()
