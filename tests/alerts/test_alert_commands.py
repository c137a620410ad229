"""Alert commands: what they are given, one at a time, with a time limit."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

from natsmon.alerts.alert import Alert, AlertCommands
from tests.harness.time_limits import WAIT

ALERT = Alert(kind="change", time=1.5, date="then", level="down", word="RECONNECTING", phrase="lost", name="a b")


def script(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "alert"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return (str(path),)


async def finished(commands: AlertCommands) -> None:
    await commands.finish(WAIT)


async def test_command_reads_json_and_variables_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_PASSWORD", "hunter2")
    failures: list[str] = []
    commands = AlertCommands(failures.append)
    commands.submit("--on-change", script(tmp_path, f"cat > {tmp_path}/json; env > {tmp_path}/env"), ALERT)
    await finished(commands)
    assert not failures
    assert json.loads((tmp_path / "json").read_text())["word"] == "RECONNECTING"
    environment = (tmp_path / "env").read_text()
    assert "NATSMON_WORD=RECONNECTING\n" in environment
    assert "NATSMON_NAME=a b\n" in environment
    assert "hunter2" not in environment


async def test_commands_run_one_at_a_time(tmp_path: Path) -> None:
    failures: list[str] = []
    commands = AlertCommands(failures.append)
    command = script(
        tmp_path, f"mkdir {tmp_path}/lock || exit 7; sleep 0.05; rmdir {tmp_path}/lock; echo x >> {tmp_path}/ran"
    )
    for _ in range(4):
        commands.submit("--on-change", command, ALERT)
    await finished(commands)
    assert not failures
    assert (tmp_path / "ran").read_text() == "x\n" * 4


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("echo first >&2; echo 'no \033[31m route' >&2; exit 3", r"exit status 3: no \x1b[31m route"),
        ("exit 1", "exit status 1"),
        ("kill -9 $$", "killed by SIGKILL"),
    ],
)
async def test_failure_is_one_printable_line(tmp_path: Path, text: str, failure: str) -> None:
    failures: list[str] = []
    commands = AlertCommands(failures.append)
    command = script(tmp_path, text)
    commands.submit("--on-outage", command, ALERT)
    await finished(commands)
    assert failures == [f"--on-outage: {command[0]}: {failure}"]


async def test_command_that_leaves_a_daemon_with_its_standard_error_has_ended(tmp_path: Path) -> None:
    failures: list[str] = []
    commands = AlertCommands(failures.append)
    daemon = "import os, sys, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
    text = f"""{sys.executable} -c '{daemon}' > {tmp_path}/pid &
while ! grep -q . {tmp_path}/pid; do sleep 0.01; done
echo failed >&2; exit 3"""
    command = script(tmp_path, text)
    commands.submit("--on-outage", command, ALERT)
    try:
        await finished(commands)
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert failures == [f"--on-outage: {command[0]}: exit status 3: failed"]


async def test_command_runs_where_no_temporary_file_can_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    failures: list[str] = []
    commands = AlertCommands(failures.append)
    command = script(tmp_path, f"echo no >&2; touch {tmp_path}/ran; exit 3")
    commands.submit("--on-outage", command, ALERT)
    await finished(commands)
    assert failures == [f"--on-outage: {command[0]}: exit status 3"]
    assert (tmp_path / "ran").exists()


async def test_command_that_cannot_be_started_is_a_failure(tmp_path: Path) -> None:
    failures: list[str] = []
    commands = AlertCommands(failures.append)
    commands.submit("--on-change", (str(tmp_path / "gone"),), ALERT)
    commands.submit("--on-change", (), ALERT)
    await finished(commands)
    assert failures == [f"--on-change: {tmp_path}/gone: No such file or directory"]


async def test_command_that_does_not_end_is_killed_with_its_children(tmp_path: Path) -> None:
    failures: list[str] = []
    commands = AlertCommands(failures.append, run_seconds=0.3)
    command = script(tmp_path, "sleep 1000 & sleep 1000")
    commands.submit("--on-change", command, ALERT)
    await finished(commands)
    assert failures == [f"--on-change: {command[0]} did not end within 0.3 s and was killed"]


async def test_command_that_writes_errors_without_end_is_killed(tmp_path: Path) -> None:
    failures: list[str] = []
    commands = AlertCommands(failures.append)
    command = script(tmp_path, "yes error >&2")
    commands.submit("--on-change", command, ALERT)
    await finished(commands)
    assert failures == [f"--on-change: {command[0]} wrote 16 MiB of errors and was killed"]


async def test_finish_ends_the_command_that_runs(tmp_path: Path) -> None:
    failures: list[str] = []
    commands = AlertCommands(failures.append)
    command = script(tmp_path, f"echo > {tmp_path}/began; sleep 1000")
    commands.submit("--on-change", command, ALERT)
    commands.submit("--on-outage", command, ALERT)
    while not (tmp_path / "began").exists():  # noqa: ASYNC110 - another process makes it
        await asyncio.sleep(0.01)
    await commands.finish(0)
    assert failures == [
        "1 alert dropped: natsmon ended before the command ran",
        f"--on-change: {command[0]} did not end before natsmon and was killed",
    ]


async def test_alerts_beyond_the_queue_are_dropped_and_reported(tmp_path: Path) -> None:
    failures: list[str] = []
    commands = AlertCommands(failures.append)
    for _ in range(18):
        commands.submit("--on-change", script(tmp_path, "true"), ALERT)
    dropped = ["--on-change: alerts are dropped while 16 commands are waiting"]
    assert failures == dropped, "once, however many"
    await finished(commands)
