"""Loading a recording: in steps, stopped, and from several files."""

from pathlib import Path

from natsmon.recording.reader import Recording
from natsmon.recording.target import Target
from natsmon.recording.writer import RecordingWriter
from natsmon.replay.loading import Loading
from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.replay.tapes import EVENTS, at_end, written
from tests.state.folding import same
from tests.tui import streams


def test_loading_can_be_stopped_and_what_is_there_stays(tmp_path: Path) -> None:
    many = [EVENTS[0], *(ev.Published(t=n / 100, seq=n) for n in range(1, 20_001))]
    loading = Loading(Recording([written(tmp_path / "run.jsonl", many)]))
    assert loading.begin()
    assert 0 < len(loading.tape) < len(many)
    assert 0 < loading.share < 1
    loading.go_on()
    there = len(loading.tape)
    loading.stop()
    assert not loading.go_on()
    assert (loading.done, loading.stopped, len(loading.tape)) == (True, True, there)
    assert loading.tape.tracks(there).first.state.tally.attempted == there - 1


def test_parts_and_compressed_files_are_one(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    parts = RecordingWriter(Target(str(path), 2048, 100))
    lines = [codec.encode(event) for event in streams.outage().events]
    for first in range(0, len(lines), 20):
        parts.write(lines[first : first + 20])
    parts.close()
    assert len(list(tmp_path.iterdir())) > 2
    loading = Loading(Recording([path]))
    while loading.go_on():
        pass
    assert loading.skipped == []
    assert len(loading.tape) == len(lines)
    same(loading.tape.tracks(len(lines)).first.state, at_end(streams.outage().events).state)
