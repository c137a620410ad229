"""Three sessions, days apart, as an index, with a player, and as a file."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from natsmon.recording.reader import Recorded, Recording
from natsmon.replay.player import Player
from natsmon.replay.recording_index import RecordingIndex
from natsmon.state import Track, Tracks
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.wording.narration import narrate
from tests.tui import dial_streams, outage_streams, streams
from tests.tui.streams import STARTED, Stream

DAY = 86_400.0


def session(stream: Stream, name: str, started: float = STARTED) -> list[ev.AnyEvent]:
    """A stream as another session, begun at another time."""
    first, *others = stream.events
    assert isinstance(first, ev.Session)
    return [replace(first, id=name, started=started), *others]


EVENTS: list[ev.AnyEvent] = [
    *session(streams.outage(), "one"),
    *session(outage_streams.upgrade(), "two", STARTED + 2 * DAY),
    *session(dial_streams.raced(), "three", STARTED + 3 * DAY),
]
SEEN: list[ev.AnyEvent] = [
    ev.Snapshot(
        t=0.0, section="log", value=[{"at": STARTED + 3 * DAY, "text": f"line {number}"} for number in range(3)]
    ),
    ev.SnapshotEnd(t=0.0),
]
_THIRD = EVENTS.index(session(dial_streams.raced(), "three", STARTED + 3 * DAY)[0])
EVENTS[_THIRD + 1 : _THIRD + 1] = SEEN


def batch(events: list[ev.AnyEvent]) -> list[Recorded]:
    return [(event, codec.encode(event).rstrip()) for event in events]


def loaded(events: list[ev.AnyEvent]) -> RecordingIndex:
    whole = RecordingIndex(Recording([]))
    whole.add(batch(events))
    return whole


def at(events: list[ev.AnyEvent], *, playing: bool = False) -> Player:
    there = Player(loaded(events), playing=playing)
    there.index.complete = True
    return there


def at_end(events: list[ev.AnyEvent]) -> Track:
    *_, last = folds(events)
    return last


def folds(events: list[ev.AnyEvent]) -> Iterator[Track]:
    """The Track before the first event, and after each."""
    tracks = Tracks(narrate)
    yield tracks.first
    for event in events:
        tracks.apply(event)
        yield tracks.first


def written(path: Path, events: list[ev.AnyEvent]) -> Path:
    path.write_bytes(b"".join(map(codec.encode, events)))
    return path
