"""Loading a recording: in steps, stopped, and from several files."""

from pathlib import Path

from natsmon.recording.reader import Recording
from natsmon.recording.target import Target
from natsmon.recording.writer import RecordingWriter
from natsmon.replay.loading import Loading
from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.replay.indexed import EVENTS, at_end, written
from tests.state.folding import same
from tests.tui import streams


def test_stopped_loading_keeps_what_was_loaded(tmp_path: Path) -> None:
    many = [EVENTS[0], *(ev.Published(t=n / 100, seq=n) for n in range(1, 20_001))]
    loading = Loading(Recording([written(tmp_path / "run.jsonl", many)]))
    assert loading.begin()
    assert 0 < len(loading.index) < len(many)
    assert 0 < loading.share < 1
    loading.load_slice()
    there = len(loading.index)
    loading.stop()
    assert not loading.load_slice()
    assert (loading.index.complete, loading.stopped, len(loading.index)) == (True, True, there)
    assert loading.index.tracks(there).first.state.tally.attempted == there - 1


def test_compressed_parts_load_as_one_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    parts = RecordingWriter(Target(str(path), 2048, 100))
    lines = [codec.encode(event) for event in streams.outage().events]
    for first in range(0, len(lines), 20):
        parts.write(lines[first : first + 20])
    parts.close()
    assert len(list(tmp_path.iterdir())) > 2
    loading = Loading(Recording([path]))
    while loading.load_slice():
        pass
    assert loading.skipped == []
    assert len(loading.index) == len(lines)
    same(loading.index.tracks(len(lines)).first.state, at_end(streams.outage().events).state)
