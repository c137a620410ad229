"""Standard input and output: commands, a reader that stops or leaves, and what that costs the connection."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys

import pytest

from natsmon.config.settings import Settings
from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from natsmon.stream.outbox import SOFT_LIMIT
from tests.cli.running import ROOT, WAITS, ended_well, natsmon
from tests.harness import peers
from tests.harness.listening import check_sums
from tests.harness.time_limits import WAIT


async def test_control_takes_commands_and_ends_with_its_input(server: NatsServer) -> None:
    async with natsmon(server.url, "--control", stdin=asyncio.subprocess.PIPE) as run:
        await run.events.until(ev.Connected)
        run.command(
            codec.encode_command(commands.Pause()), b"dance\n", b'{"type":"dance"}\n', b"\xff\n", b"[" * 5_000 + b"\n"
        )
        await run.events.until(ev.Paused)
        for _ in range(4):
            assert (await run.events.until(ev.Answer, lambda answer: answer.outcome == "ignored")).reason.startswith(
                "not a command: "
            )
        run.command(codec.encode_command(commands.Drain()))
        assert (await run.events.until(ev.Closed)).cause == "drained"
        run.command(codec.encode_command(commands.Reconnect()))
        await run.events.until(ev.Connected)
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run).reason == "standard input ended"
    assert run.events.of(ev.Drained)[-1].complete


async def test_control_opens_no_connection(server: NatsServer) -> None:
    """Settings can name a program to run: they are not taken from a writer of standard input."""
    async with natsmon(server.url, "--control", stdin=asyncio.subprocess.PIPE) as run:
        await run.events.until(ev.Connected, within=WAIT)
        run.command(codec.encode_command(commands.Open(id="1", conn=0, settings=Settings(dial_command="touch x"))))
        answer = await run.events.until(ev.Answer)
        assert (answer.id, answer.command, answer.outcome) == ("1", "open", "ignored")
        assert answer.reason == "only the process that started the monitor opens connections"
    assert len(run.events.of(ev.Connection)) == 1


async def test_input_that_ends_with_its_last_command(refused_port: int) -> None:
    """A command and the end in one moment: the end is not lost behind it."""
    async with natsmon(f"nats://{HOST}:{refused_port}", "--control", *WAITS, stdin=asyncio.subprocess.PIPE) as run:
        await run.events.until(ev.Waiting)
        run.command(codec.encode_command(commands.Reconnect()))
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run).reason == "standard input ended"


@pytest.mark.parametrize("view", ["", "--json {url} | {natsmon} view --plain -"])
def test_log_without_a_line_ends_when_its_reader_leaves(server: NatsServer, view: str) -> None:
    """As ``natsmon --plain | grep -m1 connected`` in a script that waits for the server."""
    natsmon = f"{sys.executable} -m natsmon"
    log = f"{natsmon} {view.format(natsmon=natsmon, url=server.url) or f'--plain {server.url}'}"
    command = f"{log} | grep -m1 -o 'connected to'"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=WAIT, check=True)
    assert (done.stdout, done.stderr) == ("connected to\n", "")


async def test_without_control_standard_input_is_left_alone(server: NatsServer) -> None:
    async with natsmon(server.url, "--rate", "40", stdin=asyncio.subprocess.PIPE) as run:
        await run.events.until(ev.Connected)
        run.command(codec.encode_command(commands.Close()))
        assert run.process.stdin is not None
        run.process.stdin.close()
        for _ in range(5):
            await run.events.until(ev.Echoed)
        assert not run.events.of(ev.Closed)


async def test_reader_that_goes_away_ends_the_run(server: NatsServer) -> None:
    async with natsmon(server.url, "--rate", "40", reads=False) as run:
        assert run.process.stdout is not None
        await asyncio.wait_for(run.process.stdout.readline(), WAIT)
        run.process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
        assert await run.exit_code() == Exit.ENDED


@pytest.mark.parametrize("mode", ["--json", "--plain"])
def test_full_disk_under_standard_output_is_reported(refused_port: int, full_disk: str, mode: str) -> None:
    command = [sys.executable, "-m", "natsmon", mode, f"nats://{HOST}:{refused_port}"]
    with open(full_disk, "wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=WAIT
        )
    assert done.returncode == Exit.GAVE_UP
    assert done.stderr == b"natsmon: standard output cannot be written: No space left on device\n"


async def test_reader_that_stops_costs_the_connection_nothing() -> None:
    async with (
        peers.correct() as peer,
        natsmon(peer.url, "--rate", "100", "--rtt-interval", "500us", reads=False) as run,
    ):
        assert run.process.stdout is not None
        pipe = run.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        fcntl.fcntl(pipe.get_extra_info("pipe").fileno(), fcntl.F_SETPIPE_SZ, 4096)
        while not isinstance(codec.decode_event(await run.process.stdout.readline()), ev.Rtt):
            pass
        pings, messages = (peer.received.count(verb) for verb in (b"PING", b"PUB "))
        pipe.pause_reading()
        try:  # Each round trip is a line: no reader until more lines wait than do without samples being left out.
            await peer.until(lambda peer: peer.received.count(b"PING") > pings + 1.5 * SOFT_LIMIT, 2 * WAIT)
            await peer.until(lambda peer: peer.received.count(b"PUB ") > messages + 10)
        finally:
            pipe.resume_reading()
        reading = asyncio.ensure_future(run.read())
        gap = await run.events.until(ev.Gap)
        tally = await run.events.until(ev.Tally)
        await run.events.until(ev.Rtt)
        run.signal(signal.SIGINT)
        assert await run.exit_code() == Exit.ENDED
        await reading
    assert gap.dropped
    assert tally.attempted > messages
    assert tally.lost == 0
    for output in run.events.of(ev.Tally):
        check_sums(output)
    assert not run.events.of(ev.Disconnected)
    assert isinstance(run.events.seen[-1], ev.End)
    final = run.events.last_tally
    assert final.attempted == final.delivered
    assert peer.connections == 1


@pytest.mark.parametrize("flags", [(), ("--messages",)])
async def test_messages_are_logged_singly_at_any_rate_on_request(server: NatsServer, flags: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "natsmon", "--plain", "--rate", "200", "--count", "100", *flags, server.url]
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
    out, _ = await asyncio.wait_for(process.communicate(), 2 * WAIT)
    assert out.count(b" echoed after ") == (100 if flags else 0)
