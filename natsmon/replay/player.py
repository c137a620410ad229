"""Player: a position in a recording, whether it plays, and how fast."""

from bisect import bisect_left

from natsmon.replay.recording_index import BLOCK, RecordingIndex
from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.wording.narration import narrate

SPEEDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
GRACE = 1.0
"""Seconds of real time after an outage in which "the outage before" is the one before that."""


class Player:
    """Its position is after ``number`` events, at ``at`` seconds of the recording's time."""

    def __init__(self, index: RecordingIndex, *, playing: bool = True) -> None:
        self.index = index
        self.tracks = Tracks(narrate)
        """What is known at the position."""
        self.jumps = 0
        """How many times the tracks and the log were replaced, instead of continued."""
        self.number = 0
        self.at = 0.0
        self.speed: int = SPEEDS[0]
        self.playing = playing

    # -- the position -----------------------------------------------------------------------------

    @property
    def session(self) -> int:
        """The place of the session, counted from 0."""
        return self.index.session(self.at, self.number)

    @property
    def now(self) -> float:
        """The time of the session's own stream."""
        if not self.index.sessions:
            return 0.0
        return max(self.tracks.first.state.now, self.index.sessions[self.session].time(self.at))

    @property
    def wall(self) -> float:
        """The wall clock, seconds since the epoch."""
        return self.tracks.session.wall(self.now) if self.index.sessions else 0.0

    @property
    def at_end(self) -> bool:
        return self.number == len(self.index)

    # -- playing ----------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Play for so many seconds of real time."""
        if not self.playing:
            return
        self.seek(min(self.index.length, self.at + seconds * self.speed))
        if self.at_end and self.index.complete:
            self.playing = False

    def toggle(self) -> None:
        """Play or pause; at the end, play again from the start."""
        if not self.playing and self.at_end and self.index.complete:
            self.seek(0.0)
        self.playing = not self.playing

    def faster(self, by: int) -> None:
        """Change to the next speed, or with -1 to the one before."""
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, SPEEDS.index(self.speed) + by))]

    # -- seeking ----------------------------------------------------------------------------------

    def seek(self, at: float) -> None:
        """Seek to a time of the recording, after every event of that time."""
        at = max(0.0, min(self.index.length, at))
        self._move(self.index.number(at), at)

    def step(self, by: int) -> None:
        """Pause, and move by a number of events."""
        self.playing = False
        self.to_event(self.number + by)

    def to_event(self, number: int) -> None:
        """Seek to the position after ``number`` events."""
        number = max(0, min(len(self.index), number))
        self._move(number, self.index.times[number - 1] if number else 0.0)

    def to_outage(self, by: int) -> bool:
        """Seek to the loss of the next outage, or with -1 of the one before; False when there is none."""
        if by > 0:
            place = self.index.outages_until(self.at)
        else:
            behind = GRACE * self.speed if self.playing else 0.0
            place = bisect_left(self.index.outages, self.at - behind, key=lambda span: span.began) - 1
        if not 0 <= place < len(self.index.outages):
            return False
        self.seek(self.index.outages[place].began)
        return True

    def _move(self, number: int, at: float) -> None:
        self.at = at
        if 0 <= number - self.number <= BLOCK:
            for event in self.index.events(self.number, number):
                self.tracks.apply(event)
                self.jumps += isinstance(event, ev.SnapshotEnd)
        else:
            self.tracks = self.index.tracks(number)
            self.jumps += 1
        self.number = number
