"""Recordings of real runs: what a process emitted is in its file, however it ended."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from natsmon.lab.nats_server import NatsServer
from natsmon.recording import recorder
from natsmon.recording.reader import Recording
from natsmon.recording.writer import Target
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.tui.model.recordings import Recordings
from natsmon.tui.model.viewed_stream import ViewedStream
from tests.harness.time_limits import WAIT
from tests.tui import streams
from tests.tui.driven import Driven, driven
from tests.tui.fakes import Recorded

ROOT = Path(__file__).parent.parent.parent
ENDS = ["--rate", "40", "--count", "30", "--rtt-interval", "50ms"]


@asynccontextmanager
async def natsmon(
    *arguments: str, cwd: Path | None = None, program: Sequence[str] = ("-m", "natsmon")
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=cwd,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def lines_of(path: Path) -> list[bytes]:
    recording = Recording([path])
    lines = [line + b"\n" for batch in recording.batches() for _, line in batch]
    assert recording.skipped == []
    return lines


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.zst"])
async def test_recording_is_the_stream(server: NatsServer, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"run.{suffix}"
    async with natsmon("--json", "--record", str(path), server.url, *ENDS) as process:
        out, err = await asyncio.wait_for(process.communicate(), WAIT)
    assert (process.returncode, err) == (0, b"")
    assert b"".join(lines_of(path)) == out
    assert out.splitlines()[-1].startswith(b'{"type":"end"')


async def test_recording_beside_the_plain_log(server: NatsServer, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    async with natsmon("--plain", "--record", "run.jsonl", server.url, *ENDS, cwd=tmp_path) as process:
        out, err = await asyncio.wait_for(process.communicate(), WAIT)
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"20")
    events = [codec.decode_event(line) for line in lines_of(path)]
    assert isinstance(events[0], ev.Session)
    assert isinstance(events[-1], ev.End)
    assert [event.seq for event in events if isinstance(event, ev.Published)] == list(range(1, 31))


async def test_dash_records_nothing_beside_the_stream(server: NatsServer, tmp_path: Path) -> None:
    async with natsmon("--json", "--record", "-", server.url, *ENDS, cwd=tmp_path) as process:
        out, err = await asyncio.wait_for(process.communicate(), WAIT)
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b'{"type":"session"')
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [
        ("--json", "jsonl.zst"),
        ("--plain", "jsonl"),
        *(pytest.param("--json", suffix, marks=pytest.mark.slow) for suffix in ["jsonl.gz", "jsonl"] * 2),
    ],
)
async def test_kill_loses_at_most_the_last_second(server: NatsServer, tmp_path: Path, mode: str, suffix: str) -> None:
    """What another reader has received is in the file soon, while the run goes on."""
    assert recorder.FLUSH < 1.0
    path = tmp_path / f"run.{suffix}"
    async with natsmon(mode, *_singly(mode), "--record", str(path), server.url, "--rate", "45") as process:
        assert process.stdout is not None
        received: list[bytes] = []
        async with asyncio.timeout(WAIT):
            while sum(b"published" in line for line in received) < 20:
                received.append(await process.stdout.readline())
            while not _has(path, received, mode):  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.05)
        process.kill()
        await process.wait()
    assert process.returncode == -signal.SIGKILL
    assert _has(path, received, mode)


def _has(path: Path, received: list[bytes], mode: str) -> bool:
    """True when what was received is in the file: each line of the stream, or each message of the log."""
    got = [line + b"\n" for batch in Recording([path]).batches() for _, line in batch]
    if mode == "--json":
        return got[: len(received)] == received
    return sum(b'"published"' in line for line in got) >= sum(b"published" in line for line in received)


def _singly(mode: str) -> tuple[str, ...]:
    """The log needs a flag for single messages; the stream has them."""
    return ("--messages",) if mode == "--plain" else ()


@pytest.mark.parametrize("mode", ["--json", "--plain"])
async def test_full_disk_is_reported_and_the_run_continues(server: NatsServer, tmp_path: Path, mode: str) -> None:
    """A limit on the size of files stands in for the disk."""
    path = tmp_path / "run.jsonl"
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))"
    program = ["-c", f"{limited}; from natsmon.cli.main import main; main()"]
    arguments = (mode, *_singly(mode), "--record", str(path), server.url, "--rate", "45")
    async with natsmon(*arguments, program=program) as process:
        assert process.stdout is not None
        line = b""
        async with asyncio.timeout(WAIT):
            while b"recording stopped" not in line:
                line = await process.stdout.readline()
            while b"echoed" not in await process.stdout.readline():
                pass
        process.terminate()
        out, err = await asyncio.wait_for(process.communicate(), WAIT)
    words = f"recording stopped: {path}: File too large; {len(lines_of(path))} lines are in it"
    assert process.returncode == 0
    assert words in line.decode()
    assert b"recording stopped" not in out
    assert (b'"type":"end"' if mode == "--json" else b"ended after") in out.splitlines()[-1]
    assert err.decode() == f"natsmon: {words}\n"


# -- the dashboard ----------------------------------------------------------------------------------


async def test_key_records_with_a_snapshot_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with driven(streams.outage()) as drive:
        await drive.press("R")
        path = tmp_path / os.listdir(tmp_path)[0]
        assert drive.shown("keybar").startswith(f"recording to {path}")
        assert "● rec" in drive.shown("status")
        t = drive.source.t
        await drive.emit(ev.AsyncError(t=t, text="something is wrong"), ev.Paused(t=t))
        await drive.press("R")
        assert "rec" not in drive.shown("status").splitlines()[0]
        drive.app.recordings.close()
        assert drive.app.recordings.made == [path.name]
        state, seen = drive.app.viewed.state, _lines(drive)
        events = [codec.decode_event(line) for line in lines_of(path)]
        kinds = [type(event) for event in events if not isinstance(event, ev.Snapshot)]
        assert kinds == [
            ev.Session, ev.Connection, ev.SnapshotEnd, ev.Note, ev.AsyncError, ev.Paused, ev.Note,
        ]  # fmt: skip
        async with driven(streams.Stream()) as again:
            again.source.emit(*(event for event in events if event is not None))
            again.source.t = t
            await again.settle()
            assert again.app.viewed.state == state
            assert _lines(again) == seen
            for panel in ("status", "dials", "messages", "roundtrip", "outages", "servers", "timeline", "events"):
                assert again.shown(panel) == drive.shown(panel), panel


def _lines(drive: Driven) -> list[ev.LogLine]:
    """The log without single messages: a recording keeps only some of them."""
    return [line for line in drive.app.viewed.window.log if not line.message]


async def test_each_recording_is_named_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with driven(streams.connected()) as drive:
        for name in ("one", "two", "one"):
            monkeypatch.setattr("natsmon.recording.part_files.default", lambda _, name=name: f"{name}.jsonl")
            await drive.press("R")
            await drive.press("R")
        drive.app.recordings.close()
        assert drive.app.recordings.made == ["two.jsonl", "one.jsonl"]


async def test_recordings_in_quick_succession_are_parts_of_one(tmp_path: Path) -> None:
    source = Recorded(streams.connected())
    path = tmp_path / "run.jsonl"
    recordings = Recordings(source, ViewedStream(source, source.clock), Target(str(path)), None)
    recordings._viewed.take(source.stream.events[0])
    for _ in range(20):
        assert recordings.toggle().startswith("recording to")
        assert recordings.toggle().startswith("recording ends")
    assert recordings.close() == []
    assert [type(codec.decode_event(line)) for line in lines_of(path)].count(ev.SnapshotEnd) == 20


async def test_recording_that_stops_by_itself_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with driven(streams.connected()) as drive:
        await drive.press("R")
        path = tmp_path / os.listdir(tmp_path)[0]
        path.unlink()
        recorder = drive.app.recordings._recorder
        assert recorder is not None
        recorder._thread.join(WAIT)
        await drive.settle()
        assert "the file has been deleted" in drive.shown("events")
        assert "rec" not in drive.shown("status").splitlines()[0]
