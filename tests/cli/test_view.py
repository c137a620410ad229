"""A stream from elsewhere: through a pipe, and over ssh, where the keys reach the probe at the other end."""

import asyncio
import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from natsmon.cli import main as cli
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from natsmon.stream.ssh import Remote
from tests.harness.terminal import Terminal
from tests.harness.time_limits import WAIT
from tests.replay.indexed import written
from tests.tui import streams

ROOT = Path(__file__).parent.parent.parent
NATSMON = f"{sys.executable} -m natsmon"
ENV = {"PYTHONPATH": str(ROOT)}
QUICK = ["--reconnect-wait", "100ms", "--max-reconnects", "10000", "--rate", "20"]


def ran(*command: str, stdin: bytes | None = b"", env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """A program without a terminal: its exit code, what it wrote, what it complained of."""
    everything = {**os.environ, **ENV, **(env or {})}
    done = subprocess.run(command, input=stdin, capture_output=True, env=everything, timeout=2 * WAIT)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def elsewhere(tmp_path: Path) -> dict[str, str]:
    """An ssh that does what ssh does: it hands the words behind the host to a shell, here one on this machine."""
    _program(
        tmp_path / "ssh", 'test "$1" = "me@there" || { echo "Welcome" >&2; echo "no route" >&2; exit 255; }; shift'
    )
    with (tmp_path / "ssh").open("a") as ssh:
        ssh.write('echo "a greeting of the shell"\nexec sh -c "$*"\n')
    _program(tmp_path / "natsmon", f'exec {NATSMON} "$@"')
    return {**ENV, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}


def _program(path: Path, does: str) -> None:
    path.write_text(f"#!/bin/sh\n{does}\n")
    path.chmod(0o700)


# -- a pipe ----------------------------------------------------------------------------------------


async def test_live_stream_is_viewed_through_a_pipe(server: NatsServer) -> None:
    line = f"{NATSMON} --json {' '.join(QUICK)} {server.url} | {NATSMON} view -"
    async with Terminal(["sh", "-c", line], env=ENV) as terminal:
        await terminal.until("● CONNECTED")
        terminal.send("c")
        await terminal.until("a stream from a pipe takes no commands; natsmon view --ssh does")
        await asyncio.to_thread(server.kill)
        await terminal.until("✗ RECONNECTING")
        terminal.send("o")
        await terminal.until("esc back")
        terminal.send("\x1b")
        await terminal.until(lambda text: "publishing natsm" in text and "esc back" not in text)
        await asyncio.to_thread(server.start)
        await terminal.until("● CONNECTED")
        terminal.send("q")
        assert await terminal.ended() == Exit.ENDED


@pytest.mark.parametrize("whole", [True, False])
async def test_screen_stays_after_the_pipe_ended(tmp_path: Path, whole: bool) -> None:
    events = [*streams.connected().events, *([ev.End(t=90.0, exit_code=0, reason="q")] if whole else [])]
    path = written(tmp_path / "run.jsonl", events)
    async with Terminal(["sh", "-c", f"cat {path} | {NATSMON} view -"], env=ENV) as terminal:
        await terminal.until("ended: q" if whole else "the stream ended without its last line")
        terminal.send("q")
        assert await terminal.ended() == (Exit.ENDED if whole else Exit.MONITOR_STOPPED)
        kept = await terminal.until("servers  ")
        assert ("; q; " if whole else "; monitor stopped (the stream ended without") in kept.split("\n")[0]


async def test_stream_that_begins_in_the_middle_is_shown(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl", streams.outage().events[30:])
    pipe = tmp_path / "pipe"
    command = f"mkfifo {pipe}; (cat {path}; exec sleep 60) >{pipe} & {NATSMON} view - <{pipe}; kill $!"
    async with Terminal(["sh", "-c", command], env=ENV) as terminal:
        await terminal.until(lambda text: "✗ RECONNECTING" in text and "PINGs not answered" in text)
        terminal.send("q")
        await terminal.ended()


@pytest.mark.parametrize("command", ["view --plain --messages -", "replay --plain --messages run.jsonl"])
def test_log_without_reader_or_space_ends(tmp_path: Path, full_disk: str, command: str) -> None:
    written(tmp_path / "run.jsonl", [*streams.outage().events, *streams.connected().events])
    in_folder = f"cd {tmp_path}; {{ {NATSMON} {command} < run.jsonl; echo $? >code; }}"
    _, out, err = ran("sh", "-c", f"{in_folder} | head -1")
    assert (out.count("\n"), err, (tmp_path / "code").read_text()) == (1, "", "0\n")
    _, _, err = ran("sh", "-c", f"{in_folder} >{full_disk}")
    assert err == "natsmon: standard output cannot be written: No space left on device\n"
    assert (tmp_path / "code").read_text() == "1\n"


@pytest.mark.parametrize("regular", [True, False])
def test_as_a_log(tmp_path: Path, regular: bool) -> None:
    one = [*streams.connected().events, ev.End(t=90.0, exit_code=0, reason="q")]
    lines = b"".join(map(codec.encode, one)) + b"{no event\n" + b"".join(map(codec.encode, streams.gave_up().events))
    if regular:
        path = tmp_path / "run.jsonl"
        path.write_bytes(lines)
        code, out, err = ran("sh", "-c", f"{NATSMON} view --plain - < {path}", stdin=None)
    else:
        code, out, err = ran(sys.executable, "-m", "natsmon", "view", "--plain", "-", stdin=lines)
    assert (code, err) == (Exit.ENDED, "")
    output = out.splitlines()
    assert all(line.startswith("2025-06-15 ") for line in output)
    assert "connected to east-1:4222" in out
    assert "every server failed 1 time" in output[-1]


def test_stream_from_a_pipe_is_recorded(tmp_path: Path) -> None:
    lines = b"".join(map(codec.encode, [*streams.connected().events, ev.End(t=90.0, exit_code=0, reason="q")]))
    kept = tmp_path / "run.jsonl"
    command = [*NATSMON.split(), "view", "--plain", "--record", str(kept), "-"]
    code, _, err = ran(*command, stdin=lines)
    assert (code, err) == (Exit.ENDED, "")
    assert kept.read_bytes().partition(b"\n")[2] == lines
    code, _, err = ran(*NATSMON.split(), "view", "--plain", "--record", str(tmp_path / "no" / "x"), "-", stdin=lines)
    assert code == Exit.USAGE
    assert err.endswith("cannot be written: No such file or directory\n")


async def test_stopped_recording_is_reported_and_the_stream_continues(tmp_path: Path) -> None:
    kept = tmp_path / "run.jsonl"
    process = await asyncio.create_subprocess_exec(
        *[*NATSMON.split(), "view", "--plain", "--record", str(kept), "-"],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **ENV},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(WAIT):
            process.stdin.writelines(map(codec.encode, streams.connected().events[:2]))
            await process.stdout.readline()
            kept.unlink()
            complaint = asyncio.ensure_future(process.stderr.readline())
            while not complaint.done():
                process.stdin.write(codec.encode(ev.Rtt(t=1.0, seconds=0.001)))
                await asyncio.wait([complaint], timeout=0.1)
        words = f"natsmon: recording stopped: {kept}: the file has been deleted; "
        assert (await complaint).decode().startswith(words)
        process.stdin.write(codec.encode(ev.End(t=90.0, exit_code=0, reason="q")))
    finally:
        process.stdin.close()
        _, rest = await asyncio.wait_for(process.communicate(), WAIT)
    assert (process.returncode, rest) == (Exit.ENDED, b"")


async def test_recording_is_named_after_the_screen_is_closed(tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl", [*streams.connected().events, ev.End(t=90.0, exit_code=0, reason="q")])
    line = f"cat {path} | {NATSMON} view --record kept.jsonl -"
    async with Terminal(["sh", "-c", line], env=ENV, cwd=str(tmp_path)) as terminal:
        await terminal.until("ended: q")
        terminal.send("q")
        assert await terminal.ended() == Exit.ENDED
        await terminal.until("natsmon replay kept.jsonl")
    assert (tmp_path / "kept.jsonl").read_bytes().partition(b"\n")[2] == path.read_bytes()


# -- ssh -------------------------------------------------------------------------------------------


async def test_keys_work_over_ssh(server: NatsServer, elsewhere: dict[str, str]) -> None:
    command = [sys.executable, "-m", "natsmon", "view", "--ssh", "me@there", "--", *QUICK, server.url]
    async with Terminal(command, env=elsewhere) as terminal:
        await terminal.until("● CONNECTED")
        terminal.send("p")
        await terminal.until("publishing paused")
        terminal.send("p")
        await terminal.until("came back in the last minute")
        await asyncio.to_thread(server.kill)
        await terminal.until("✗ RECONNECTING")
        terminal.send("c")
        await terminal.until("✗ CLOSED")
        await asyncio.to_thread(server.start)
        terminal.send("r")
        await terminal.until("● CONNECTED")
        terminal.send("q")
        assert await terminal.ended() == Exit.ENDED


def test_command_never_waits_for_an_ssh_that_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hello = codec.encode(ev.Session(t=0.0, id="s", started=1.0)).decode().strip()
    _program(tmp_path / "ssh", f"echo '{hello}'; exec sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    remote = Remote("there", [])
    assert remote._process.stdin is not None
    pause = commands.Pause(id="x")
    many = 2 * fcntl.fcntl(remote._process.stdin, fcntl.F_GETPIPE_SZ) // len(codec.encode_command(pause))
    for _ in range(many):
        remote.send(pause)
    remote.kill()
    remote._errors.join()
    with remote._process:  # closes its pipes
        pass


async def test_broken_ssh_is_reported(elsewhere: dict[str, str], tmp_path: Path) -> None:
    path = written(tmp_path / "run.jsonl", streams.connected().events)
    _program(tmp_path / "natsmon", f"cat {path}; read line; echo 'Connection to there closed.' >&2; exit 255")
    async with Terminal([*NATSMON.split(), "view", "--ssh", "me@there"], size=(120, 36), env=elsewhere) as terminal:
        await terminal.until("● CONNECTED")
        terminal.send("r")
        await terminal.until("ssh ended with exit status 255: Connection to there closed.")
        terminal.send("q")
        assert await terminal.ended() == Exit.MONITOR_STOPPED


def test_log_over_ssh_is_shown(server: NatsServer, elsewhere: dict[str, str]) -> None:
    command = [*NATSMON.split(), "view", "--plain", "--ssh", "me@there", "--", "--count", "3", "--payload", "a 'b' $c"]
    code, out, err = ran(*command, "--rate", "100", server.url, env=elsewhere)
    assert (code, err) == (Exit.ENDED, "")
    assert "connected to" in out


def test_last_line_of_ssh_is_the_reason(elsewhere: dict[str, str]) -> None:
    output = ran(*NATSMON.split(), "view", "--plain", "--ssh", "nowhere", env=elsewhere)
    assert output == (Exit.GAVE_UP, "", "natsmon: view: nowhere: ssh ended with exit status 255: no route\n")


def test_missing_natsmon_on_the_host_is_reported(elsewhere: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "natsmon").write_text("#!/bin/sh\necho 'sh: natsmon: not found' >&2; exit 127\n")
    output = ran(*NATSMON.split(), "view", "--plain", "--ssh", "me@there", env=elsewhere)
    assert output == (
        Exit.GAVE_UP,
        "",
        "natsmon: view: me@there: ssh ended with exit status 127: sh: natsmon: not found\n",
    )


def test_error_of_the_remote_natsmon_is_shown(elsewhere: dict[str, str]) -> None:
    code, out, err = ran(*NATSMON.split(), "view", "--plain", "--ssh", "me@there", "--", "--rate", "x", env=elsewhere)
    assert (code, out) == (Exit.USAGE, "")
    assert err.startswith("natsmon: view: me@there: ssh ended with exit status 2: natsmon: --rate: ")
    assert err.count("\n") == 1


def test_missing_ssh_is_reported(tmp_path: Path) -> None:
    output = ran(*NATSMON.split(), "view", "--plain", "--ssh", "there", env={"PATH": str(tmp_path)})
    assert output == (Exit.GAVE_UP, "", "natsmon: view: ssh is not installed, or not on PATH\n")


# -- what is not understood ------------------------------------------------------------------------

NO_TERMINAL = "standard input and output must be a terminal; try --plain"


@pytest.mark.parametrize(
    ("args", "why"),
    [
        (["view"], "view wants - for standard input, or --ssh HOST"),
        (["view", "x.jsonl"], "view wants - for standard input, or --ssh HOST; natsmon replay FILE shows a recording"),
        (["view", "-"], f"view: {NO_TERMINAL}"),
        (["view", "--ssh", "there"], f"view: {NO_TERMINAL}"),
        (["view", "--plain", "--ssh", "-oProxyCommand=x"], '--ssh: "-oProxyCommand=x" is not a host'),
        (["view", "--plain", "--ssh", ""], '--ssh: "" is not a host'),
        (["view", "--plain", "--ssh", "a\x1b[2J"], '--ssh: "a\\x1b[2J" is not a host'),
        (["replay"], "replay needs a recording: natsmon replay FILE"),
        (["replay", "run.jsonl"], f"replay: {NO_TERMINAL}"),
        (["replay", "--plain", "missing"], 'replay: "missing" cannot be read: No such file or directory'),
    ],
)
def test_wrong_usage(args: list[str], why: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(args) == Exit.USAGE
    assert capfd.readouterr() == ("", f"natsmon: {why}\n")


def test_recording_is_shown_as_a_log(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path / "run.jsonl", streams.outage().events)
    assert cli.main(["replay", "--plain", str(path)]) == Exit.ENDED
    out, err = capfd.readouterr()
    assert err == ""
    assert out.count("connection lost") == 2


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "is empty"), (b"root:x:0:0\n", "all of it: not a natsmon recording")]
)
def test_file_that_is_not_a_recording_is_one_line(
    tmp_path: Path, content: bytes, why: str, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_bytes(content)
    assert cli.main(["replay", "--plain", str(path)]) == Exit.USAGE
    out, err = capfd.readouterr()
    assert out == ""
    assert err in (f"natsmon: replay: {path}: {why}\n", f"natsmon: replay: not read: {path}: {why}\n")
