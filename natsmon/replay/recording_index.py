"""Index of a recording in memory: compressed lines, with a checkpoint (the Tracks there) before each block of them.

It is loaded in slices so short that a screen stays responsive.
Seeking loads the nearest checkpoint and replays the events after it, never more than a block. A recording has a
time of its own, in seconds: it continues from one session to the next, without the time between.
"""

import pickle
import zlib
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterable, Iterator

import msgspec

from natsmon.recording.reader import Recorded, Recording
from natsmon.state import SessionRecord, Tracks
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.wording.narration import narrate

BLOCK = 8_000
"""Events: seeking replays so many at most, in some 30 ms, and a million events take some 20 MB."""
SLICE = 500
"""Events loaded at once, in a few milliseconds."""
NEAR = 200
"""Events between a position that was sought and a checkpoint kept before it, for steps back from there."""

_CHANGES_OUTAGE = (
    ev.Session | ev.SnapshotEnd | ev.Disconnected | ev.StatusChanged | ev.Connected | ev.Outage | ev.Closed
)
_OF_SNAPSHOT = ev.Session | ev.Connection | ev.Clock | ev.Snapshot


def _dump(tracks: Tracks) -> bytes:
    return zlib.compress(pickle.dumps(tracks, pickle.HIGHEST_PROTOCOL), 1)


class RecordedSession(msgspec.Struct):
    """One session, or what is recorded of it."""

    first: int
    """The number of its first event."""
    base: float
    """The recording's time at its beginning."""
    began: float
    """The session's own time there: not 0 when the recording begins in the middle of it."""
    record: SessionRecord
    """Its wall clock."""

    def time(self, at: float) -> float:
        """The session's own time at a time of the recording."""
        return at - self.base + self.began

    def wall(self, at: float) -> float:
        """The wall clock at a time of the recording, seconds since the epoch."""
        return self.record.wall(self.time(at))

    def at_wall(self, epoch: float, end: float, tolerance: float) -> float | None:
        """The recording's time at a reading of the wall clock; None when it was not recorded.

        While the machine was suspended it is when it resumed. ``end`` is the recording's time at the end of the
        session, and ``tolerance`` the seconds by which ``epoch`` may be outside.
        """
        starts = [self.began, *(each.t for each in self.record.offsets if self.began < each.t < self.time(end))]
        offsets = [self.record.wall(start) - start for start in starts]
        for start, until, offset in zip(starts, [*starts[1:], self.time(end)], offsets, strict=True):
            if epoch <= until + offset + tolerance and epoch >= self.wall(self.base) - tolerance:
                return self.base + max(start, min(epoch - offset, until)) - self.began
        return None


class OutageSpan(msgspec.Struct):
    """An outage in the recording's time, from the change of status."""

    began: float
    ended: float | None = None


class RecordingIndex:
    """The events of a recording, and what is known after any number of them."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        """What it is loaded from."""
        self.times = array("d")
        """The recording's time of each event; never falls."""
        self.sessions: list[RecordedSession] = []
        self.outages: list[OutageSpan] = []
        """Oldest first."""
        self.complete = False
        """Nothing more follows: everything has been read, or loading was stopped."""
        self.stopped = False
        self._slices = self._load()
        self._newest_time = 0.0
        """Of the last event that is not a note."""
        self._after_snapshot = False
        """Whether the newest session has an event that is not part of its snapshot."""
        self._tracks = Tracks(narrate)
        """After the last event."""
        self._checkpoints = [_dump(self._tracks)]
        self._blocks: list[bytes] = []
        self._newest: list[bytes] = []
        """Lines of the block that is not full."""
        self._unpacked: tuple[int, list[bytes]] = (-1, [])
        self._near: tuple[int, bytes] | None = None

    def __len__(self) -> int:
        return len(self.times)

    @property
    def length(self) -> float:
        """Seconds."""
        return self.times[-1] if self.times else 0.0

    # -- loading ----------------------------------------------------------------------------------

    @property
    def share(self) -> float:
        """What has been loaded of the bytes of all files, 0 to 1."""
        return min(1.0, self.recording.read / self.recording.total) if self.recording.total else 1.0

    def load_slice(self) -> bool:
        """Load one slice; False when that was all."""
        if not self.complete:
            self.complete = not next(self._slices, False)
        return not self.complete

    def begin(self) -> bool:
        """Load until there is something to show; False when there is nothing in the files."""
        while not self.times and self.load_slice():
            pass
        return bool(self.times)

    def stop(self) -> None:
        """Load no more; what is loaded stays."""
        if not self.complete:
            self.complete = self.stopped = True
            self._slices.close()

    def _load(self) -> Generator[bool, None, None]:
        for batch in self.recording.batches():
            for first in range(0, max(1, len(batch)), SLICE):
                self.add(batch[first : first + SLICE])
                yield True

    def add(self, recorded: Iterable[Recorded]) -> None:
        """Add the next events of the recording, each with its line."""
        for event, line in recorded:
            self._add(event, line)

    def _add(self, event: ev.AnyEvent, line: bytes) -> None:
        if len(self._newest) == BLOCK:
            self._blocks.append(zlib.compress(b"\n".join(self._newest), 1))
            self._checkpoints.append(_dump(self._tracks))
            self._newest = []
        self._newest.append(line)
        self._tracks.apply(event)
        if isinstance(event, ev.Session) or not self.sessions:
            self.sessions.append(RecordedSession(len(self.times), self.length, event.t, self._tracks.session))
            self._newest_time = self.length
            self._after_snapshot = False
        session = self.sessions[-1]
        if isinstance(event, ev.Snapshot) and session.began == 0.0 and not self._after_snapshot:
            session.began = event.t
        self._after_snapshot |= not isinstance(event, _OF_SNAPSHOT)
        self._add_time(event, session.base + event.t - session.began)
        if isinstance(event, _CHANGES_OUTAGE):
            self._add_outage(event)

    def _add_time(self, event: ev.AnyEvent, at: float) -> None:
        """A note has its place in the order; the view's clock it was stamped with delays no event after it."""
        if isinstance(event, ev.Note):
            self.times.append(max(self.length, at))
            return
        self._newest_time = max(self._newest_time, at)
        place = len(self.times)
        while place and self.times[place - 1] > self._newest_time:
            place -= 1
            self.times[place] = self._newest_time
        self.times.append(self._newest_time)

    def _add_outage(self, event: ev.AnyEvent) -> None:
        lasts = self._tracks.first.state.outage is not None
        span = self.outages[-1] if self.outages and self.outages[-1].ended is None else None
        if lasts and span is None:
            self.outages.append(OutageSpan(self.length))
        elif span is not None and not lasts:
            span.ended = self.length
        elif span is not None and isinstance(event, ev.StatusChanged) and event.previous == "CONNECTED":
            span.began = self.length

    # -- reading ----------------------------------------------------------------------------------

    def tracks(self, number: int) -> Tracks:
        """What is known after the first ``number`` events; the caller's own copy."""
        block = min(number // BLOCK, len(self._checkpoints) - 1)
        begins, saved = block * BLOCK, self._checkpoints[block]
        if self._near is not None and begins < self._near[0] <= number:
            begins, saved = self._near
        tracks: Tracks = pickle.loads(zlib.decompress(saved))  # noqa: S301 - made by this process
        stop = number - NEAR if number - begins > 2 * NEAR else begins
        for event in self.events(begins, stop):
            tracks.apply(event)
        if stop > begins:
            self._near = stop, _dump(tracks)
        for event in self.events(stop, number):
            tracks.apply(event)
        return tracks

    def events(self, first: int, end: int) -> Iterator[ev.AnyEvent]:
        """The events from one number up to another."""
        while first < end:
            block, place = divmod(first, BLOCK)
            until = min(BLOCK, end - block * BLOCK)
            for line in self._lines(block)[place:until]:
                event = codec.decode_event(line)
                if event is not None:  # as all are: they were decoded before
                    yield event
            first = block * BLOCK + until

    def _lines(self, block: int) -> list[bytes]:
        if block == len(self._blocks):
            return self._newest
        if self._unpacked[0] != block:
            self._unpacked = block, zlib.decompress(self._blocks[block]).split(b"\n")
        return self._unpacked[1]

    def number(self, at: float) -> int:
        """How many events have happened at a time."""
        return bisect_right(self.times, at)

    def session(self, at: float, number: int) -> int:
        """The place of a session in ``sessions``; between two, the number of events decides."""
        by_time = bisect_right(self.sessions, at, key=lambda session: session.base) - 1
        by_events = bisect_left(self.sessions, number, key=lambda session: session.first) - 1
        return max(0, min(by_time, by_events))

    def outages_until(self, at: float) -> int:
        """How many outages have begun at a time."""
        return bisect_right(self.outages, at, key=lambda span: span.began)

    def has_outage(self, first: float, end: float) -> bool:
        """Whether there is an outage, however short, between two times."""
        before = bisect_left(self.outages, end, key=lambda span: span.began)
        if not before:
            return False
        last = self.outages[before - 1]  # they follow each other, so that the last one to begin ends last
        return (self.length if last.ended is None else last.ended) >= first

    def sessions_with_ends(self) -> list[tuple[RecordedSession, float]]:
        """Each session, and the recording's time at its end."""
        begins = [session.base for session in self.sessions[1:]]
        return list(zip(self.sessions, [*begins, self.length], strict=False))
