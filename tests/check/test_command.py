"""``natsmon check`` as a person and a cron job run it: its file, its secrets, its usage, its signals."""

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from natsmon.check import measure as check
from natsmon.check.verdict import Status
from natsmon.cli import main as cli
from natsmon.config.secret import Secret
from natsmon.lab.nats_server import NatsServer
from natsmon.stream.exit_codes import Exit
from natsmon.text.files import write_file
from tests.check.checking import FORMATS, checked, every_format, settings
from tests.conftest import StartServer
from tests.harness import peers
from tests.harness.imported import CLIENT, SCREEN, imported_by
from tests.harness.peer import Talk, playing
from tests.harness.time_limits import WAIT

# -- the file ---------------------------------------------------------------------------------------


def test_outfile_has_mode_0600_and_replaces_the_old_one(
    server: NatsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "nats.prom"
    target.write_text("old")
    target.chmod(0o644)
    with target.open() as before:
        assert cli.main(["check", server.url, "--format", "prometheus", "--outfile", str(target)]) == 0
        assert before.read() == "old"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_text().startswith("# HELP nats_server_check_connections_connect_time ")
    assert list(tmp_path.iterdir()) == [target]
    assert capsys.readouterr().out == ""


def test_outfile_in_a_missing_folder_is_one_line(
    server: NatsServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for target in (tmp_path / "nowhere" / "f", tmp_path):
        assert cli.main(["check", server.url, "--format", "prometheus", "--outfile", str(target)]) == Status.UNKNOWN
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("natsmon: --outfile: ")
        assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "f"
    target.write_text("old")
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_file(str(target), "new")
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert target.read_text() == "old"


def test_pipe_as_outfile_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(str(pipe), "new")
        assert os.read(reader, 100) == b"new"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.parametrize("there", [True, False])
def test_link_as_outfile_leads_to_its_file(there: bool, tmp_path: Path) -> None:
    target, link = tmp_path / "real" / "f", tmp_path / "link"
    target.parent.mkdir()
    if there:
        target.write_text("old")
    link.symlink_to(target)
    write_file(str(link), "new")
    assert link.is_symlink()
    assert (target.is_symlink(), target.read_text()) == (False, "new")
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("form", ["nagios", "prometheus"])
def test_unwritable_result_is_unknown(form: str, refused_port: int, full_disk: str) -> None:
    with open(full_disk, "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "natsmon", "check", f"127.0.0.1:{refused_port}", "--format", form],
            stdout=full, stderr=subprocess.PIPE, timeout=30, check=False,
        )  # fmt: skip
    assert done.stderr == b"natsmon: standard output cannot be written: No space left on device\n"
    assert done.returncode == Status.UNKNOWN


# -- secrets ----------------------------------------------------------------------------------------


PLANTED = ("planted-user", "planted-password", "planted-token")


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("password", ["planted-password", "planted-password-wrong"])
def test_secrets_are_in_no_format(
    form: str, password: str, nats_server: StartServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = nats_server(config="authorization { user: planted-user, password: planted-password }")
    target = tmp_path / "out"
    for where in ([server.url, "--user", "planted-user", "--password", password],
                  [f"nats://planted-user:{password}@{server.authority}"],
                  ["--all", f"nats://planted-user:{password}@{server.authority}", "--outfile", str(target)],
                  [server.url, "--token", "planted-token"]):  # fmt: skip
        cli.main(["check", "--format", form, *where])
        captured = capsys.readouterr()
        output = captured.out + captured.err + (target.read_text() if target.exists() else "")
        assert output
        assert not any(secret in output for secret in PLANTED)


async def test_secret_repeated_by_a_peer_is_redacted() -> None:
    async def script(talk: Talk) -> None:
        await talk.info()
        line = await talk.line()
        await talk.send(b"-ERR '" + line.strip() + b"'\r\n")
        await talk.until_closed()

    async with playing(script) as peer:
        verdict = await checked(
            peer.url, user=Secret(PLANTED[0]), password=Secret(PLANTED[1]), token=Secret(PLANTED[2])
        )
    output = every_format([verdict])
    assert verdict.status is Status.CRITICAL
    assert "repeats one of your secrets" in output
    assert not any(secret in output for secret in PLANTED)


async def test_common_words_are_not_redacted(refused_port: int) -> None:
    verdict = await checked(f"127.0.0.1:{refused_port}", user=Secret("ann"), password=Secret("refused"))
    assert [each.text for each in verdict.failures] == ["Connection refused"]


async def test_secret_repeated_by_the_next_peer_is_redacted() -> None:
    """It closes at once; at the second look it repeats the secret."""
    output: list[bytes] = []

    async def script(talk: Talk) -> None:
        await talk.info()
        if output:
            await talk.send(b"-ERR 'Authorization Violation for " + output[0] + b"'\r\n")
        else:
            output.append((await talk.line()).strip())

    async with playing(script) as peer:
        verdict = await checked(peer.url, user=Secret(PLANTED[0]), password=Secret(PLANTED[1]))
    assert [each.cause for each in verdict.failures] == ["auth"]
    assert "repeats one of your secrets" in every_format([verdict])
    assert not any(secret in every_format([verdict]) for secret in PLANTED)


# -- imports, usage and signals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "line"),
    [
        ("--format xml", '--format: "xml" is not one of text, nagios, json, prometheus'),
        ("--rtt-warn 0", '--rtt-warn: "0" must be more than 0'),
        ("--rtt-warn 2s --rtt-critical 1s", "--rtt-warn: 2s is more than --rtt-critical, 1s"),
        ("--namespace a-b", '--namespace: "a-b" is not a prefix for metric names: letters, digits and underscores'),
        ("--outfile=", '--outfile: "" is empty'),
        ("--subject a", "--subject: unknown flag; try natsmon check --help"),
        ("h:1:2", 'URL: "h:****": the address has two colons; HOST:PORT has one'),
    ],
)
def test_bad_usage_is_one_line(args: str, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", *args.split()]) == Exit.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"natsmon: {line}\n"


@pytest.mark.parametrize(
    ("given", "limits"),
    [("--rtt-critical=200ms", ("0.2", "0.2")), ("--rtt-warn=2s", ("2", "2")), ("--rtt-critical=3s", ("0.5", "3"))],
)
def test_default_of_a_threshold_keeps_to_the_other(
    given: str, limits: tuple[str, str], server: NatsServer, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["check", given, "--format=nagios", server.url])
    shown = re.search(r"rtt=[\d.]+s;([\d.]+);([\d.]+)", capsys.readouterr().out)
    assert shown is not None
    assert tuple(f"{float(each):g}" for each in shown.groups()) == limits


def test_check_imports_no_screen() -> None:
    loaded = imported_by("from natsmon.cli.main import main; assert main(['check', '--help']) == 0")
    assert not loaded & {"nats", "textual", "rich", "asyncio"}
    assert not imported_by("import natsmon.check.verdict, natsmon.check.text, natsmon.check.formats") & CLIENT
    assert not imported_by("import natsmon.check.measure") & SCREEN


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_cancels_at_once(number: signal.Signals) -> None:
    async with peers.silent() as peer:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "natsmon", "check", peer.url, "--connect-timeout=1m",
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        await peer.until_connected()
        process.send_signal(number)
        out, err = await asyncio.wait_for(process.communicate(), WAIT)
    assert process.returncode == Exit.INTERRUPTED
    assert (out, err) == (b"", b"")


async def test_cancelled_check_closes_its_connection() -> None:
    async with peers.info_then_silent() as peer:
        checking = asyncio.ensure_future(check.check(settings(peer.url)))
        await peer.until_received(b"PING")
        checking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await checking
        await peer.until_left()
