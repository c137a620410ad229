"""``natsmon info`` and the help, also on streams that are closed, cut or full."""

import json
import os
import subprocess
import sys

import pytest

from natsmon import __version__
from natsmon.cli import flags
from natsmon.cli import main as cli
from natsmon.cli.command_group import COMMANDS, DEFAULT, Command, load
from natsmon.stream.exit_codes import Exit
from tests.cli.conftest import VARIABLES
from tests.harness.time_limits import WAIT

pytestmark = pytest.mark.usefixtures("runs")

ALL = {name: load(name) for name in (DEFAULT, *COMMANDS)}


# -- info, help, version ----------------------------------------------------------------------------


def test_info_shows_values_and_origins(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_TOKEN", "hunter2")
    assert cli.main(["info", "--rate", "max", "h"]) == 0
    out = capsys.readouterr().out
    rows = [line.split("  ") for line in out.splitlines()]
    cells = {row[0]: [cell.strip() for cell in row if cell.strip()] for row in rows}
    assert cells["rate"] == ["rate", "max", "flag --rate"]
    assert cells["token"] == ["token", "****", "env NATS_TOKEN"]
    assert cells["servers"] == ["servers", "nats://h:4222", "URL argument"]
    assert "hunter2" not in out


def test_info_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--json", "--count", "3"]) == 0
    output = json.loads(capsys.readouterr().out)["settings"]
    assert output["count"] == {"value": "3", "origin": "flag --count", "overrode": []}
    assert output["user"] == {"value": None, "origin": "default", "overrode": []}


@pytest.mark.parametrize("name", ALL)
def test_help_all_shows_every_flag(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help-all"] if name == DEFAULT else [name, "--help-all"]) == 0
    out = capsys.readouterr().out
    for param in ALL[name].params:
        assert all(opt in out for opt in (*param.opts, *param.secondary_opts) if opt.startswith("-"))


@pytest.mark.parametrize("name", ALL)
def test_help_fits_a_small_terminal(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert cli.main(["--help"] if name == DEFAULT else [name, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    command = ALL[name]
    assert isinstance(command, Command)
    assert [line for line in lines if line.startswith("  natsmon")] == [
        f"  natsmon {example}".rstrip() for example in command.examples
    ]
    assert len(command.examples) == 3
    assert any(line.startswith("Exit codes: 0 ") for line in lines)


def test_short_help_flag_is_that_of_each_command() -> None:
    """Also where a command is not run by ``natsmon``."""
    for command in ALL.values():
        context = command.make_context("natsmon", [], resilient_parsing=True)
        assert ["-h", "--help"] in [param.opts for param in command.get_params(context)]


def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    for args in (["--help"], ["-h"], ["help"]):
        assert cli.main(args) == 0
        commands = capsys.readouterr().out.partition("Commands:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in commands.splitlines()] == list(COMMANDS)


@pytest.mark.parametrize("args", [["help", "check"], ["check", "-h"], ["check", "--help"], ["-s", "h", "check", "-h"]])
def test_help_of_a_command(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(args) == 0
    assert capsys.readouterr().out.startswith("Usage: natsmon check [flags] [URL]...\n")


def test_version_is_a_flag_and_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    for args in (["--version"], ["version"]):
        assert cli.main(args) == 0
        assert capsys.readouterr().out == f"natsmon {__version__}\n"


def test_every_flag_has_a_section() -> None:
    for command in ALL.values():
        for param in command.params:
            assert (
                isinstance(param, flags.Flag)
                or not param.expose_value
                or param.name in ("url", "rest", "files", "action", "shell")
            )


# -- as a process -----------------------------------------------------------------------------------


def run(script: str, **env: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    script = script.replace("natsmon", f"{sys.executable} -m natsmon")
    return subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, timeout=2 * WAIT, env=clean | env)


@pytest.mark.parametrize("args", ["--rate fast", "--xyzzy", "demo --count 0", "nats://h:x", "--json --plain"])
def test_usage_error_is_one_line_and_exit_2(args: str) -> None:
    done = run(f"natsmon {args}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("natsmon: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_reader_that_leaves_is_not_an_error() -> None:
    done = run("natsmon info | true; natsmon info --json | head -1; natsmon --help | true; natsmon --version | true")
    assert done.stderr == ""


@pytest.mark.parametrize("args", ["info", "--help", "--version", "check --help"])
def test_output_that_cannot_be_written(args: str, full_disk: str) -> None:
    done = run(f"natsmon {args} >{full_disk}")
    assert done.stderr == "natsmon: standard output cannot be written: No space left on device\n"
    assert done.returncode == Exit.GAVE_UP


def test_complaints_that_cannot_be_written(full_disk: str) -> None:
    assert run(f"natsmon info >{full_disk} 2>&1").returncode == Exit.GAVE_UP
    assert run(f"natsmon --rate x 2>{full_disk}").returncode == Exit.USAGE


def test_closed_streams() -> None:
    done = run("natsmon --plain >&-")
    assert (done.returncode, done.stderr) == (2, "natsmon: standard output is closed\n")
    assert run("natsmon --rate x 2>&-").returncode == 2
    assert run("natsmon info <&-").returncode == 0
    done = run("natsmon --json --control 127.0.0.1:1 <&-")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"type":"end"' in done.stdout.splitlines()[-1]


def test_info_in_a_plain_ascii_locale() -> None:
    done = run("natsmon info", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
