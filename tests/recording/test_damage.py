"""Recordings that are cut off, damaged, or written by others: what is whole is read, the rest is listed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from natsmon.recording.compression import GZIP, zstd
from natsmon.recording.members import Members
from natsmon.recording.reader import Recording, Unreadable
from natsmon.recording.writer import RecordingWriter, Target
from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.conftest import SLOW
from tests.harness.time_limits import WAIT
from tests.recording.recorded import SUFFIXES, batches, compressed, echo, lines_of, session, written


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_members")
def test_recording_cut_off_at_any_byte_is_read_up_to_there(tmp_path: Path, suffix: str) -> None:
    path, cut = tmp_path / f"run.{suffix}", tmp_path / f"cut.{suffix}"
    writer = RecordingWriter(Target(str(path)))
    put: list[bytes] = []
    flushed = {0: 0, path.stat().st_size: 0}
    for batch in batches(12):
        writer.write(batch)
        put += batch
        flushed[path.stat().st_size] = len(put)
    writer.abandon()
    whole = path.read_bytes()
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        os.utime(cut, (0, 0))
        recording = Recording([cut])
        got = [codec.encode(event) for event in recording.events()]
        assert got == put[: len(got)]
        assert len(got) >= max(count for end, count in flushed.items() if end <= length)
        ends = length in flushed or whole[length:].startswith(whole[:3])
        assert recording.skipped or ends or suffix == "jsonl"
    assert lines_of(path) == put


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=60, deadline=None, suppress_health_check=[*SLOW, HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.usefixtures("small_members")
def test_damage_costs_its_member_and_never_raises(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"whole.{suffix}"
    put = batches(60)
    if not path.exists():
        written(path, put)
    raw = bytearray(path.read_bytes())
    flips = data.draw(st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(1, 255)), min_size=1, max_size=3))
    for at, bits in flips:
        raw[at] ^= bits
    damaged = tmp_path / f"damaged.{suffix}"
    damaged.write_bytes(raw)
    recording = Recording([damaged])
    got = [codec.encode(event) for event in recording.events()]
    for note in recording.skipped:
        assert str(note)
    everything = {line for batch in put for line in batch}
    if suffix == "jsonl":
        assert len(set(got) & everything) >= len(everything) - 2 * len(flips)
    else:
        assert set(got) <= everything, "a checksum guards every member"
        assert len(got) >= len(everything) - len(flips) * 40
        assert recording.skipped or len(got) >= len(everything) - 3


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
@pytest.mark.usefixtures("small_members")
def test_damaged_member_is_listed_with_its_place(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    written(path, batches(40))
    raw = bytearray(path.read_bytes())
    magic = compressed(b"", suffix)[:3]
    second = raw.index(magic, 1)
    third = raw.index(magic, second + 1)
    raw[(second + third) // 2] ^= 0x40
    path.write_bytes(raw)
    recording = Recording([path])
    list(recording.events())
    (note,) = recording.skipped
    assert (note.where, note.why) == (f"byte {second:,}", f"{third - second:,} bytes are damaged")


# -- files of others ----------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
def test_long_member_that_is_damaged_is_read_up_to_the_damage(tmp_path: Path, suffix: str) -> None:
    put = [session(), *map(echo, range(200_000))]
    raw = bytearray(compressed(b"".join(put), suffix))
    raw[len(raw) * 9 // 10] ^= 0x40
    path = tmp_path / f"run.{suffix}"
    path.write_bytes(raw)
    recording = Recording([path])
    got = [codec.encode(event) for event in recording.events()]
    assert got[:100_000] == put[:100_000]
    note = recording.skipped[-1]
    assert "are damaged, and no member that follows can be read" in note.why


def test_long_member_behind_damage_is_read(tmp_path: Path) -> None:
    put = [session(), *map(echo, range(100_000))]
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(b"\x1f\x8b\x08damage" + compressed(b"".join(put), "gz"))
    assert lines_of(path) == put


@pytest.mark.parametrize("magic", [b"\x1f\x8b\x08", b"\x1f\x8b\x08\x00abcd\x02\x03"])
def test_many_beginnings_of_members_are_searched_a_bounded_time(
    tmp_path: Path, magic: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl.gz"
    size = 4_000_000
    path.write_bytes(compressed(session(), "gz") + magic * (size // len(magic)))
    os.utime(path, (0, 0))
    pread, read = os.pread, 0

    def counted(fd: int, length: int, offset: int) -> bytes:
        nonlocal read
        found = pread(fd, length, offset)
        read += len(found)
        return found

    monkeypatch.setattr(os, "pread", counted)
    recording = Recording([path])
    assert [type(event) for event in recording.events()] == [ev.Session]
    assert read < 100_000_000
    assert recording.skipped


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
@pytest.mark.parametrize(
    "text",
    [b"\n", b" \n", b"x\n", codec.encode(ev.Alive()), b"\x00"],
    ids=["newlines", "blanks", "x", "events", "zeros"],
)
def test_file_that_expands_without_measure_is_not_read(tmp_path: Path, suffix: str, text: bytes) -> None:
    """Some 0.5 MB that contain 512 MiB: the work is that of the file's size."""
    path = tmp_path / f"run.{suffix}"
    block = text * (1024 * 1024 // len(text))
    if suffix == "jsonl.gz":
        member = GZIP.compressor()
        path.write_bytes(b"".join(member.compress(block) for _ in range(512)) + member.flush(GZIP.finish))
    else:
        frame = zstandard.ZstdCompressor(level=1).compressobj()
        path.write_bytes(b"".join(frame.compress(block) for _ in range(512)) + frame.flush())
    began = time.process_time()
    recording = Recording([path])
    events = sum(len(batch) for batch in recording.batches())
    assert time.process_time() - began < 5.0
    assert events == 0
    assert recording.skipped


def test_small_block_that_expands_is_returned_in_pieces(tmp_path: Path) -> None:
    zeros = zstandard.ZstdCompressor(level=1).compressobj()
    path = tmp_path / "run.jsonl.zst"
    path.write_bytes(b"".join(zeros.compress(bytes(1 << 20)) for _ in range(300)) + zeros.flush())
    assert path.stat().st_size < 30_000
    with path.open("rb") as file:
        lengths = [len(text or b"") for text in Members(file.fileno(), zstd(), lambda where, why: None).texts()]
    assert sum(lengths) <= 24 << 20


@settings(max_examples=60, deadline=None, suppress_health_check=[*SLOW, HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from([b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", session()]))
def test_any_bytes_can_be_opened(tmp_path: Path, content: bytes, head: bytes) -> None:
    for suffix in SUFFIXES:
        path = tmp_path / f"any.{suffix}"
        path.write_bytes(head + content)
        assert list(Recording([path]).events()) in ([], [codec.decode_event(session())])


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_members")
def test_recording_is_read_while_it_is_written(tmp_path: Path, suffix: str) -> None:
    """The writer continues between any two steps of the reader."""
    put = batches(24)
    everything = [line for batch in put for line in batch]
    for stop in range(1, 20):
        path = tmp_path / f"run-{stop}.{suffix}"
        writer = RecordingWriter(Target(str(path)))
        for batch in put[:stop]:
            writer.write(batch)
        recording = Recording([path])
        reading = recording.batches()
        got = [next(reading)]
        for batch in put[stop:]:
            writer.write(batch)
            got += [step for step in [next(reading, None)] if step is not None]
        lines = [line + b"\n" for batch in [*got, *reading] for _, line in batch]
        assert lines == everything[: len(lines)]
        assert len(lines) >= sum(len(batch) for batch in put[:stop])
        assert recording.skipped == []
        writer.close()


def test_unknown_and_invalid_lines_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    newer = codec.encode(ev.Session(t=0.0, id="n", started=0.0, schema=ev.SCHEMA + 1))
    number = b'{"type":"waiting","t":1.0,"delay":1,"base":-1,"jitter":0,"until":1.7976931348623157e308,"server":"b"}\n'
    path.write_bytes(
        newer
        + b'{"type":"telepathy","t":1}\n' * 3
        + b"what?\n"
        + echo(1)
        + number
        + b"x" * codec.LINE_LIMIT
        + b'\n{"type":"rtt","t":1.0,"se'
    )
    recording = Recording([path])
    assert [type(event) for event in recording.events()] == [ev.Session, ev.Echoed]
    assert [(note.where, note.why, note.count) for note in recording.skipped] == [
        ("line 1", "written by a newer natsmon (schema 2); what is unknown is left out", 1),
        ("line 2", "an event of an unknown kind", 3),
        ("line 5", "not an event", 2),
        ("line 7", "longer than any line of a recording", 1),
        ("line 8", "cut off", 1),
    ]


@pytest.mark.parametrize(
    "content",
    [b"hello\n" * 3000, os.urandom(5000), b"\x00" * 4096, b"\x00" * 20_000_000, b"[1, 2]"],
    ids=["text", "noise", "zeros", "endless", "json"],
)
def test_foreign_file_is_reported_once(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x\x1b[31m"
    path.write_bytes(content)
    recording = Recording([path])
    assert list(recording.events()) == []
    (note,) = recording.skipped
    assert str(note).endswith("all of it: not a natsmon recording")
    assert "\x1b" not in str(note)


def test_empty_file_is_an_empty_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.touch()
    assert list(Recording([path]).events()) == []
    assert Recording([path]).skipped == []


def test_file_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r'none" cannot be read: No such file or directory$'):
        Recording([tmp_path / "none"])
    with pytest.raises(Unreadable, match=r"cannot be read: Is a directory$"):
        Recording([tmp_path])


def test_pipe_is_refused(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(Unreadable, match=r'" is a pipe or a device; put what comes from it into a file$'):
            Recording([path])


def test_missing_zstandard_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd")
    code = (
        "import sys; sys.modules['zstandard'] = None; from natsmon.cli import main as cli; "
        f"from natsmon.recording.reader import Recording, Unreadable\n"
        f"try: Recording([{str(path)!r}])\n"
        "except Unreadable as error: print(error)\n"
        f"sys.exit(cli.main(['--json', '--record', {str(path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=2 * WAIT, check=False)
    assert done.returncode == 2
    assert done.stdout == f'"{path}" needs a package: pip install zstandard\n'
    assert done.stderr == f'natsmon: --record: "{path}" needs a package: pip install zstandard\n'
