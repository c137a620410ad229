"""A recording on its way into a tape, in slices short enough for whoever has something else to do as well."""

from collections.abc import Generator

import msgspec

from natsmon.recording.reader import Batch, Recording, Skipped
from natsmon.replay.tape import Tape

SLICE = 500
"""Events taken in at once, a few ms of them."""


class Loading:
    def __init__(self, recording: Recording) -> None:
        self.tape = Tape()
        self.done = False
        """Nothing more will come: all has been read, or it was stopped."""
        self.stopped = False
        self._recording = recording
        self._slices = self._load()

    @property
    def share(self) -> float:
        """Of the bytes of all files, 0 to 1."""
        return min(1.0, self._recording.read / self._recording.total) if self._recording.total else 1.0

    @property
    def skipped(self) -> list[Skipped]:
        return self._recording.skipped

    def go_on(self) -> bool:
        """Take one slice in; False when that was all."""
        if not self.done:
            self.done = next(self._slices, None) is None
        return not self.done

    def begin(self) -> bool:
        """Go on until there is something to show; False when nothing in the files is."""
        while not len(self.tape) and self.go_on():
            pass
        return bool(len(self.tape))

    def stop(self) -> None:
        """What is there is enough."""
        if not self.done:
            self.done = self.stopped = True
            self._slices.close()

    def _load(self) -> Generator[Batch, None, None]:
        for batch in self._recording.batches():
            for first in range(0, max(1, len(batch.events)), SLICE):
                events, lines = (part[first : first + SLICE] for part in (batch.events, batch.lines))
                piece = msgspec.structs.replace(batch, events=events, lines=lines)
                self.tape.add(piece)
                yield piece
