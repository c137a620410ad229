"""Loading a recording into an index, in slices so short that a screen stays responsive."""

from collections.abc import Generator

from natsmon.recording.reader import Recording, Skipped
from natsmon.replay.recording_index import RecordingIndex

SLICE = 500
"""Events loaded at once, in a few milliseconds."""


class Loading:
    """One recording on its way into an index."""

    def __init__(self, recording: Recording) -> None:
        self.index = RecordingIndex()
        self.stopped = False
        self._recording = recording
        self._slices = self._load()

    @property
    def share(self) -> float:
        """Of the bytes of all files, 0 to 1."""
        return min(1.0, self._recording.read / self._recording.total) if self._recording.total else 1.0

    @property
    def skipped(self) -> list[Skipped]:
        """What could not be read so far."""
        return self._recording.skipped

    def load_slice(self) -> bool:
        """Load one slice; False when that was all."""
        if not self.index.complete:
            self.index.complete = not next(self._slices, False)
        return not self.index.complete

    def begin(self) -> bool:
        """Load until there is something to show; False when there is nothing in the files."""
        while not self.index.times and self.load_slice():
            pass
        return bool(self.index.times)

    def stop(self) -> None:
        """Load no more; what is loaded stays."""
        if not self.index.complete:
            self.index.complete = self.stopped = True
            self._slices.close()

    def _load(self) -> Generator[bool, None, None]:
        for batch in self._recording.batches():
            for first in range(0, max(1, len(batch)), SLICE):
                self.index.add(batch[first : first + SLICE])
                yield True
