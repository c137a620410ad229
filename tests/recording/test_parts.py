"""A recording in several files: nothing lost and nothing twice, and each of them can be read alone."""

from pathlib import Path

import pytest

from natsmon.recording import names, part
from natsmon.recording.reader import Recording
from natsmon.recording.recorder import Parts
from natsmon.recording.target import Target
from natsmon.state import State, Tracks
from natsmon.stream import codec
from natsmon.stream import events as ev
from tests.recording.recorded import SUFFIXES, echo, lines_of, session, written
from tests.state.folding import same
from tests.tui import streams


def test_names_sort_and_say_whose_they_are() -> None:
    for name, full in [
        ("run.jsonl", "run.0003.jsonl"),
        ("run.jsonl.zst", "run.0003.jsonl.zst"),
        ("a.b.log.gz", "a.b.0003.log.gz"),
        ("run", "run.0003"),
        ("run.gz", "run.0003.gz"),
    ]:
        assert names.part(Path("/d") / name, 3) == Path("/d") / full
        assert names.whose(Path("/d") / full) == (Path("/d") / name, 3)
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
    tracks = Tracks()
    for line in lines:
        event = codec.decode_event(line)
        assert event is not None
        tracks.apply(event)
    return tracks.first.state


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rotation_loses_and_doubles_nothing(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "CHUNK", 8_000)
    path = tmp_path / f"run.{suffix}"
    put = long_session(9000)
    most = {"jsonl": 200_000, "jsonl.gz": 40_000, "jsonl.zst": 25_000}[suffix]
    written(path, [put[at : at + 7] for at in range(0, len(put), 7)], most=most, keep=100)
    full = names.numbered(path)
    assert len(full) >= 2
    assert lines_of(path) == put
    assert lines_of(*[each for _, each in full], path) == put
    for at in range(len(full)):
        alone = [line + b"\n" for batch in Recording([full[at][1]]).batches() for line in batch.lines]
        assert b'"session"' in alone[0]
        if at:
            assert b'"snapshot"' in alone[2]
    whole, last = folded(put), folded([line for batch in Recording([full[-1][1]]).batches() for line in batch.lines])
    live = folded(path_alone(path, tmp_path))
    same(live, whole)
    assert last.status == whole.status


def path_alone(path: Path, tmp_path: Path) -> list[bytes]:
    elsewhere = tmp_path / "alone"
    elsewhere.mkdir()
    (elsewhere / path.name).write_bytes(path.read_bytes())
    return lines_of(elsewhere / path.name)


def test_only_the_newest_parts_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    put = long_session(3000)
    written(path, [put[at : at + 7] for at in range(0, len(put), 7)], most=70_000, keep=3)
    full = names.numbered(path)
    assert len(full) == 2
    assert full[0][0] > 1
    events = lines_of(path)
    assert b'"snapshot"' in events[2]
    after = events[1 + max(number for number, line in enumerate(events) if b'"snapshot_end"' in line) :]
    assert after == put[-len(after) :]
    same(folded(events), folded(put))


def test_a_missing_part_is_bridged_by_the_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    put = long_session(9000)
    written(path, [put[at : at + 7] for at in range(0, len(put), 7)], most=200_000, keep=100)
    names.numbered(path)[1][1].unlink()
    got = lines_of(path)
    assert sum(b'"snapshot_end"' in line for line in got) == 1
    same(folded(got), folded(put))


def test_a_part_that_becomes_full_while_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    put = long_session(6000)
    batches_put = [put[at : at + 7] for at in range(0, len(put), 7)]
    parts = Parts(Target(str(path), most=200_000, keep=100))
    for batch in batches_put[:500]:
        parts.write(batch)
    assert len(names.numbered(path)) == 1
    reading = Recording([path]).batches()
    got = next(reading).lines
    for batch in batches_put[500:]:
        parts.write(batch)
    assert len(names.numbered(path)) == 2
    parts.close()
    got += [line for batch in reading for line in batch.lines]
    assert [line + b"\n" for line in got] == put


def test_a_link_leads_to_the_parts(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.jsonl"
    link.symlink_to(tmp_path / "there" / "run.jsonl")
    put = long_session(2000)
    written(link, [put[at : at + 7] for at in range(0, len(put), 7)], most=70_000)
    assert link.is_symlink()
    assert len(names.numbered(tmp_path / "there" / "run.jsonl")) > 1
    assert lines_of(link) == put


# -- what only looks like a part --------------------------------------------------------------------

SNAPSHOT = session() + codec.encode(ev.Snapshot(t=9.0, section="paused", value=False)) + echo(100)
"""As a part begins, and what the key R records."""
OTHERS = {
    "run.2023.jsonl": b"what I did in that year\n",
    "run.0001.jsonl": b"my own notes\n",
    "run.2024.jsonl": session("other") + echo(1),
    "run.2025.jsonl": session("another") + echo(1),
    "run.4222.jsonl": SNAPSHOT,
    "run.4222.0007.jsonl": SNAPSHOT,
    "run.20261121.jsonl": SNAPSHOT,
    "run.00002.jsonl": SNAPSHOT,
    "run.0000.jsonl": SNAPSHOT,
}


@pytest.mark.parametrize("names_of", [[name] for name in OTHERS] + [list(OTHERS)], ids=lambda given: given[-1])
def test_what_nobody_numbered_is_neither_let_go_of_nor_read(tmp_path: Path, names_of: list[str]) -> None:
    for name in names_of:
        (tmp_path / name).write_bytes(OTHERS[name])
    path = tmp_path / "run.jsonl"
    put = long_session(3000)
    written(path, [put[at : at + 7] for at in range(0, len(put), 7)], most=70_000, keep=2)
    assert {name: (tmp_path / name).read_bytes() for name in names_of} == {name: OTHERS[name] for name in names_of}
    ours = {each.name for each in tmp_path.iterdir()} - set(names_of)
    assert len(ours) == 2
    recording = Recording([path])
    assert {each.name for each in recording.parts} == ours
    same(folded([line for batch in recording.batches() for line in batch.lines]), folded(put))
    assert recording.skipped == []


def test_a_row_goes_on_far_beyond_its_first_parts(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    for number in (1500, 1501):
        names.part(path, number).write_bytes(SNAPSHOT)
    path.write_bytes(SNAPSHOT)
    put = long_session(1500)
    written(path, [put[at : at + 7] for at in range(0, len(put), 7)], most=70_000, keep=3)
    numbers = [number for number, _ in names.numbered(path)]
    assert numbers == [numbers[-1] - 1, numbers[-1]]
    assert 1502 <= numbers[-1] < 1520
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_part_is_told_of_and_not_let_go_of(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    damaged = names.part(path, 1)
    damaged.write_bytes(b"\x1f\x8b\x08damage")
    put = long_session(1500)
    written(path, [put[at : at + 7] for at in range(0, len(put), 7)], most=5_000, keep=1)
    assert {each.name for each in tmp_path.iterdir()} == {damaged.name, path.name}
    recording = Recording([path])
    assert recording.parts == [damaged, path]
    assert list(recording.events())
    assert [note.path for note in recording.skipped] == [str(damaged)]


def test_a_part_that_is_not_there_any_more_is_said(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(session())
    names.part(path, 1).symlink_to(tmp_path / "nowhere")
    names.part(path, 2).write_bytes(SNAPSHOT)
    recording = Recording([path])
    names.part(path, 2).unlink()
    assert [type(event) for event in recording.events()] == [ev.Session]
    assert [str(note) for note in recording.skipped] == [
        f"{names.part(path, number)}: all of it: cannot be read: No such file or directory" for number in (1, 2)
    ]
