"""Recordings cut off, damaged or made by others: what is whole is read, and what is not is said."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from natsmon.recording import members as members_module
from natsmon.recording import part
from natsmon.recording.compression import by_suffix, zstd
from natsmon.recording.members import Members
from natsmon.recording.reader import Recording, Unreadable
from natsmon.recording.recorder import Parts
from natsmon.recording.target import Target
from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.recording.recorded import SUFFIXES, batches, echo, lines_of, session, written


def members(whole: bytes, suffix: str) -> Iterator[tuple[int, int]]:
    """Where each member of a compressed file ends, and how many lines there are up to it."""
    compression = by_suffix(suffix)
    rest, lines = whole, 0
    while rest and compression is not None:
        decompressor = compression.decompressor()
        lines += decompressor.decompress(rest).count(b"\n")
        rest = decompressor.unused_data
        yield len(whole) - len(rest), lines


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_chunks")
def test_cut_off_at_every_byte(tmp_path: Path, suffix: str) -> None:
    path, cut = tmp_path / f"run.{suffix}", tmp_path / f"cut.{suffix}"
    parts = Parts(Target(str(path)))
    put = [line for batch in batches(12) for line in batch]
    for batch in batches(12):
        parts.write(batch)
    parts.abandon()  # with small members at its end
    whole = path.read_bytes()
    ends = {0: 0, **dict(members(whole, suffix))}
    for length in range(len(whole)):
        cut.write_bytes(whole[:length])
        recording = Recording([cut])
        got = [codec.encode(event) for event in recording.events()]
        assert got == put[: len(got)]
        if suffix == "jsonl":
            assert len(got) >= whole[:length].count(b"\n")
        else:
            assert len(got) >= max(count for end, count in ends.items() if end <= length)
            assert bool(recording.skipped) == (length not in ends)
    assert lines_of(path) == put


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
@pytest.mark.usefixtures("small_chunks")
def test_damage_never_raises_and_costs_only_its_surroundings(tmp_path: Path, suffix: str, data: st.DataObject) -> None:
    path = tmp_path / f"whole.{suffix}"
    put = batches(60)
    if not path.exists():
        written(path, put)
    raw = bytearray(path.read_bytes())
    flips = data.draw(st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(1, 255)), min_size=1, max_size=3))
    for at, bits in flips:
        raw[at] ^= bits
    hurt = tmp_path / f"hurt.{suffix}"
    hurt.write_bytes(raw)
    recording = Recording([hurt])
    got = [codec.encode(event) for event in recording.events()]
    for note in recording.skipped:
        assert str(note)
    everything = {line for batch in put for line in batch}
    if suffix == "jsonl":
        assert len(set(got) & everything) >= len(everything) - 2 * len(flips)
    else:
        assert set(got) <= everything, "a checksum guards every member"
        assert len(got) >= len(everything) - len(flips) * 40
        assert recording.skipped or len(got) == len(everything)


# -- what others have made -------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
@pytest.mark.parametrize("count", [60, 20_000])
def test_of_one_damaged_member_alone_what_comes_before_is_told(tmp_path: Path, suffix: str, count: int) -> None:
    put = [session(), *map(echo, range(count))]
    raw = bytearray(made_elsewhere(b"".join(put), suffix))
    raw[len(raw) * 9 // 10] ^= 0x40
    path = tmp_path / f"run.{suffix}"
    path.write_bytes(raw)
    recording = Recording([path])
    got = [codec.encode(event) for event in recording.events()]
    intact = put[: len(put) // 2] if suffix == "jsonl.gz" else put[: count // 2 - 30]  # a block of zstd is long
    assert got[: len(intact)] == intact
    last = recording.skipped[-1]
    assert last.why.startswith("the file is damaged here or before")
    assert 0 < int(last.where.removeprefix("byte ").replace(",", "")) <= len(raw)


def made_elsewhere(text: bytes, suffix: str) -> bytes:
    """As one member."""
    compression = by_suffix(suffix)
    assert compression is not None
    return compression.whole(text)


def test_where_there_are_others_a_damaged_last_member_is_not_told(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    whole, damaged = made_elsewhere(session(), "x.gz"), bytearray(made_elsewhere(echo(1) * 50, "x.gz"))
    damaged[-8] ^= 1  # of its checksum
    path.write_bytes(whole + damaged)
    recording = Recording([path])
    assert [type(event) for event in recording.events()] == [ev.Session]
    (note,) = recording.skipped
    assert note.why == "the file is damaged here or before, and nothing whole follows"


def test_a_long_member_behind_damage_is_read_from_its_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members_module, "_OURS", 2_000)
    put = [session(), *map(echo, range(5_000))]
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(b"\x1f\x8b\x08damage" + made_elsewhere(b"".join(put), "x.gz"))
    assert lines_of(path) == put


@pytest.mark.parametrize("magic", [b"\x1f\x8b\x08", b"\x1f\x8b\x08\x00abcd\x02\x03"])
def test_many_beginnings_of_members_are_passed_over_in_small_steps(
    tmp_path: Path, magic: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is the rest of the file read for each of them, nor are all of them tried at once."""
    path = tmp_path / "run.jsonl.gz"
    size = 400_000
    path.write_bytes(made_elsewhere(session(), "x.gz") + magic * (size // len(magic)))
    pread, read = os.pread, 0

    def counted(fd: int, length: int, offset: int) -> bytes:
        nonlocal read
        found = pread(fd, length, offset)
        read += len(found)
        return found

    monkeypatch.setattr(os, "pread", counted)
    most = before = 0
    for _ in Recording([path]).batches():
        most, before = max(most, read - before), read
    assert most < 1_000_000
    assert read < size * 500


def test_a_few_bytes_that_stand_for_many_come_in_pieces(tmp_path: Path) -> None:
    zeros = zstandard.ZstdCompressor(level=1).compressobj()
    bomb = b"".join(zeros.compress(bytes(1 << 20)) for _ in range(300)) + zeros.flush()
    assert len(bomb) < 30_000
    path = tmp_path / "run.jsonl.zst"
    path.write_bytes(bomb)
    with path.open("rb") as file:
        lengths = [len(text or b"") for text in Members(file.fileno(), zstd(), lambda where, why: None).texts()]
    assert sum(lengths) == 300 << 20
    assert max(lengths) <= 24 << 20


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400), st.sampled_from([b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", session()]))
def test_any_bytes_can_be_opened(tmp_path: Path, content: bytes, head: bytes) -> None:
    for suffix in SUFFIXES:
        path = tmp_path / f"any.{suffix}"
        path.write_bytes(head + content)
        for _ in Recording([path]).events():
            pass


@pytest.mark.parametrize("suffix", SUFFIXES[1:])
@pytest.mark.parametrize("lost", range(0, 200, 7))
def test_a_kill_between_replacing_and_cutting(
    tmp_path: Path, suffix: str, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of the small members says again what the new one said; nothing is read twice."""
    monkeypatch.setattr(part, "CHUNK", 900 + lost)
    path = tmp_path / f"run.{suffix}"
    parts = Parts(Target(str(path)))
    put = batches(10)
    with monkeypatch.context() as killed:
        killed.setattr(os, "ftruncate", lambda fd, length: (_ for _ in ()).throw(KeyboardInterrupt))
        done: list[bytes] = []
        try:
            for batch in put:
                done += batch
                parts.write(batch)
        except KeyboardInterrupt:
            pass
        else:
            pytest.fail("no chunk was full")
    parts.abandon()
    assert lines_of(path) == done
    more = [session("s2"), echo(7)]
    written(path, [more])
    assert lines_of(path) == [*done, *more]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_chunks")
def test_reading_while_it_is_written(tmp_path: Path, suffix: str) -> None:
    """A reader that is overtaken by the writer, between any two of its steps."""
    put = batches(24)
    for stop in range(1, 20):
        path = tmp_path / f"run-{stop}.{suffix}"
        parts = Parts(Target(str(path)))
        for batch in put[:stop]:
            parts.write(batch)
        reading = Recording([path]).batches()
        got = [next(reading)]
        for batch in put[stop:]:
            parts.write(batch)
            got += [step for step in [next(reading, None)] if step is not None]
        recording_lines = [line + b"\n" for batch in [*got, *reading] for line in batch.lines]
        everything = [line for batch in put for line in batch]
        assert recording_lines == everything[: len(recording_lines)]
        assert len(recording_lines) >= sum(len(batch) for batch in put[:stop])
        parts.close()


def test_what_is_not_known_or_no_event_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    newer = codec.encode(ev.Session(t=0.0, id="n", started=0.0, schema=ev.SCHEMA + 1))
    path.write_bytes(newer + b'{"type":"telepathy","t":1}\n' * 3 + b"what?\n" + echo(1) + b'{"type":"rtt","t":1.0,"se')
    recording = Recording([path])
    assert [type(event) for event in recording.events()] == [ev.Session, ev.Echoed]
    assert [(note.where, note.why, note.count) for note in recording.skipped] == [
        ("line 1", "is a newer natsmon's (schema 2): what is not known here is left out", 1),
        ("line 2", "is of a kind that is not known here", 3),
        ("line 5", "is no event", 1),
        ("line 7", "is cut off", 1),
    ]


@pytest.mark.parametrize(
    "content",
    [b"hello\n" * 3000, os.urandom(5000), b"\x00" * 4096, b"\x00" * 20_000_000, b"[1, 2]"],
    ids=["text", "noise", "zeros", "endless", "json"],
)
def test_a_foreign_file_is_said_to_be_one(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x\x1b[31m"
    path.write_bytes(content)
    recording = Recording([path])
    assert list(recording.events()) == []
    (note,) = recording.skipped
    assert str(note).endswith("all of it: is no recording of natsmon")
    assert "\x1b" not in str(note)


def test_an_empty_file_is_an_empty_recording(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.touch()
    assert list(Recording([path]).events()) == []
    assert Recording([path]).skipped == []


def test_what_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r'none" cannot be read: No such file or directory$'):
        Recording([tmp_path / "none"])
    with pytest.raises(Unreadable, match=r"cannot be read: Is a directory$"):
        Recording([tmp_path])


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(Unreadable, match=r'" is a pipe or a device; put what comes from it into a file$'):
            Recording([path])


def test_without_zstandard_the_extra_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd")
    code = (
        "import sys; sys.modules['zstandard'] = None; from natsmon.cli import main as cli; "
        f"from natsmon.recording.reader import Recording, Unreadable\n"
        f"try: Recording([{str(path)!r}])\n"
        "except Unreadable as error: print(error)\n"
        f"sys.exit(cli.main(['--json', '--record', {str(path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "pip install zstandard" in done.stdout
    assert done.stderr.startswith("natsmon: --record: ")
    assert "pip install zstandard" in done.stderr
