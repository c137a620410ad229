"""The recorder's thread: what stops it is reported once, and stops nothing else."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from natsmon.recording import recorder
from natsmon.recording.reader import Recording
from natsmon.recording.recorder import Recorder
from natsmon.recording.writer import PartFile, Target
from tests.harness.time_limits import WAIT
from tests.recording.recorded import SUFFIXES, echo, lines_of, session


def test_recorder_writes_every_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    recording = Recorder(Target(str(path)), session())
    for number in range(500):
        recording.write(echo(number))
    assert recording.close(WAIT)
    assert recording.failure == ""
    assert lines_of(path) == [session(), *map(echo, range(500))]


def until_failed(recording: Recorder) -> str:
    recording._thread.join(WAIT)
    assert recording.failure
    recording.write(echo(1))
    recording.close(WAIT)
    return recording.failure


def until_written(recording: Recorder, lines: int) -> None:
    while recording._writer.lines < lines:
        recording._thread.join(0.005)


def delete(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    os.truncate(path, 10)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more\n")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (delete, "the file has been deleted"),
        (truncate, "another process has truncated the file"),
        (empty, "another process has truncated the file"),
        (append, "another process has written to the file"),
    ],
    ids=["delete", "truncate", "empty", "append"],
)
def test_file_changed_by_another_process_stops_the_recording(
    tmp_path: Path, suffix: str, change: Callable[[Path], None], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "FLUSH", 0.01)
    path = tmp_path / f"run.{suffix}"
    recording = Recorder(Target(str(path)), session())
    until_written(recording, 1)
    change(path)
    recording.write(echo(1))
    assert until_failed(recording) == f"recording stopped: {path}: {reason}; 1 line is in it"


def test_error_of_ours_stops_only_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorder, "FLUSH", 0.01)
    recording = Recorder(Target(str(tmp_path / "run.jsonl")))
    monkeypatch.setattr(PartFile, "write", lambda self, lines: 1 / 0)
    recording.write(session())
    assert until_failed(recording).endswith("run.jsonl: division by zero; 0 lines are in it")


def test_folder_that_vanishes_during_rotation_stops_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "FLUSH", 0.01)
    folder = tmp_path / "there"
    folder.mkdir()
    recording = Recorder(Target(str(folder / "run.jsonl"), part_size=10), session())
    until_written(recording, 1)
    folder.rename(tmp_path / "elsewhere")
    recording.write(echo(1))
    assert "No such file or directory" in until_failed(recording)


def test_disk_without_room_for_the_first_line_gets_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty one would hide the parts before it."""
    monkeypatch.setattr(recorder, "FLUSH", 0.01)
    path = tmp_path / "run.jsonl"
    recording = Recorder(Target(str(path), part_size=10), session())
    until_written(recording, 1)
    monkeypatch.setattr(PartFile, "_append", no_room)
    recording.write(echo(1))
    assert "No space left on device" in until_failed(recording)
    assert [path.name for path in tmp_path.iterdir()] == ["run.0001.jsonl"]
    assert list(Recording([path]).events())
    with pytest.raises(recorder.CannotRecord, match="No space left on device"):
        Recorder(Target(str(path)))
    assert [path.name for path in tmp_path.iterdir()] == ["run.0001.jsonl"]


def no_room(file: PartFile, data: bytes) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_full_disk_stops_the_recording_and_leaves_whole_lines(tmp_path: Path, suffix: str) -> None:
    """In a process of its own, with a limit on the size of files instead of a small disk."""
    path = tmp_path / f"run.{suffix}"
    code = f"""
import resource
from natsmon.recording import recorder
from natsmon.recording.recorder import Recorder
from natsmon.recording.writer import Target
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
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=2 * WAIT, check=True)
    lines = lines_of(path)
    assert f"recording stopped: {path}: File too large; {len(lines):,} lines are in it\n" == done.stdout
    assert lines == [session(), *map(echo, range(len(lines) - 1))]
    assert Recording([path]).skipped == []
