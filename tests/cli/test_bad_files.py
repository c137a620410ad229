"""Files of every kind where a file with settings or credentials is expected: one line, exit 2, at once."""

import os
import pwd
from pathlib import Path
from typing import Never

import pytest

from natsmon.cli import main as cli
from natsmon.stream.exit_codes import Exit
from tests.cli.conftest import Runs

pytestmark = pytest.mark.usefixtures("runs")

NO_FILE = "is a pipe or a device; it must be a file, because it is read again at each dial"
REREAD = ("--creds", "--nkey", "--tlsca", "--tlscert", "--tlskey")


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    """A named pipe that nothing writes to: ``open`` alone would wait for a writer."""
    os.mkfifo(tmp_path / "pipe")
    return tmp_path / "pipe"


@pytest.mark.parametrize("flag", REREAD)
@pytest.mark.parametrize("device", [None, "/dev/zero", "/dev/null"])
def test_file_read_at_each_dial_must_be_a_file(
    flag: str, device: str | None, pipe: Path, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main([flag, device or str(pipe)]) == Exit.USAGE
    assert NO_FILE in capsys.readouterr().err
    assert not runs


@pytest.mark.parametrize(
    ("flag", "content", "why"),
    [
        ("--creds", b"", "has no JWT and seed in it"),
        ("--creds", b"\x00\xff\xfe", "has no JWT and seed in it"),
        ("--creds", b"-----BEGIN NATS USER JWT-----\neyJ0eXAi.eyJq.sig\n", "has no seed in it"),
        ("--creds", b"SU" + b"A" * 56, "has no JWT in it"),
        ("--creds", b"x" * (1024 * 1024 + 1), "cannot be read: File too large"),
        ("--nkey", b"UA" + b"A" * 54, "has no seed in it"),
        ("--nkey", b"\xef\xbb\xbf", "has no seed in it"),
    ],
)
def test_credentials_file_without_its_content_is_one_line(
    flag: str, content: bytes, why: str, runs: Runs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_bytes(content)
    assert cli.main([flag, f"{tmp_path}/file"]) == Exit.USAGE
    error = capsys.readouterr().err
    assert error.startswith(f"natsmon: {flag}: ")
    assert error.endswith(f" {why}\n")
    assert not runs


def test_pipe_without_a_writer_does_not_hang(
    pipe: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["replay", "--plain", str(pipe)]) == Exit.USAGE
    capsys.readouterr()
    assert cli.main(["report", str(pipe)]) == Exit.USAGE
    assert capsys.readouterr().err == f'natsmon: report: "{pipe}" is a pipe without data: nothing has written to it\n'
    for command in ["config", "check"], ["info"]:
        assert cli.main([*command, "--config", str(pipe)]) == Exit.USAGE
        assert capsys.readouterr().err == f"natsmon: {pipe} is a pipe without data: nothing has written to it\n"
    monkeypatch.setenv("NATS_CREDS", str(pipe))
    assert cli.main([]) == Exit.USAGE
    assert "NATS_CREDS" in capsys.readouterr().err
    assert not runs


@pytest.mark.parametrize("command", ["replay --plain", "report", "info --config", "config check --config"])
@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000])
def test_name_that_no_file_can_have_is_one_line(command: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*command.split(), name]) == Exit.USAGE
    assert capsys.readouterr().err.endswith("cannot be read: File name too long\n")


def test_context_whose_name_no_file_can_have_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "nats" / "context").mkdir(parents=True)
    assert cli.main(["--context", "x" * 300]) == Exit.USAGE
    assert capsys.readouterr().err.endswith("x.json cannot be read: File name too long\n")


def test_line_about_a_long_value_is_short(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "config.toml"
    for key, why in ("theme", "tokyo-night"), ("context", "File name too long"):
        config.write_text(f'{key} = "{"x" * 100_000}"')
        assert cli.main(["config", "check", "--config", str(config)]) == Exit.USAGE
        error = capsys.readouterr().err
        assert error.startswith(f"natsmon: {config}")
        assert why in error[-200:]
        assert len(error) < 2_100


def test_home_of_an_unknown_user_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--config", "~no.such.user/config.toml"]) == Exit.USAGE
    assert capsys.readouterr().err == "natsmon: ~no.such.user/config.toml does not exist\n"


def test_selected_context_in_a_pipe_does_not_hang(
    tmp_path: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "nats" / "context"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "east.json")
    os.mkfifo(tmp_path / "nats" / "context.txt")
    assert cli.main(["context", "ls"]) == Exit.ENDED
    assert cli.main(["--context", "east"]) == Exit.USAGE
    assert "east" in capsys.readouterr().err


def test_home_that_is_no_folder_has_no_config_file(monkeypatch: pytest.MonkeyPatch, runs: Runs) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/dev/null")
    monkeypatch.setenv("HOME", "/dev/null")
    assert cli.main([]) == Exit.ENDED
    assert runs


@pytest.fixture
def without_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container. What is in a folder ``~`` below the working directory does not apply."""

    def unknown_user(_: int) -> Never:
        raise KeyError

    monkeypatch.setattr(pwd, "getpwuid", unknown_user)
    for variable in "HOME", "XDG_CONFIG_HOME":
        monkeypatch.delenv(variable)
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "~" / ".config"
    for folder in "nats/context", "natsmon":
        (config / folder).mkdir(parents=True)
    (config / "nats" / "context.txt").write_text("east")
    (config / "nats" / "context" / "east.json").write_text('{"url": "nats://east"}')
    (config / "natsmon" / "config.toml").write_text('server = "nats://west"')


@pytest.mark.usefixtures("without_home")
def test_user_without_a_home_has_neither_config_file_nor_contexts(runs: Runs) -> None:
    assert cli.main([]) == Exit.ENDED
    assert [server.url for server in runs.settings.servers] == ["nats://127.0.0.1:4222"]


@pytest.mark.usefixtures("without_home")
def test_user_without_a_home_sees_where_files_would_be(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["context", "ls"]) == Exit.ENDED
    assert capsys.readouterr().out == "no contexts in /dev/null/.config/nats/context\n"
    assert cli.main(["config", "init"]) == Exit.GAVE_UP
    assert capsys.readouterr().err == "natsmon: config: /dev/null/.config/natsmon/config.toml: Not a directory\n"


def test_config_file_of_a_windows_editor_is_read(tmp_path: Path, runs: Runs) -> None:
    """It begins with a byte order mark and has CRLF."""
    (tmp_path / "config.toml").write_bytes(b'\xef\xbb\xbfrate = "2"\r\n')
    assert cli.main(["--config", f"{tmp_path}/config.toml"]) == Exit.ENDED
    assert runs.settings.interval == 0.5
