"""Recordings as files: written, cut off at every byte, damaged, rotated, added to, and read again."""

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from natsmon import events as ev
from natsmon.recording import names, part, recorder
from natsmon.recording.compression import by_suffix
from natsmon.recording.part import NotOurs, Part
from natsmon.recording.reader import Recording, Unreadable
from natsmon.recording.recorder import CannotRecord, Parts, Recorder
from natsmon.recording.target import Target
from natsmon.state import State
from tests.tui import streams
from tests.vocabulary import EVENTS

SUFFIXES = ["jsonl", "jsonl.gz", "jsonl.zst"]
ZIPPED = gzip.compress(b"x", mtime=0)
GOLDEN = Path(__file__).parent / "schema-1.jsonl"


def session(name: str = "s1") -> bytes:
    return ev.encode(ev.Session(t=0.0, id=name, started=1.5, subject="hello"))


def echo(number: int) -> bytes:
    return ev.encode(ev.Echoed(t=number / 8, seq=number, latency=0.001))


def lines_of(*paths: Path) -> list[bytes]:
    return [line + b"\n" for batch in Recording(paths).batches() for line in batch.lines]


def written(path: Path, batches: list[list[bytes]], **target: int) -> list[bytes]:
    """Everything in the batches, one write each; closed as it should be."""
    parts = Parts(Target(str(path), **target))
    for batch in batches:
        parts.write(batch)
    parts.close()
    return [line for batch in batches for line in batch]


def batches(count: int, each: int = 3) -> list[list[bytes]]:
    numbers = iter(range(count * each))
    return [[session()], *([echo(next(numbers)) for _ in range(each)] for _ in range(count))]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "CHUNK", 600)


# -- whole files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.usefixtures("small_chunks")
def test_what_was_written_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    put = written(path, batches(40))
    recording = Recording([path])
    assert [ev.encode(event) for event in recording.events()] == put
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
        assert [ev.encode(event) for event in recording.events()] == put
        assert recording.skipped == []
    parts.abandon()


def test_chunks_compress_better_than_their_pieces(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    put = written(path, batches(800))
    pieces = sum(len(by_suffix("x.gz").small(b"".join(batch))) for batch in batches(800))  # type: ignore[union-attr]
    assert path.stat().st_size < pieces / 3
    assert path.stat().st_size < len(gzip.compress(b"".join(put), 9)) * 1.2


def test_a_file_compressed_by_somebody_else(tmp_path: Path) -> None:
    put = [line for batch in batches(9_000) for line in batch]
    path = tmp_path / "run.jsonl"  # content counts, not the name
    path.write_bytes(gzip.compress(b"".join(put)))
    recording = Recording([path])
    assert [ev.encode(event) for event in recording.events()] == put
    assert recording.skipped == []


def members(whole: bytes, suffix: str) -> Iterator[tuple[int, int]]:
    """Where each member of a compressed file ends, and how many lines there are up to it."""
    compression = by_suffix(suffix)
    rest, lines = whole, 0
    while rest and compression is not None:
        decompressor = compression.decompressor()
        lines += decompressor.decompress(rest).count(b"\n")
        rest = decompressor.unused_data
        yield len(whole) - len(rest), lines


# -- damage -----------------------------------------------------------------------------------------


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
        got = [ev.encode(event) for event in recording.events()]
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
    got = [ev.encode(event) for event in recording.events()]
    for note in recording.skipped:
        assert str(note)
    everything = {line for batch in put for line in batch}
    if suffix == "jsonl":
        assert len(set(got) & everything) >= len(everything) - 2 * len(flips)
    else:
        assert set(got) <= everything, "a checksum guards every member"
        assert len(got) >= len(everything) - len(flips) * 40
        assert recording.skipped or len(got) == len(everything)


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
    newer = ev.encode(ev.Session(t=0.0, id="n", started=0.0, schema=ev.SCHEMA + 1))
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


def test_without_zstandard_the_extra_is_named(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.zst"
    path.write_bytes(b"\x28\xb5\x2f\xfd")
    code = (
        "import sys; sys.modules['zstandard'] = None; from natsmon import cli; "
        f"from natsmon.recording.reader import Recording, Unreadable\n"
        f"try: Recording([{str(path)!r}])\n"
        "except Unreadable as error: print(error)\n"
        f"sys.exit(cli.main(['--json', '--record', {str(path)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 2
    assert "pip install 'natsmon[zstd]'" in done.stdout
    assert done.stderr.startswith("natsmon: --record: ")
    assert "pip install 'natsmon[zstd]'" in done.stderr


# -- parts ------------------------------------------------------------------------------------------


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
    lines = [ev.encode(event) for event in stream.events]
    for number in range(count):
        lines.append(ev.encode(ev.Echoed(t=stream.t + number, seq=number, latency=(number * 7919 % 1009) / 1e6)))
        if number % 20 == 0:
            lines.append(ev.encode(ev.Rtt(t=stream.t + number, seconds=0.001 + number / 1e6)))
    return lines


def folded(lines: list[bytes]) -> State:
    state = State()
    for line in lines:
        event = ev.decode_event(line)
        assert event is not None
        state.apply(event)
    return state


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rotation_loses_and_doubles_nothing(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "CHUNK", 8_000)
    path = tmp_path / f"run.{suffix}"
    put = long_session(3000)
    most = {"jsonl": 70_000, "jsonl.gz": 12_000, "jsonl.zst": 12_000}[suffix]
    written(path, [put[at : at + 7] for at in range(0, len(put), 7)], most=most, keep=100)
    full = names.numbered(path)
    assert len(full) >= 2
    assert lines_of(path) == put
    assert lines_of(*[each for _, each in full], path) == put
    for at in range(len(full)):
        alone = [line + b"\n" for batch in Recording([full[at][1]]).batches() for line in batch.lines]
        assert b'"session"' in alone[0]
        if at:
            assert b'"snapshot"' in alone[1]
    whole, last = folded(put), folded([line for batch in Recording([full[-1][1]]).batches() for line in batch.lines])
    live = folded(path_alone(path, tmp_path))
    assert vars(live) == vars(whole)
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
    assert b'"snapshot"' in events[1]
    assert events[2:] == put[-len(events[2:]) :]
    assert vars(folded(events)) == vars(folded(put))


def test_a_missing_part_is_bridged_by_the_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    put = long_session(3000)
    written(path, [put[at : at + 7] for at in range(0, len(put), 7)], most=70_000, keep=100)
    names.numbered(path)[1][1].unlink()
    got = lines_of(path)
    assert sum(b'"snapshot"' in line[:20] for line in got) == 1
    assert vars(folded(got)) == vars(folded(put))


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
    assert [ev.encode(event) for event in recording.events()] == one + two
    assert recording.sessions == 2


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("content", [b"PRECIOUS\n", b'{"a": 1}\n', b"\x1f\x8b\x08garbage", ZIPPED])
def test_what_is_not_ours_is_left_alone(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"run.{suffix}"
    path.write_bytes(content)
    with pytest.raises(CannotRecord, match="is there already, and is no such recording; try another name"):
        Recorder(Target(str(path)))
    assert path.read_bytes() == content


def test_two_cannot_write_the_same(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    one = Part(path, None)
    with pytest.raises(NotOurs, match="is being written by another natsmon"):
        Part(path, None)
    one.close()
    Part(path, None).close()


# -- the recorder -----------------------------------------------------------------------------------


def test_the_recorder_writes_from_its_thread(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl.gz"
    recording = Recorder(Target(str(path)), session())
    for number in range(500):
        recording.put(echo(number))
    recording.close(10.0)
    assert recording.failure == ""
    assert lines_of(path) == [session(), *map(echo, range(500))]


def until_failed(recording: Recorder) -> str:
    recording._thread.join(10.0)
    assert recording.failure
    recording.put(echo(1))  # is no error
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
    recording.put(echo(1))
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
from tests.recording.test_recording import echo, session
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
recorder.FLUSH = 0.002
recording = Recorder(Target({str(path)!r}), session())
number = 0
while not recording.failure:
    recording.put(echo(number)); number += 1
    recording._thread.join(0.0005)
print(recording.failure)
recording.close(5)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    got = lines_of(path)
    assert f"recording stopped: {path}: File too large; {len(got):,} lines are in it\n" == done.stdout
    assert got == [session(), *map(echo, range(len(got) - 1))]
    assert Recording([path]).skipped == []


# -- for ever ---------------------------------------------------------------------------------------


def test_the_golden_recording_has_every_event_and_reads() -> None:
    recording = Recording([GOLDEN])
    events = list(recording.events())
    assert recording.skipped == []
    assert {type(event) for event in events} == set(EVENTS)
    assert len(events) == GOLDEN.read_bytes().count(b"\n")


def test_what_is_known_after_the_golden_recording() -> None:
    state = State()
    for event in Recording([GOLDEN]).events():
        state.apply(event)
    assert state.session is not None
    assert state.session.id == "4f1c"
    assert (state.status, state.now) == ("CLOSED", 20.0)
    assert state.connected is not None
    assert state.connected.server_name == "b"
    assert [(outage.cause, outage.lost, outage.reason) for outage in state.outages] == [("eof", 1, "Stale Connection")]
    assert [(dial.outcome, dial.cause) for dial in state.dials] == [("failed", "refused"), ("connected", "")]
    assert (state.tally.sent, state.tally.echoed, state.tally.lost) == (8, 7, 1)
    assert state.gaps == 12
    assert state.end == ev.End(t=20.0, exit_code=0, why="count")


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
