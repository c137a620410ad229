"""Where a replay stands, whether it runs, and how fast."""

from bisect import bisect_left

from natsmon.replay.checkpoint import new_tracks
from natsmon.replay.tape import BLOCK, Chapter, Tape
from natsmon.stream import events as ev

SPEEDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
GRACE = 1.0
"""Seconds of a person's time behind an outage in which "the one before" means the one before that."""


class Player:
    """Stands after ``number`` events, at ``at`` seconds of the tape's time."""

    def __init__(self, tape: Tape, *, playing: bool = True) -> None:
        self.tape = tape
        self.tracks = new_tracks()
        """What is known here."""
        self.told: list[ev.LogLine] = []
        """Lines told since somebody looked, or since the last cut; they are for them to clear."""
        self.cuts = 0
        """How many times the scene has become another, and its log with it, and did not just go on."""
        self.number = 0
        self.at = 0.0
        self.speed: int = SPEEDS[0]
        self.playing = playing
        self.complete = False
        """Nothing more will be added to the tape."""

    # -- where it is ------------------------------------------------------------------------------

    @property
    def chapter(self) -> int:
        """Counted from 0."""
        return self.tape.chapter(self.at, self.number)

    @property
    def now(self) -> float:
        """The present on the session's own clock."""
        if not self.tape.chapters:
            return 0.0
        return max(self.tracks.first.state.now, self._chapter.time(self.at))

    @property
    def wall(self) -> float:
        """The present as the clock on the wall showed it, seconds since the epoch."""
        return self.tracks.session.wall(self.now) if self.tape.chapters else 0.0

    @property
    def _chapter(self) -> Chapter:
        return self.tape.chapters[self.chapter]

    @property
    def at_end(self) -> bool:
        return self.number == len(self.tape)

    # -- going on ---------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """So much of a person's time has passed."""
        if not self.playing:
            return
        self.seek(min(self.tape.length, self.at + seconds * self.speed))
        if self.at_end and self.complete:
            self.playing = False

    def toggle(self) -> None:
        """Play or pause; at the end, play again from the start."""
        if not self.playing and self.at_end and self.complete:
            self.seek(0.0)
        self.playing = not self.playing

    def faster(self, by: int) -> None:
        """To the next speed, or with -1 the one before."""
        self.speed = SPEEDS[max(0, min(len(SPEEDS) - 1, SPEEDS.index(self.speed) + by))]

    # -- going elsewhere --------------------------------------------------------------------------

    def seek(self, at: float) -> None:
        """To a time of the tape; all that happened up to it has happened."""
        at = max(0.0, min(self.tape.length, at))
        self._stand(self.tape.number(at), at)

    def step(self, by: int) -> None:
        """So many events on, or back; it stands still there."""
        self.playing = False
        self.to_event(self.number + by)

    def to_event(self, number: int) -> None:
        number = max(0, min(len(self.tape), number))
        self._stand(number, self.tape.times[number - 1] if number else 0.0)

    def to_outage(self, by: int) -> bool:
        """To the loss of the next outage, or with -1 the one before; False where there is none."""
        if by > 0:
            place = self.tape.outages_until(self.at)
        else:
            behind = GRACE * self.speed if self.playing else 0.0
            place = bisect_left(self.tape.outages, self.at - behind, key=lambda mark: mark.began) - 1
        if not 0 <= place < len(self.tape.outages):
            return False
        self.seek(self.tape.outages[place].began)
        return True

    def _stand(self, number: int, at: float) -> None:
        self.at = at
        if 0 <= number - self.number <= BLOCK:
            for event in self.tape.events(self.number, number):
                self._take(event)
        else:
            self.tracks = self.tape.tracks(number)
            self._cut()
        self.number = number

    def _take(self, event: ev.AnyEvent) -> None:
        line = self.tracks.apply(event)
        if isinstance(event, ev.SnapshotEnd):
            self._cut()
        elif line is not None:
            self.told.append(line)

    def _cut(self) -> None:
        self.cuts += 1
        self.told.clear()
