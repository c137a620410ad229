"""Alert commands beside a log, on real servers; not in a replay, and not beside the event stream."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from natsmon.cli import main as cli
from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.stream.exit_codes import Exit
from tests.harness.polling import wait_until
from tests.harness.time_limits import IN_TIME, WAIT

NATSMON = [sys.executable, "-m", "natsmon"]
QUICK = ("--reconnect-wait=50ms", "--reconnect-jitter=0s")


class Pager:
    """An alert command that keeps each alert."""

    def __init__(self, folder: Path) -> None:
        self.command = str(folder / "page me")
        self._kept = folder / "kept"
        Path(self.command).write_text(f"#!/bin/sh\ncat >> {self._kept}\n")
        Path(self.command).chmod(0o755)
        self.flags = [f"--on-change='{self.command}'", f"--on-outage='{self.command}'"]

    def alerts(self) -> list[dict[str, Any]]:
        lines = self._kept.read_text().splitlines() if self._kept.exists() else []
        return [json.loads(line) for line in lines]

    def kinds(self) -> list[str]:
        return [alert["kind"] for alert in self.alerts()]


@pytest.fixture
def pager(tmp_path: Path) -> Pager:
    return Pager(tmp_path)


@contextmanager
def running(*arguments: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [*NATSMON, *arguments], stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def hurt(server: NatsServer, pager: Pager) -> None:
    """Let an outage begin and end."""
    server.kill()
    wait_until(lambda: "outage_began" in pager.kinds(), "the alert of the outage", WAIT)
    server.start()
    wait_until(lambda: "outage_ended" in pager.kinds(), "the alert of its end", WAIT)


def test_commands_run_beside_the_log(server: NatsServer, pager: Pager) -> None:
    with running("--plain", *pager.flags, *QUICK, server.url) as natsmon:
        wait_until(lambda: bool(pager.alerts()), "the alert of the first connect", WAIT)
        hurt(server, pager)
        natsmon.send_signal(signal.SIGTERM)
        _, errors = natsmon.communicate(timeout=IN_TIME)
    assert natsmon.returncode == Exit.ENDED
    assert errors == b""
    words = [alert["word"] for alert in pager.alerts() if alert["kind"] == "change"]
    assert [word for word in words if "CONNECT" in word][:3] == ["CONNECTED", "RECONNECTING", "CONNECTED"]
    assert words[-1] == "CONNECTED"  # ending natsmon is no change
    assert pager.kinds().count("outage_began") == pager.kinds().count("outage_ended") == 1


def test_commands_run_beside_the_log_of_a_pipe(server: NatsServer, pager: Pager) -> None:
    with running("--json", *QUICK, server.url) as natsmon:
        assert natsmon.stdout is not None
        with running("view", "--plain", *pager.flags, "-", stdin=natsmon.stdout.fileno()):
            wait_until(lambda: bool(pager.alerts()), "the alert of the first connect", WAIT)
            hurt(server, pager)


def test_last_alert_is_run_before_natsmon_gives_up(refused_port: int, pager: Pager) -> None:
    url = f"nats://{HOST}:{refused_port}"
    with running("--plain", *pager.flags, "--no-retry-on-failed-connect", url) as natsmon:
        natsmon.communicate(timeout=IN_TIME)
    assert natsmon.returncode == Exit.GAVE_UP
    assert [(alert["kind"], alert["word"]) for alert in pager.alerts()] == [("change", "CLOSED")]


def test_command_that_fails_is_one_line(refused_port: int) -> None:
    url = f"nats://{HOST}:{refused_port}"
    with running("--plain", "--on-change=false", "--no-retry-on-failed-connect", url) as natsmon:
        _, errors = natsmon.communicate(timeout=IN_TIME)
    assert errors.decode().splitlines() == ["natsmon: --on-change: false: exit status 1"]


@pytest.mark.parametrize("flag", ["--on-change=true", "--on-outage=true", "--bell", "--notify"])
def test_replay_has_no_alerts(flag: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["replay", flag, str(tmp_path)]) == Exit.USAGE
    assert capsys.readouterr().err.startswith(f"natsmon: {flag.partition('=')[0]}: unknown flag")


@pytest.mark.parametrize("flag", ["--on-change", "--on-outage"])
def test_event_stream_has_no_alerts(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--json", f"{flag}=true"]) == Exit.USAGE
    why = f"natsmon: {flag}: --json has no alerts; the dashboard, --plain and natsmon view have\n"
    assert capsys.readouterr().err == why


def test_command_in_the_config_file_is_not_run_in_a_replay(tmp_path: Path, pager: Pager, server: NatsServer) -> None:
    """Nor is it an error there: the file is for every command."""
    config, recording = tmp_path / "config.toml", tmp_path / "run.jsonl"
    config.write_text(f"on-change = \"'{pager.command}'\"\n")
    environment = {**os.environ, "NATSMON_CONFIG": str(config)}
    recorded = ["--json", "--count=1", "--record", str(recording), server.url]
    subprocess.run([*NATSMON, *recorded], env=environment, stdout=subprocess.DEVNULL, check=True)
    assert not pager.alerts(), "the event stream has no alerts"
    subprocess.run([*NATSMON, "replay", "--plain", str(recording)], env=environment, capture_output=True, check=True)
    assert not pager.alerts()
