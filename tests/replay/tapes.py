"""Three sessions, days apart, as a tape, as a player on it and as a file."""

from collections.abc import Iterator
from pathlib import Path

from msgspec.structs import replace

from natsmon.recording.reader import Batch
from natsmon.replay.player import Player
from natsmon.replay.scene import Scene
from natsmon.replay.tape import Tape
from natsmon.stream import events as ev
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
SEEN = ev.Snapshot(t=0.0, log=[ev.LogLine(at=STARTED + 3 * DAY, text=f"line {number}") for number in range(3)])
EVENTS.insert(EVENTS.index(session(dial_streams.raced(), "three", STARTED + 3 * DAY)[0]) + 1, SEEN)


def batch(events: list[ev.AnyEvent]) -> Batch:
    return Batch(events, [ev.encode(event).rstrip() for event in events], 0, 0)


def loaded(events: list[ev.AnyEvent]) -> Tape:
    whole = Tape()
    whole.add(batch(events))
    return whole


def at(events: list[ev.AnyEvent], *, playing: bool = False) -> Player:
    there = Player(loaded(events), playing=playing)
    there.complete = True
    return there


def at_end(events: list[ev.AnyEvent]) -> Scene:
    *_, last = scenes(events)
    return last


def scenes(events: list[ev.AnyEvent]) -> Iterator[Scene]:
    """Before the first event, and after each."""
    scene = Scene()
    yield scene
    for event in events:
        scene.take(event)
        yield scene


def written(path: Path, events: list[ev.AnyEvent]) -> Path:
    path.write_bytes(b"".join(map(ev.encode, events)))
    return path
