"""Recordings as files: written, compressed, added to, and read again."""

import gzip
import os
import subprocess
from pathlib import Path

import pytest

from natsmon.recording.compression import by_suffix
from natsmon.recording.part import NotOurs, Part
from natsmon.recording.reader import Recording
from natsmon.recording.recorder import CannotRecord, Parts, Recorder
from natsmon.recording.target import Target
from natsmon.stream import codec
from tests.recording.recorded import SUFFIXES, batches, echo, session, written

ZIPPED = gzip.compress(b"x", mtime=0)


# -- whole files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_chunks")
def test_what_was_written_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    put = written(path, batches(40))
    recording = Recording([path])
    assert [codec.encode(event) for event in recording.events()] == put
    assert recording.skipped == []
    assert recording.read == recording.total == path.stat().st_size
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("suffix", "tool"), [("jsonl.gz", "gzip"), ("jsonl.zst", "zstd")])
@pytest.mark.usefixtures("small_chunks")
def test_common_tools_read_it(tmp_path: Path, suffix: str, tool: str) -> None:
    path = tmp_path / f"run.{suffix}"
    put = written(path, batches(40))
    try:
        out = subprocess.run([tool, "-dc", path], capture_output=True, check=True, timeout=10).stdout
    except FileNotFoundError:
        pytest.skip(f"no {tool} here")
    assert out == b"".join(put)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_chunks")
def test_it_is_whole_after_every_write(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    parts = Parts(Target(str(path)))
    put: list[bytes] = []
    for batch in batches(30):
        parts.write(batch)
        put += batch
        recording = Recording([path])
        assert [codec.encode(event) for event in recording.events()] == put
        assert recording.skipped == []
    parts.abandon()


def test_chunks_compress_better_than_their_pieces(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    put = written(path, batches(800))
    compression = by_suffix("x.gz")
    assert compression is not None
    pieces = sum(len(compression.small(b"".join(batch))) for batch in batches(800))
    assert path.stat().st_size < pieces / 3
    assert path.stat().st_size < len(gzip.compress(b"".join(put), 9)) * 1.2


def test_a_file_compressed_by_somebody_else(tmp_path: Path) -> None:
    put = [line for batch in batches(9_000) for line in batch]
    path = tmp_path / "run.jsonl"  # content counts, not the name
    path.write_bytes(gzip.compress(b"".join(put)))
    recording = Recording([path])
    assert [codec.encode(event) for event in recording.events()] == put
    assert recording.skipped == []


# -- what is there already --------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_recording_is_added_to(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    one = written(path, batches(5))
    if suffix == "jsonl":
        with path.open("ab") as file:
            file.write(b'{"type":"rtt","t":1.0,"sec')  # killed
    two = [session("s2"), echo(1), echo(2)]
    written(path, [two])
    recording = Recording([path])
    assert [codec.encode(event) for event in recording.events()] == one + two
    assert recording.sessions == 2


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"PRECIOUS\n", b'{"a": 1}\n', b"\x1f\x8b\x08garbage", ZIPPED])
def test_what_is_not_ours_is_left_alone(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"run.{suffix}"
    path.write_bytes(content)
    with pytest.raises(CannotRecord, match="is there already, and is no such recording; try another name"):
        Recorder(Target(str(path)))
    assert path.read_bytes() == content


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_was_joined_in_its_middle_is_added_to(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    one = written(path, [[echo(1), echo(2)]])
    two = written(path, [[session("s2"), echo(1)]])
    assert [codec.encode(event) for event in Recording([path]).events()] == one + two


def test_two_cannot_write_the_same(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    one = Part(path, None)
    with pytest.raises(NotOurs, match="is being written by another natsmon"):
        Part(path, None)
    one.close()
    Part(path, None).close()


def test_a_million_events_a_second_or_so(tmp_path: Path) -> None:
    """A fifth of them, and with much room: a busy machine is no failure."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(session() + b"".join(map(echo, range(200_000))))
    began = os.times()
    assert sum(len(batch.events) for batch in Recording([path]).batches()) == 200_001
    ended = os.times()
    assert (ended.user + ended.system) - (began.user + began.system) < 1.0


def test_reading_can_be_watched_and_left(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(session() + b"".join(map(echo, range(20_000))))
    recording = Recording([path])
    reads = [batch.read for batch in recording.batches()]
    assert len(reads) > 5
    assert reads == sorted(reads)
    assert reads[-1] == recording.total == path.stat().st_size
    next(Recording([path]).batches())  # and left
