"""The recorder's thread: what stops it is said once, and stops nothing else."""

import subprocess
import sys
from pathlib import Path

import pytest

from natsmon.recording import recorder
from natsmon.recording.part import Part
from natsmon.recording.reader import Recording
from natsmon.recording.recorder import Recorder
from natsmon.recording.target import Target
from tests.recording.recorded import SUFFIXES, echo, lines_of, session


def test_the_recorder_writes_from_its_thread(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    recording = Recorder(Target(str(path)), session())
    for number in range(500):
        recording.write(echo(number))
    recording.close(10.0)
    assert recording.failure == ""
    assert lines_of(path) == [session(), *map(echo, range(500))]


def until_failed(recording: Recorder) -> str:
    recording._thread.join(10.0)
    assert recording.failure
    recording.write(echo(1))  # is no error
    recording.close(1.0)
    return recording.failure


def test_a_vanished_folder_stops_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "FLUSH", 0.01)
    folder = tmp_path / "gone"
    folder.mkdir()
    recording = Recorder(Target(str(folder / "run.jsonl")), session())
    while recording._parts.lines < 1:
        recording._thread.join(0.005)
    (folder / "run.jsonl").unlink()
    folder.rmdir()
    recording.write(echo(1))
    assert until_failed(recording).endswith("run.jsonl: the file has been deleted; 1 line is in it")


def test_an_error_of_ours_stops_no_more_than_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "FLUSH", 0.01)
    monkeypatch.setattr(Part, "write", lambda self, lines: 1 / 0)
    recording = Recorder(Target(str(tmp_path / "run.jsonl")), session())
    assert until_failed(recording).endswith("run.jsonl: division by zero; 0 lines are in it")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_stops_it_and_leaves_whole_lines(tmp_path: Path, suffix: str) -> None:
    """In a process of its own, with a limit on the size of files in place of a small disk."""
    path = tmp_path / f"run.{suffix}"
    code = f"""
import resource
from natsmon.recording import recorder
from natsmon.recording.recorder import Recorder
from natsmon.recording.target import Target
from tests.recording.recorded import echo, session
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
recorder.FLUSH = 0.002
recording = Recorder(Target({str(path)!r}), session())
number = 0
while not recording.failure:
    recording.write(echo(number)); number += 1
    recording._thread.join(0.0005)
print(recording.failure)
recording.close(5)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    got = lines_of(path)
    assert f"recording stopped: {path}: File too large; {len(got):,} lines are in it\n" == done.stdout
    assert got == [session(), *map(echo, range(len(got) - 1))]
    assert Recording([path]).skipped == []
