"""``natsmon report`` run as a command: what it reads, what it reports as unread, where it writes."""

import gzip
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from natsmon.cli import main as cli
from natsmon.lab.nats_server import NatsServer
from natsmon.report.build import FORMATS
from natsmon.stream import codec
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from natsmon.text.plain_text import quotable
from tests.harness.time_limits import WAIT
from tests.tui import streams

LINES = [codec.encode(event) for event in streams.outage().events]


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(LINES))
    return path


def test_run_on_a_real_server_is_reported(
    tmp_path: Path, server: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [sys.executable, "-m", "natsmon", "--json", server.url, "--count", "5", "--rate", "100"]
    path = tmp_path / "run.jsonl"
    path.write_bytes(subprocess.run(command, capture_output=True, timeout=2 * WAIT, check=True).stdout)
    assert cli.main(["report", str(path), "--format", "json"]) == Exit.ENDED
    captured = capsys.readouterr()
    assert captured.err == ""
    (run,) = json.loads(captured.out)["runs"]
    assert (run["finished"], run["exit_code"], run["availability"]["share"]) == (True, 0, 1.0)
    assert (run["messages"]["sent"], run["messages"]["delivered"], run["messages"]["lost"]) == (5, 5, 0)
    assert run["echo"]["run"]["count"] == 5
    assert [used["connections"] for used in run["servers"]] == [1]


@pytest.mark.parametrize("as_format", FORMATS)
def test_outfile_is_written_whole(recording: Path, as_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    out = recording.with_name("report")
    assert cli.main(["report", str(recording), "--format", as_format, "--outfile", str(out)]) == Exit.ENDED
    assert capsys.readouterr() == ("", "")
    assert cli.main(["report", str(recording), "--format", as_format]) == Exit.ENDED
    assert capsys.readouterr().out == out.read_text()
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_outfile_that_cannot_be_written_is_one_line(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = recording.with_name("missing") / "report"
    assert cli.main(["report", str(recording), "--outfile", str(out)]) == Exit.GAVE_UP
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f'natsmon: --outfile: "{quotable(str(out))}" cannot be written: No such file or directory\n'


def test_compressed_file_and_standard_input_give_the_same_report(
    recording: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = recording.with_name("packed.jsonl.gz")
    packed.write_bytes(gzip.compress(recording.read_bytes()))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(recording.read_bytes())))
    output: list[list[str]] = []
    for name in (str(recording), str(packed), "-"):
        assert cli.main(["report", name]) == Exit.ENDED
        output.append(capsys.readouterr().out.split("\n", 1))
    assert [title for title, _ in output] == [
        f"natsmon report: {name}" for name in ("run.jsonl", "packed.jsonl.gz", "standard input")
    ]
    assert output[0][1] == output[1][1] == output[2][1]


def test_named_pipe_is_read_to_its_end(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pipe = recording.with_name("pipe")
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)  # with a reader, the writer below opens it at once
    with pipe.open("wb") as end, subprocess.Popen(["cat", str(recording)], stdout=end):
        end.close()
        assert cli.main(["report", str(pipe)]) == Exit.ENDED
    os.close(reader)
    title, output = capsys.readouterr().out.split("\n", 1)
    assert cli.main(["report", str(recording)]) == Exit.ENDED
    assert (title, output) == ("natsmon report: pipe", capsys.readouterr().out.split("\n", 1)[1])


@pytest.mark.parametrize(("pipes", "labels"), [(1, "pipe"), (2, "pipe 1, pipe 2")])
def test_pipe_that_the_shell_made_is_called_so(recording: Path, pipes: int, labels: str) -> None:
    """Its name is a number that the user has not seen."""
    command = f"{sys.executable} -m natsmon report {pipes * f'<(cat {recording}) '}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[0] == f"natsmon report: {labels}"


def test_closed_standard_input_is_one_line() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"{sys.executable} -m natsmon report - <&-"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (Exit.USAGE, "")
    assert done.stderr == "natsmon: report: not read: standard input: it contains no event\n"


def test_missing_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report", str(tmp_path / "missing.jsonl")]) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f'natsmon: report: "{tmp_path}/missing.jsonl" cannot be read: No such file or directory\n'


def test_missing_file_and_unknown_format_are_usage_errors(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["report"]) == Exit.USAGE
    assert cli.main(["report", str(recording), "--format", "pdf"]) == Exit.USAGE
    assert capsys.readouterr().err == (
        "natsmon: report needs a recording: natsmon report FILE\n"
        'natsmon: --format: "pdf" is not one of text, markdown, html, json\n'
    )


@pytest.mark.parametrize("content", [b"", b"\n\n", b"GIF89a\x00\xff\n", b"\x1f\x8b\x08cut", b'{"type":"x","t":1}\n'])
def test_file_without_events_is_one_line(tmp_path: Path, content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)
    assert cli.main(["report", str(path)]) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"natsmon: report: not read: {path}: ")
    assert captured.err.count("\n") == 1


def test_skipped_lines_are_in_the_report_and_on_stderr(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recording.write_bytes(b"".join([*LINES[:200], b"garbage\n", b'{"type":"telepathy","t":1}\n', LINES[200][:20]]))
    assert cli.main(["report", str(recording)]) == Exit.ENDED
    captured = capsys.readouterr()
    assert captured.err.startswith(f"natsmon: report: not read: {recording}: line 201")
    assert captured.err.endswith(" more in the report\n")
    assert captured.err.count("\n") == 1
    assert " things could not be read, see the end." in captured.out
    assert "Not read ──" in captured.out


def test_undecodable_file_name_is_escaped(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named = recording.rename(recording.with_name("run\udcff.jsonl"))
    for as_format in FORMATS:
        assert cli.main(["report", str(named), "--format", as_format]) == Exit.ENDED
        output = capsys.readouterr().out
        assert "run\\udcff.jsonl" in output.replace("\\\\", "\\"), as_format


def test_newer_writer_is_reported(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = ev.Session(t=0.0, id="new", started=streams.STARTED, schema=ev.SCHEMA + 1)
    recording.write_bytes(b"".join([codec.encode(session), *LINES[1:]]))
    assert cli.main(["report", str(recording)]) == Exit.ENDED
    captured = capsys.readouterr()
    assert f"schema {ev.SCHEMA + 1}" in captured.err
    assert "97.50 %" in captured.out


def test_unreadable_file_is_reported_beside_the_other(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = recording.with_name("other")
    other.write_bytes(b"hello\n")
    assert cli.main(["report", str(other), str(recording)]) == Exit.ENDED
    captured = capsys.readouterr()
    assert captured.out.startswith("natsmon report: run.jsonl\n")
    assert captured.err.startswith(f"natsmon: report: not read: {other}: ")


def test_parts_of_a_recording_are_one_run_also_when_each_is_named(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part = recording.with_name("run.0001.jsonl")
    first, second = ev.Part(recording="r", number=1), ev.Part(recording="r", number=2, repeated=1)
    part.write_bytes(b"".join([codec.encode(first), *LINES[:200]]))
    recording.write_bytes(b"".join([codec.encode(second), LINES[0], *LINES[200:]]))
    for names in ([recording], [part, recording], [recording, recording]):
        assert cli.main(["report", *map(str, names), "--format", "json"]) == Exit.ENDED
        (run,) = json.loads(capsys.readouterr().out)["runs"]
        assert run["availability"]["outages"] == 2
        assert run["events"] == len(LINES)


def test_recording_is_not_overwritten_by_its_report(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = recording.read_bytes()
    link = recording.with_name("link")
    link.symlink_to(recording)
    for outfile in (recording, link):
        assert cli.main(["report", str(recording), "--outfile", str(outfile)]) == Exit.USAGE
        assert capsys.readouterr().err == "natsmon: --outfile: is the recording itself\n"
    assert recording.read_bytes() == before


def test_outfile_that_is_a_pipe_without_a_reader_is_one_line(
    recording: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo(recording.with_name("pipe"))
    assert cli.main(["report", str(recording), "--outfile", str(recording.with_name("pipe"))]) == 1
    assert capsys.readouterr().err.endswith("cannot be written: No such device or address\n")
