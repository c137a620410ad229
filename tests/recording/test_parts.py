"""A recording in several files: nothing lost, nothing twice, and each file can be read alone."""

import os
import shutil
from pathlib import Path

import pytest

from natsmon.recording import part_files
from natsmon.recording.reader import Recording
from natsmon.recording.writer import RecordingWriter, Target
from natsmon.state import State, Tracks
from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.recording.recorded import SUFFIXES, compressed, echo, lines_of, session, written
from tests.state.folding import same
from tests.tui import streams

PART_SIZE = {"jsonl": 60_000, "jsonl.gz": 8_000, "jsonl.zst": 8_000}


def test_names_sort_by_age() -> None:
    for name, full in [
        ("run.jsonl", "run.0003.jsonl"),
        ("run.jsonl.zst", "run.0003.jsonl.zst"),
        ("a.b.log.gz", "a.b.0003.log.gz"),
        ("run", "run.0003"),
        ("run.gz", "run.0003.gz"),
    ]:
        assert part_files.numbered(Path("/d") / name, 3) == Path("/d") / full
        assert sorted([name, full]) == ([full, name] if "." in name else [name, full])


def long_session(count: int) -> list[bytes]:
    """A session with everything in it, then many echoes and dials."""
    stream = streams.outage()
    lines = [codec.encode(event) for event in stream.events]
    for number in range(count):
        lines.append(codec.encode(ev.Echoed(t=stream.t + number, seq=number, latency=(number * 7919 % 1009) / 1e6)))
        if number % 20 == 0:
            lines.append(codec.encode(ev.Rtt(t=stream.t + number, seconds=0.001 + number / 1e6)))
    return lines


def folded(lines: list[bytes]) -> State:
    return tracks_of(lines).first.state


def tracks_of(lines: list[bytes]) -> Tracks:
    tracks = Tracks()
    for line in lines:
        event = codec.decode_event(line)
        assert event is not None
        tracks.apply(event)
    return tracks


def in_sevens(lines: list[bytes]) -> list[list[bytes]]:
    return [lines[at : at + 7] for at in range(0, len(lines), 7)]


def full_parts(path: Path) -> list[Path]:
    return [part for _, part in part_files.full_parts(path)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_parts_joined_in_one_file_are_read_as_parts(tmp_path: Path, suffix: str) -> None:
    path, joined = tmp_path / f"run.{suffix}", tmp_path / f"all.{suffix}"
    put = written(path, in_sevens(long_session(3_000)), part_size=PART_SIZE[suffix], keep=100)
    assert len(full_parts(path)) > 1
    joined.write_bytes(b"".join(part.read_bytes() for part in [*full_parts(path), path]))
    assert lines_of(joined) == put


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rotation_loses_and_repeats_nothing(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    put = long_session(3_000)
    written(path, in_sevens(put), part_size=PART_SIZE[suffix], keep=100)
    full = full_parts(path)
    assert len(full) >= 2
    recording = Recording([path])
    assert [line + b"\n" for batch in recording.batches() for _, line in batch] == put
    assert recording.skipped == []
    assert lines_of(*full, path) == put


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_each_part_alone_has_the_whole_history(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    put = long_session(3_000)
    written(path, in_sevens(put), part_size=PART_SIZE[suffix], keep=100)
    for number, part in enumerate([*full_parts(path), path]):
        alone = tmp_path / f"alone-{number}.{suffix}"
        shutil.copy(part, alone)
        lines = lines_of(alone)
        assert all(len(line) <= codec.LINE_LIMIT for line in lines)
        assert [outage.id for outage in folded(lines).outages] == [1, 2]
    same(folded(lines), folded(put))


def test_each_part_alone_has_the_connections_that_were_replaced(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    stream = streams.switched()
    put = [codec.encode(event) for event in stream.events]
    put += [codec.encode(ev.Echoed(t=stream.t + n, conn=1, seq=100 + n, latency=0.001)) for n in range(1_500)]
    written(path, in_sevens(put), part_size=60_000, keep=100)
    shutil.copy(path, tmp_path / "alone.jsonl")
    alone = lines_of(tmp_path / "alone.jsonl")
    again, whole = tracks_of(alone), tracks_of(put)
    assert len(full_parts(path)) >= 1
    assert (again.first.state.conn, len(again.of_session())) == (1, 2)
    for one, other in zip(again.of_session(), whole.of_session(), strict=True):
        same(one.state, other.state)


def test_full_part_keeps_the_history_of_long_answers(tmp_path: Path) -> None:
    """250 dials with 45 KiB of INFO each: the snapshot is many lines, none longer than the limit."""
    path = tmp_path / "run.jsonl"
    info = {f"field-{number}": "x" * 900 for number in range(50)}
    lines = [session(), codec.encode(ev.Connection(name="long"))]
    for dial in range(1, 251):
        start = ev.DialStart(t=dial, dial=dial, attempt=1, server="nats://a:4222", reason="reconnect")
        lines += [codec.encode(start), codec.encode(ev.DialInfo(t=dial, dial=dial, info=info))]
        lines.append(codec.encode(ev.DialEnd(t=dial, dial=dial, outcome="connected", total=0.001)))
    lines += [codec.encode(ev.Rtt(t=300 + number, seconds=0.001)) for number in range(20)]
    written(path, [lines[:-20], lines[-20:]], part_size=100_000)
    shutil.copy(path, tmp_path / "alone.jsonl")
    recording = Recording([tmp_path / "alone.jsonl"])
    alone = [line + b"\n" for batch in recording.batches() for _, line in batch]
    assert recording.skipped == []
    assert max(map(len, alone)) <= codec.LINE_LIMIT
    state = folded(alone)
    assert len(state.dials) == 250
    same(state, folded(lines))


def test_newest_parts_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    put = long_session(6_000)
    written(path, in_sevens(put), part_size=60_000, keep=3)
    heads = [head for head, _ in part_files.full_parts(path)]
    assert len(heads) == 2
    assert heads[0].number > 1
    assert len(os.listdir(tmp_path)) == 3
    lines = lines_of(path)
    same(folded(lines), folded(put))


def test_missing_part_is_bridged_by_the_snapshot_and_listed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    put = long_session(6_000)
    written(path, in_sevens(put), part_size=60_000, keep=100)
    full_parts(path)[1].unlink()
    recording = Recording([path])
    lines = [line for batch in recording.batches() for _, line in batch]
    assert sum(b'"snapshot_end"' in line for line in lines) == 1
    same(folded(lines), folded(put))
    (note,) = recording.skipped
    assert (note.path, note.why) == (str(full_parts(path)[1]), "the part before is missing")


def test_part_that_becomes_full_while_others_are_read_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    put = in_sevens(long_session(6_000))
    writer = RecordingWriter(Target(str(path), part_size=100_000, keep=100))
    for batch in put[:500]:
        writer.write(batch)
    before = len(full_parts(path))
    reading = Recording([path]).batches()
    lines = [line for _, line in next(reading)]
    for batch in put[500:]:
        writer.write(batch)
    assert len(full_parts(path)) > before
    writer.close()
    lines += [line for batch in reading for _, line in batch]
    assert [line + b"\n" for line in lines] == [line for batch in put for line in batch]


def test_link_leads_to_the_parts(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.jsonl"
    link.symlink_to(tmp_path / "there" / "run.jsonl")
    put = long_session(3_000)
    written(link, in_sevens(put), part_size=60_000)
    assert link.is_symlink()
    assert len(full_parts(tmp_path / "there" / "run.jsonl")) > 1
    assert lines_of(link) == put


def test_recording_continues_after_its_file_was_moved_away(tmp_path: Path) -> None:
    """Without FILE, the full parts beside it are read, and a new recording leaves their names alone."""
    path = tmp_path / "run.jsonl"
    put = long_session(3_000)
    written(path, in_sevens(put), part_size=60_000, keep=100)
    full = full_parts(path)
    path.rename(tmp_path / "moved.jsonl")
    assert lines_of(path) == put[: len(lines_of(path))]
    again = [session("s2"), echo(1)]
    written(path, [again], part_size=60_000)
    assert lines_of(path) == again
    assert all(part.exists() for part in full)


# -- files that only look like parts --------------------------------------------------------------------

OTHER = codec.encode(ev.Part(recording="another", number=7)) + session("other") + echo(100)
OTHERS = {
    "run.2023.jsonl": b"what I did in that year\n",
    "run.0001.jsonl": b"my own notes\n",
    "run.0002.jsonl": OTHER,
    "run.2024.jsonl": session("other") + echo(1),
    "run.4222.0007.jsonl": OTHER,
    "run.20261121.jsonl": OTHER,
    "run.0003.jsonl": compressed(OTHER, "gz"),
    "run.0004.jsonl": b"",
}


@pytest.mark.parametrize("chosen", [[name] for name in OTHERS] + [list(OTHERS)], ids=lambda given: given[-1])
def test_file_of_another_recording_is_neither_read_nor_deleted(tmp_path: Path, chosen: list[str]) -> None:
    for name in chosen:
        (tmp_path / name).write_bytes(OTHERS[name])
    path = tmp_path / "run.jsonl"
    put = long_session(3_000)
    written(path, in_sevens(put), part_size=60_000, keep=2)
    assert {name: (tmp_path / name).read_bytes() for name in chosen} == {name: OTHERS[name] for name in chosen}
    ours = {each.name for each in tmp_path.iterdir()} - set(chosen)
    assert len(ours) == 2
    recording = Recording([path])
    assert {each.name for each in recording.parts} == ours
    same(folded([line for batch in recording.batches() for _, line in batch]), folded(put))
    assert recording.skipped == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_renamed_parts_are_read_in_the_order_of_their_numbers(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    put = long_session(3_000)
    written(path, in_sevens(put), part_size=PART_SIZE[suffix], keep=100)
    full = full_parts(path)
    for number, part in enumerate(reversed(full)):
        part.rename(part_files.numbered(path, 5_000 + number))
    assert lines_of(path) == put


def test_damaged_part_is_listed_and_the_rest_read(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    put = long_session(3_000)
    written(path, in_sevens(put), part_size=8_000, keep=100)
    damaged = full_parts(path)[0]
    raw = bytearray(damaged.read_bytes())
    raw[-4] ^= 1
    damaged.write_bytes(raw)
    recording = Recording([path])
    same(folded([line for batch in recording.batches() for _, line in batch]), folded(put))
    assert [note.path for note in recording.skipped] == [str(damaged)]


def test_part_that_was_deleted_meanwhile_is_listed(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    written(path, in_sevens(long_session(3_000)), part_size=60_000, keep=100)
    recording = Recording([path])
    gone = full_parts(path)[0]
    gone.unlink()
    assert list(recording.events())
    assert str(recording.skipped[0]) == f"{gone}: all of it: cannot be read: No such file or directory"
