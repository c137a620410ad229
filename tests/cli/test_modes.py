"""Which mode a command line means: the log, the stream, the dashboard, the demo."""

import io
import os
import re
import resource
import socket
import sys
import types
from pathlib import Path

import pytest

from natsmon.cli import main as cli
from natsmon.cli import terminal_check
from natsmon.cli.command_group import load
from natsmon.config.secret import Secret
from natsmon.config.settings import Server, Settings
from natsmon.lab.nats_server import NoServer
from natsmon.stream.exit_codes import Exit
from tests.cli.conftest import Runs

pytestmark = pytest.mark.usefixtures("runs")


def test_run_without_terminal_is_the_plain_log(runs: Runs) -> None:
    assert cli.main([]) == 0
    how, settings, render, control = runs[0]
    assert (how, render.__name__, control) == ("probe", "line", False)
    assert settings.servers == (Server("127.0.0.1"),)
    assert settings.name.startswith("natsmon ")
    assert settings.name.endswith(str(os.getpid()))
    assert settings.origins == {}


@pytest.mark.usefixtures("terminal")
def test_run_on_a_terminal_is_the_dashboard(runs: Runs) -> None:
    assert cli.main(["nats://h"]) == 0
    assert runs[0][0] == "dashboard"
    assert runs[0][2] is None
    runs.clear()
    assert cli.main(["--plain"]) == 0
    assert runs[0][0] == "probe"


def test_systemd_unit_needs_no_config_file(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = (Path(__file__).parents[2] / "contrib" / "natsmon.service").read_text().replace("\\\n", "")
    monkeypatch.setenv("NATS_URL", "nats://east-1")  # of EnvironmentFile
    for name, value in re.findall(r"^Environment=(\w+)=(.*)$", unit, re.MULTILINE):
        monkeypatch.setenv(name, value.replace("/etc", str(tmp_path)))
    (command,) = re.findall(r"^ExecStart=/usr/bin/env natsmon (.*)$", unit, re.MULTILINE)
    assert cli.main(command.replace("${STATE_DIRECTORY}", str(tmp_path)).split()) == 0
    assert runs.settings.servers == (Server("east-1"),)
    runs.clear()
    (tmp_path / "natsmon").mkdir()
    (tmp_path / "natsmon" / "config.toml").write_text("rate = 5\n")
    assert cli.main(["--plain"]) == 0
    assert runs.settings.interval == 0.2


def test_event_stream_takes_commands(runs: Runs) -> None:
    assert cli.main(["--json", "--control"]) == 0
    assert runs[0][2:] == (None, True)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("args", [["demo", "--servers", "3"], ["--rate", "2", "demo", "--servers=3"]])
def test_demo_runs_on_its_own_servers(runs: Runs, args: list[str]) -> None:
    assert cli.main(args) == 0
    assert runs[0][0] == "dashboard"
    assert runs[0][2].urls == [server.url for server in runs.settings.servers]
    assert runs.settings.origins["servers"] == "demo"


def test_demo_ignores_variables(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = (str(param.envvar) for param in load("dashboard").params if param.envvar)
    names = [name for name in variables if name.startswith("NATS_")]
    assert {"NATS_URL", "NATS_CA", "NATS_CERT", "NATS_KEY", "NATS_CREDS", "NATS_USER"} <= set(names)
    for name in names:
        monkeypatch.setenv(name, "/nope")
    assert cli.main(["demo", "--token", "t"]) == 0
    assert runs.settings == Settings(
        servers=tuple(Server("127.0.0.1", 4000 + number) for number in range(3)),
        name=runs.settings.name, token=Secret("t"), subject="hello",
        origins={"servers": "demo", "token": "flag --token"},
    )  # fmt: skip


def test_demo_ignores_what_the_config_file_has_about_other_servers(runs: Runs, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(
        'server = "prod"\nuser = "u"\ntlsfirst = true\nws-origin = "o"\nmonitor = "http://prod:8222"\n'
        'jetstream = "ORDERS"\njs-domain = "hub"\nsubject = "orders.new"\nrate = 5'
    )
    assert cli.main(["demo", "--config", str(config)]) == 0
    assert runs.settings.subject == "hello"
    assert set(runs.settings.origins) == {"servers", "interval"}


def test_demo_without_server_program_is_one_line(capsys: pytest.CaptureFixture[str], runs: Runs) -> None:
    def start(servers: int) -> None:
        raise NoServer("no nats-server found")

    sys.modules["natsmon.lab.demo"].Demo = types.SimpleNamespace(start=start)  # type: ignore[attr-defined]
    assert cli.main(["demo", "--plain"]) == Exit.USAGE
    assert capsys.readouterr().err == "natsmon: demo: no nats-server found\n"
    assert not runs


@pytest.mark.parametrize(
    "args",
    [
        ["nats://demo"], ["--subject", "demo"], ["--", "demo"], ["h", "demo"], ["dashboard"],
        ["demo-host"], ["demo1"], ["chekc.example"], ["chekc:4222"], ["nats://chekc"], ["east-1"], ["localhost"],
        ["-s", "chekc"], ["--", "chekc"],
    ],
)  # fmt: skip
def test_word_that_is_not_a_command_is_dialed(runs: Runs, args: list[str]) -> None:
    assert cli.main(args) == 0
    assert runs.settings.origins.get("servers") != "demo"


def test_misspelled_command_that_resolves_is_dialed(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: ["an address"])
    assert cli.main(["chekc"]) == 0
    assert runs.settings.servers == (Server("chekc"),)


def test_exit_status_follows_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["natsmon.probe.process"], "run", lambda *_, **__: Exit.GAVE_UP)
    assert cli.main([]) == 1


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_simple_terminal_gets_the_log_with_a_notice(
    term: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], runs: Runs
) -> None:
    monkeypatch.setenv("TERM", term)
    assert cli.main([]) == 0
    assert runs[0][0] == "probe"
    line = f"natsmon: TERM={term} cannot show the dashboard: this is the log, as with --plain\n"
    assert capfd.readouterr().err == line
    assert cli.main(["--plain"]) == 0
    assert capfd.readouterr().err == ""


def test_missing_terminal_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 0
    line = "natsmon: standard input is not a terminal: this is the log, as with --plain\n"
    assert capfd.readouterr().err == line


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252"])
@pytest.mark.parametrize(("name", "value"), [("LC_ALL", "en_US.ISO-8859-1"), ("PYTHONIOENCODING", "x")])
def test_encoding_without_box_drawing_is_refused(
    encoding: str,
    name: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    runs: Runs,
) -> None:
    for each in ("PYTHONIOENCODING", "LC_ALL", "LC_CTYPE", "LANG"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, value)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        assert cli.main([]) == Exit.USAGE
    output = capfd.readouterr().err
    hint = "try a UTF-8 locale such as C.UTF-8, or --plain"
    assert output == f"natsmon: {name}={value} cannot show the dashboard; {hint}\n"
    assert not runs
    assert cli.main(["--plain"]) == 0


def test_low_limit_of_open_files_is_raised_or_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], runs: Runs
) -> None:
    limits = [(20, 1000)]
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits[-1])
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: limits.append(limit))
    assert cli.main(["--plain"]) == 0
    assert limits[-1] == (64, 1000)
    limits.append((20, 20))
    runs.clear()
    assert cli.main(["--plain"]) == Exit.USAGE
    assert capfd.readouterr().err == "natsmon: 20 open files are allowed and natsmon needs 64: ulimit -n 64\n"
    assert not runs
    assert cli.main(["info"]) == 0


@pytest.mark.parametrize(
    ("variables", "colours"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_colours_are_for_a_terminal_that_has_some(
    variables: dict[str, str], colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal_check, "is_terminal", lambda stream: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert terminal_check.has_colours() is colours
