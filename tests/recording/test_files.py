"""Recordings as files: written, compressed, continued, and read again."""

import gzip
import os
import random
import subprocess
import time
from codecs import BOM_UTF8
from pathlib import Path

import pytest

from natsmon.recording import part_files
from natsmon.recording.reader import Recording
from natsmon.recording.recorder import CannotRecord, Recorder
from natsmon.recording.writer import NotOurs, RecordingWriter, Target
from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.harness.time_limits import WAIT
from tests.recording.conftest import Clock
from tests.recording.recorded import SUFFIXES, batches, compressed, echo, lines_of, session, written

TOOLS = {"jsonl": ["cat"], "jsonl.gz": ["gzip", "-dc"], "jsonl.zst": ["zstd", "-dc"]}


def shown_by_tool(path: Path, suffix: str) -> bytes:
    """What ``zcat`` or ``zstdcat`` print, without the ``part`` line."""
    try:
        out = subprocess.run([*TOOLS[suffix], path], capture_output=True, timeout=WAIT).stdout
    except FileNotFoundError:
        pytest.skip(f"{TOOLS[suffix][0]} is not installed")
    head, _, rest = out.partition(b"\n")
    assert isinstance(codec.decode_event(head), ev.Part)
    return rest


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_members")
def test_written_lines_are_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    put = written(path, batches(40))
    recording = Recording([path])
    assert [codec.encode(event) for event in recording.events()] == put
    assert recording.skipped == []
    assert recording.read == recording.total == path.stat().st_size
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_members")
def test_common_tools_show_every_line_after_every_write(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    recording = RecordingWriter(Target(str(path)))
    put: list[bytes] = []
    for batch in batches(12):
        recording.write(batch)
        put += batch
        assert shown_by_tool(path, suffix) == b"".join(put)
    recording.close()
    assert shown_by_tool(path, suffix) == b"".join(put)
    if suffix != "jsonl":
        assert subprocess.run([*TOOLS[suffix][:-1], "-t", path], capture_output=True).returncode == 0


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_members")
def test_every_line_is_read_after_every_write(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    recording = RecordingWriter(Target(str(path)))
    put: list[bytes] = []
    for batch in batches(30):
        recording.write(batch)
        put += batch
        reading = Recording([path])
        assert [codec.encode(event) for event in reading.events()] == put
        assert reading.skipped == []
    recording.abandon()


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_member_ends_after_a_minute(tmp_path: Path, suffix: str, clock: Clock) -> None:
    path = tmp_path / f"run.{suffix}"
    recording = RecordingWriter(Target(str(path)))
    for minute in range(4):
        clock.now = 61.0 * minute
        recording.write([echo(minute)])
    recording.close()
    assert path.read_bytes().count(compressed(b"", suffix)[:3]) == 4


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_day_of_one_message_a_second_takes_less_than_5_mb(tmp_path: Path, suffix: str, clock: Clock) -> None:
    """An hour of the lines that a probe writes, a second at a time, with a new member each minute."""
    noise, path = random.Random(4222), tmp_path / f"hour.{suffix}"
    recording = RecordingWriter(Target(str(path)))
    for second in range(3_600):
        clock.now = float(second)
        at, latency = second + 0.109 + noise.random() / 1000, noise.lognormvariate(-7.8, 0.4)
        events: list[ev.AnyEvent] = [
            ev.Rtt(t=round(second + 0.014 + noise.random() / 1000, 4), seconds=round(latency * 0.9, 6)),
            ev.Published(t=round(at, 4), seq=second + 1),
            ev.Echoed(t=round(at + latency, 4), seq=second + 1, latency=round(latency, 6)),
            ev.Tally(t=round(at + 0.007, 4), attempted=second, sent=second, delivered=second, bytes=5 * second),
        ]
        recording.write([codec.encode(event) for event in events])
    recording.close()
    assert path.stat().st_size * 24 < 5_000_000


def test_file_with_a_byte_order_mark_is_read_from_its_first_line(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    put = written(path, batches(3))
    path.write_bytes(BOM_UTF8 + path.read_bytes())
    recording = Recording([path])
    assert [codec.encode(event) for event in recording.events()] == put
    assert recording.skipped == []
    assert part_files.head_of(path) is not None
    path.write_bytes(BOM_UTF8 + b"".join(put))
    recording = Recording([path])
    events = [*recording.events()]
    assert [*map(codec.encode, events)] == put
    assert (sum(isinstance(event, ev.Session) for event in events), recording.skipped) == (1, [])
    path.write_bytes(BOM_UTF8 * 300_000)
    assert [*Recording([path]).events()] == []


def test_file_compressed_by_another_program_is_read(tmp_path: Path) -> None:
    put = [line for batch in batches(9_000) for line in batch]
    path = tmp_path / "run.jsonl"  # content counts, not the name
    path.write_bytes(gzip.compress(b"".join(put)))
    recording = Recording([path])
    assert [codec.encode(event) for event in recording.events()] == put
    assert recording.skipped == []


# -- a file that exists -------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("ended", [True, False])
def test_existing_recording_becomes_a_part(tmp_path: Path, suffix: str, ended: bool) -> None:
    path = tmp_path / f"run.{suffix}"
    first = RecordingWriter(Target(str(path)))
    one = [session("s1"), echo(1), echo(2)]
    first.write(one)
    if ended:
        first.close()
    else:
        first.abandon()  # as a kill leaves it
    two = written(path, [[session("s2"), echo(3)]])
    three = written(path, [[session("s3"), echo(4)]])
    recording = Recording([path])
    events = [*recording.events()]
    assert [*map(codec.encode, events)] == one + two + three
    assert sum(isinstance(event, ev.Session) for event in events) == 3
    assert [part.name for part in recording.parts] == [f"run.0001.{suffix}", f"run.0002.{suffix}", f"run.{suffix}"]
    heads = [part_files.head_of(part) for part in recording.parts]
    assert [head.number for head in heads if head] == [1, 2, 3]
    assert len({head.recording for head in heads if head}) == 1
    assert shown_by_tool(path, suffix) == b"".join(three)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    "content",
    [b"PRECIOUS\n", b'{"a": 1}\n', b"\x1f\x8b\x08garbage", compressed(b"x", "gz"), session() + echo(1)],
    ids=["text", "json", "garbage", "gzip", "stream"],
)
def test_file_that_is_not_a_recording_is_kept(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"run.{suffix}"
    path.write_bytes(content)
    with pytest.raises(CannotRecord, match="exists and was not written by --record; try another name"):
        Recorder(Target(str(path)))
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == [path.name]


def test_empty_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.touch(0o640)
    put = written(path, batches(2))
    assert lines_of(path) == put
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_file_that_is_not_regular_is_refused(tmp_path: Path, kind: str) -> None:
    path = Path("/dev/null")
    if kind == "fifo":
        path = tmp_path / "pipe"
        os.mkfifo(path)
    with pytest.raises(CannotRecord, match="is not a regular file"):
        Recorder(Target(str(path)))


def test_two_recorders_cannot_write_one_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    one = RecordingWriter(Target(str(path)))
    with pytest.raises(NotOurs, match="is being written by another natsmon"):
        RecordingWriter(Target(str(path)))
    one.write([session()])
    one.close()
    RecordingWriter(Target(str(path))).close()
    assert lines_of(path) == [session()]


# -- reading ------------------------------------------------------------------------------------------


def test_200_000_events_are_read_quickly(tmp_path: Path) -> None:
    """Some three times as long as decoding them takes; here only the order of magnitude, on any machine."""
    path = tmp_path / "run.jsonl"
    lines = [session(), *map(echo, range(200_000))]
    path.write_bytes(b"".join(lines))
    began = time.process_time()
    assert sum(len(batch) for batch in Recording([path]).batches()) == len(lines)
    read = time.process_time()
    assert sum(codec.decode_event(line) is not None for line in lines) == len(lines)
    decoded = time.process_time()
    assert read - began < 20 * (decoded - read)


def test_reading_has_progress_and_can_be_left(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(session() + b"".join(map(echo, range(20_000))))
    recording = Recording([path])
    reads = [recording.read for _ in recording.batches()]
    assert len(reads) > 5
    assert reads == sorted(reads)
    assert reads[-1] == recording.total == path.stat().st_size
    next(Recording([path]).batches())
