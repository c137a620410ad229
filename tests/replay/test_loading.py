"""Loading a recording: in steps, stopped, and from several files."""

from pathlib import Path

from natsmon.recording.reader import Recording
from natsmon.recording.writer import RecordingWriter, Target
from natsmon.replay.recording_index import RecordingIndex
from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.replay.indexed import EVENTS, at_end, written
from tests.state.folding import same
from tests.tui import streams


def test_stopped_loading_keeps_what_was_loaded(tmp_path: Path) -> None:
    many = [EVENTS[0], *(ev.Published(t=n / 100, seq=n) for n in range(1, 20_001))]
    index = RecordingIndex(Recording([written(tmp_path / "run.jsonl", many)]))
    assert index.begin()
    assert 0 < len(index) < len(many)
    assert 0 < index.share < 1
    index.load_slice()
    there = len(index)
    index.stop()
    assert not index.load_slice()
    assert (index.complete, index.stopped, len(index)) == (True, True, there)
    assert index.tracks(there).first.state.tally.attempted == there - 1


def test_compressed_parts_load_as_one_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    parts = RecordingWriter(Target(str(path), 2048, 100))
    lines = [codec.encode(event) for event in streams.outage().events]
    for first in range(0, len(lines), 20):
        parts.write(lines[first : first + 20])
    parts.close()
    assert len(list(tmp_path.iterdir())) > 2
    index = RecordingIndex(Recording([path]))
    while index.load_slice():
        pass
    assert index.recording.skipped == []
    assert len(index) == len(lines)
    same(index.tracks(len(lines)).first.state, at_end(streams.outage().events).state)
