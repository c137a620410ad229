"""natsmon installed without its source: compiled modules only."""

import compileall
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import natsmon
from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.wording.narration import narrate
from tests.state.folding import LOST_AND_FOUND

RESTORE = """
import sys, natsmon
from natsmon.state import Tracks
from natsmon.stream.codec import decode_event
assert natsmon.__file__.endswith(".pyc"), natsmon.__file__
tracks = Tracks()
for line in sys.stdin.buffer:
    tracks.apply(decode_event(line))
sys.stdout.buffer.write(tracks.snapshot())
"""
CHILD = """
import subprocess
from natsmon.stream.process_start import child_argv
subprocess.run(child_argv("natsmon.lab.server_owner"), input=b"", check=True)
"""


@pytest.fixture(scope="module")
def sourceless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds natsmon as ``.pyc`` files only."""
    folder = tmp_path_factory.mktemp("sourceless")
    shutil.copytree(Path(natsmon.__file__).parent, folder / "natsmon", ignore=shutil.ignore_patterns("__pycache__"))
    assert compileall.compile_dir(folder, quiet=1, legacy=True)
    for source in folder.rglob("*.py"):
        source.unlink()
    return folder


def run(code: str, folder: Path, given: bytes = b"") -> bytes:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, input=given, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def test_snapshot_is_restored_without_source(sourceless: Path) -> None:
    tracks = Tracks(narrate)
    for event in (*LOST_AND_FOUND, ev.Paused(t=11.0)):
        tracks.apply(event)
    snapshot = tracks.snapshot()
    assert run(RESTORE, sourceless, snapshot) == snapshot


def test_child_process_starts_without_source(sourceless: Path) -> None:
    run(CHILD, sourceless)
