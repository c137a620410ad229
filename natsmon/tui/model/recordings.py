"""The recording of what is seen: started and stopped by a key, or begun with the program."""

import os
import time
from typing import TYPE_CHECKING

from natsmon.stream import codec
from natsmon.stream.source import Source
from natsmon.text import units
from natsmon.text.plain_text import printable
from natsmon.tui.model.viewed_stream import ViewedStream

if TYPE_CHECKING:
    from natsmon.recording.recorder import Recorder
    from natsmon.recording.writer import Target

_CLOSES_WITHIN = 5.0
"""Seconds that writing the last lines may take."""
_FREE_WITHIN = 0.5
"""Seconds that one may take to close its file, before the next begins, which may have the same."""


class Recordings:
    """One at a time. Its lines are the source's own, and the notes that the view makes."""

    def __init__(
        self, source: Source, viewed: ViewedStream, target: "Target | None", recorder: "Recorder | None"
    ) -> None:
        self._viewed = viewed
        self._target = target
        self._recorder = recorder
        self._finished: list[Recorder] = []
        self.made = [recorder.name] if recorder is not None else []
        """The names of all recordings that were begun, oldest first."""
        source.tap = self._take
        viewed.on_note = lambda note: self._take(codec.encode(note))

    def _take(self, line: bytes) -> None:
        if self._recorder is not None:
            self._recorder.write(line)

    def toggle(self) -> str:
        """Start a recording, or end the one that runs. Returns the notice, which is logged too."""
        if self._recorder is None:
            return self._start()
        words = f"recording ends: {_place(self._recorder)}"
        self._viewed.note(words)
        self._recorder.finish()
        self._finished.append(self._recorder)
        self._recorder = None
        return words

    def _start(self) -> str:
        from natsmon.recording import part_files
        from natsmon.recording.recorder import CannotRecord, Recorder
        from natsmon.recording.writer import Target

        wanted = self._target or Target()
        target = Target(wanted.path or part_files.default(time.time()), wanted.part_size, wanted.keep)
        for earlier in self._finished:
            earlier.wait(_FREE_WITHIN)
        try:
            self._recorder = Recorder(target, self._viewed.tracks.snapshot())
        except CannotRecord as error:
            words = f"not recorded: {error}"
            self._viewed.note(words, "bad")
            return words
        self.made = [*(name for name in self.made if name != target.path), target.path]
        words = f"recording to {_place(self._recorder)}"
        self._viewed.note(words)
        return words

    def look(self) -> None:
        """Show its size; log the failure of one that had to stop."""
        recorder = self._recorder
        for stopped in [*self._finished, *([recorder] if recorder is not None else [])]:
            if failure := stopped.new_failure():
                if stopped is recorder:
                    self._recorder = None
                self._viewed.note(failure, "bad")
        self._viewed.recording = units.size(self._recorder.size) if self._recorder is not None else ""

    def close(self) -> list[str]:
        """Write the rest of all recordings. Returns failures that were not shown yet."""
        if self._recorder is not None:
            self._finished.append(self._recorder)
            self._recorder = None
        for recorder in self._finished:
            recorder.close(_CLOSES_WITHIN)
        return [failure for recorder in self._finished if (failure := recorder.new_failure())]


def _place(recorder: "Recorder") -> str:
    return printable(os.path.abspath(recorder.name))
