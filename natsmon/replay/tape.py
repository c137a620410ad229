"""A recording in memory, small enough to be kept whole and quick to be entered anywhere.

Lines stay as they were read, compressed in blocks; before each block stands the scene at its beginning. To be
anywhere is to wake the scene before it, and to fold what follows: never more than a block of events.
"""

import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from natsmon.recording.reader import Batch
from natsmon.replay import checkpoint
from natsmon.state import Tracks
from natsmon.stream import codec
from natsmon.stream import events as ev

BLOCK = 8_000
"""Events: a jump folds at most so many, some 30 ms of them, and a million take some 20 MB of scenes and lines."""
NEAR = 200
"""Events before a place that was jumped to where a scene is kept as well, for whoever steps back from there."""

_TELLING = ev.Session | ev.SnapshotEnd | ev.Disconnected | ev.StatusChanged | ev.Connected | ev.Outage | ev.Closed
"""What an outage may begin or end with."""


class Chapter(msgspec.Struct):
    """One session. A tape's own time, in seconds, runs on from one session to the next without the time between."""

    first: int
    """The number of its first event."""
    base: float
    """The tape's time at its beginning."""
    began: float
    """The session's time there: not 0 where the recording begins in the middle of it."""
    started: float
    """The wall clock at the session's own beginning, seconds since the epoch."""

    def wall(self, at: float) -> float:
        return self.started + self.time(at)

    def time(self, at: float) -> float:
        """The session's own time at a time of the tape."""
        return at - self.base + self.began


class Mark(msgspec.Struct):
    """An outage, in the tape's time; it begins once the status says so."""

    began: float
    ended: float | None = None


class Tape:
    def __init__(self) -> None:
        self.times = array("d")
        """When each event happened; never falls."""
        self.chapters: list[Chapter] = []
        self.outages: list[Mark] = []
        """Oldest first."""
        self._told_at = 0.0
        self._events_of_chapter = 0
        """Without those of a snapshot at its beginning."""
        """When the last event that is no note happened."""
        self._scene = checkpoint.new_tracks()
        """At the end of what is there."""
        self._scenes = [checkpoint.dump(self._scene)]
        self._blocks: list[bytes] = []
        self._newest: list[bytes] = []
        """The lines of the block that is not full."""
        self._unpacked: tuple[int, list[bytes]] = (-1, [])
        self._near: tuple[int, bytes] | None = None

    def __len__(self) -> int:
        return len(self.times)

    @property
    def length(self) -> float:
        """Seconds."""
        return self.times[-1] if self.times else 0.0

    # -- taking in --------------------------------------------------------------------------------

    def add(self, batch: Batch) -> None:
        for event, line in zip(batch.events, batch.lines, strict=True):
            self._add(event, line)

    def _add(self, event: ev.AnyEvent, line: bytes) -> None:
        if len(self._newest) == BLOCK:
            self._blocks.append(zlib.compress(b"\n".join(self._newest), 1))
            self._scenes.append(checkpoint.dump(self._scene))
            self._newest = []
        if isinstance(event, ev.Session) or not self.chapters:
            started = event.started if isinstance(event, ev.Session) else 0.0
            self.chapters.append(Chapter(len(self.times), self.length, event.t, started))
            self._told_at = self.length
            self._events_of_chapter = 0
        chapter = self.chapters[-1]
        if isinstance(event, ev.Snapshot) and chapter.began == 0.0 and not self._events_of_chapter:
            chapter.began = event.t
        self._events_of_chapter += not isinstance(event, ev.Session | ev.Connection | ev.Clock | ev.Snapshot)
        self._date(event, chapter.base + event.t - chapter.began)
        self._newest.append(line)
        self._scene.apply(event)
        if isinstance(event, _TELLING):
            self._mark(event)

    def _date(self, event: ev.AnyEvent, at: float) -> None:
        """A note stands at its place; a view's clock that was ahead does not make later what follows it."""
        if isinstance(event, ev.Note):
            self.times.append(max(self.length, at))
            return
        self._told_at = max(self._told_at, at)
        place = len(self.times)
        while place and self.times[place - 1] > self._told_at:
            place -= 1
            self.times[place] = self._told_at
        self.times.append(self._told_at)

    def _mark(self, event: ev.AnyEvent) -> None:
        under_way = self._scene.first.state.outage is not None
        mark = self.outages[-1] if self.outages and self.outages[-1].ended is None else None
        if under_way and mark is None:
            self.outages.append(Mark(self.length))
        elif mark is not None and not under_way:
            mark.ended = self.length
        elif mark is not None and isinstance(event, ev.StatusChanged) and event.previous == "CONNECTED":
            mark.began = self.length

    # -- giving out -------------------------------------------------------------------------------

    def tracks(self, number: int) -> Tracks:
        """What is known after the first ``number`` events; the caller's own."""
        block = min(number // BLOCK, len(self._scenes) - 1)
        begins, frozen = block * BLOCK, self._scenes[block]
        if self._near is not None and begins < self._near[0] <= number:
            begins, frozen = self._near
        scene = checkpoint.load(frozen)
        stop = number - NEAR if number - begins > 2 * NEAR else begins
        for event in self.events(begins, stop):
            scene.apply(event)
        if stop > begins:
            self._near = stop, checkpoint.dump(scene)
        for event in self.events(stop, number):
            scene.apply(event)
        return scene

    def events(self, first: int, end: int) -> Iterator[ev.AnyEvent]:
        """Those from one number on, up to another."""
        while first < end:
            block, place = divmod(first, BLOCK)
            upto = min(BLOCK, end - block * BLOCK)
            for line in self._lines(block)[place:upto]:
                event = codec.decode_event(line)
                if event is not None:  # as all are: they were decoded before
                    yield event
            first = block * BLOCK + upto

    def _lines(self, block: int) -> list[bytes]:
        if block == len(self._blocks):
            return self._newest
        if self._unpacked[0] != block:
            self._unpacked = block, zlib.decompress(self._blocks[block]).split(b"\n")
        return self._unpacked[1]

    def number(self, at: float) -> int:
        """How many events had happened at a time."""
        return bisect_right(self.times, at)

    def chapter(self, at: float, number: int) -> int:
        """Which chapter a place is in; between two, the events passed decide."""
        by_time = bisect_right(self.chapters, at, key=lambda chapter: chapter.base) - 1
        by_events = bisect_left(self.chapters, number, key=lambda chapter: chapter.first) - 1
        return max(0, min(by_time, by_events))

    def outages_until(self, at: float) -> int:
        """How many had begun at a time."""
        return bisect_right(self.outages, at, key=lambda mark: mark.began)

    def lost_within(self, first: float, end: float) -> bool:
        """Whether there was an outage, however short, from one time up to another."""
        before = bisect_left(self.outages, end, key=lambda mark: mark.began)
        if not before:
            return False
        last = self.outages[before - 1]  # they follow each other, so that the latest to begin ends last
        return (self.length if last.ended is None else last.ended) >= first

    def wall_spans(self) -> list[tuple[float, float]]:
        """From when to when each chapter lasted, by the wall clock."""
        ends = [later.base for _, later in pairwise(self.chapters)] + [self.length]
        return [
            (chapter.wall(chapter.base), chapter.wall(end)) for chapter, end in zip(self.chapters, ends, strict=True)
        ]
