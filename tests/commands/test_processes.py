"""natsmon as processes: signals, pipes, and what each end does when the other one dies."""

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from natsmon import events as ev
from natsmon.exit_codes import Exit
from natsmon.sandbox.server import HOST, NatsServer
from natsmon.settings import Settings
from natsmon.sources import ProbeProcess
from tests import peers
from tests.conftest import StartServer
from tests.leaks import alive
from tests.listening import Events, check, check_sums, freeze, settings
from tests.peer import Talk, playing

ROOT = Path(__file__).parent.parent.parent
WAIT = 15.0
"""Seconds for a process to start or to end, on a busy machine."""
WAITS = ["--reconnect-wait", "1m", "--connect-timeout", "1m"]


class Run:
    """A process that writes the event stream, and what it has told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.events = Events()
        self.lines: list[bytes] = []

    async def read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line)
            event = ev.decode_event(line)
            assert event is not None
            self.events(event)
        self.events.close()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def command(self, *lines: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(lines))

    async def exit_code(self) -> int:
        return await asyncio.wait_for(self.process.wait(), WAIT)


@asynccontextmanager
async def natsmon(*arguments: str, stdin: int = asyncio.subprocess.DEVNULL, reads: bool = True) -> AsyncIterator[Run]:
    """``natsmon --json`` with these arguments. It must say nothing on stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "natsmon",
        "--json",
        *arguments,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        limit=2**16,
    )
    run = Run(process)
    reading = asyncio.ensure_future(run.read()) if reads else None
    try:
        yield run
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if reading is not None:
            await asyncio.wait_for(reading, WAIT)
    assert process.stderr is not None
    assert await process.stderr.read() == b""


def ended_well(run: Run) -> ev.End:
    """The stream is whole and makes sense; its last line."""
    check(run.events.seen)
    end = run.events.seen[-1]
    assert isinstance(end, ev.End)
    return end


async def until_dead(pid: int) -> None:
    async with asyncio.timeout(WAIT):
        while alive(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222


# -- signals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_while_connected_drains(server: NatsServer, number: signal.Signals) -> None:
    async with natsmon(server.url, "--rate", "40") as run:
        await run.events.until(ev.Echoed, within=WAIT)
        run.signal(number)
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run) == ev.End(t=run.events.seen[-1].t, exit_code=0, why="signal")
    (drained,) = run.events.of(ev.Drained)
    assert drained.complete
    assert run.events.of(ev.Closed)[-1].cause == "closed"
    tally = run.events.last_tally
    assert tally.attempted == tally.echoed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signal_while_waiting(refused_port: int, number: signal.Signals) -> None:
    async with natsmon(f"nats://{HOST}:{refused_port}", *WAITS) as run:
        await run.events.until(ev.Waiting, within=WAIT)
        run.signal(number)
        assert await run.exit_code() == Exit.INTERRUPTED
    assert ended_well(run).exit_code == Exit.INTERRUPTED


@pytest.mark.parametrize("phase", ["tcp", "info", "connect"])
async def test_signal_while_dialing(blackhole: int, phase: str) -> None:
    async with peers.silent() as silent, peers.info_then_silent() as stuck:
        port = {"tcp": blackhole, "info": silent.port, "connect": stuck.port}[phase]
        async with natsmon(f"nats://{HOST}:{port}", *WAITS) as run:
            await run.events.until(
                ev.DialStage, lambda s: s.stage == phase and (phase != "tcp" or s.address != ""), within=WAIT
            )
            run.signal(signal.SIGINT)
            assert await run.exit_code() == Exit.INTERRUPTED
    ended_well(run)
    (end,) = run.events.of(ev.DialEnd)
    assert (end.outcome, end.stage) == ("cancelled", phase)


async def test_signal_after_a_connection_was_lost(server: NatsServer) -> None:
    async with natsmon(server.url, *WAITS) as run:
        await run.events.until(ev.Connected, within=WAIT)
        server.kill()
        await run.events.until(ev.Waiting)
        run.signal(signal.SIGTERM)
        assert await run.exit_code() == Exit.ENDED
    ended_well(run)
    assert len(run.events.of(ev.Outage)) == 1


async def test_second_signal_leaves_at_once(server: NatsServer) -> None:
    async with natsmon(server.url) as run:
        await run.events.until(ev.Connected, within=WAIT)
        await freeze(server)
        run.signal(signal.SIGINT)
        await run.events.until_status("DRAINING")
        began = time.monotonic()
        run.signal(signal.SIGINT)
        await run.exit_code()
        assert time.monotonic() - began < 2.0, "the drain was waited for"
    assert not run.events.of(ev.End)


# -- limits and exit codes --------------------------------------------------------------------------


async def test_count(server: NatsServer) -> None:
    async with natsmon(server.url, "--count", "3", "--rate", "40") as run:
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run).why == "count"
    assert (run.events.last_tally.attempted, run.events.last_tally.echoed) == (3, 3)


async def test_duration(server: NatsServer) -> None:
    async with natsmon(server.url, "--duration", "200ms") as run:
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run).why == "duration"


async def test_gives_up(refused_port: int) -> None:
    async with natsmon(f"nats://{HOST}:{refused_port}", "--no-retry-on-failed-connect") as run:
        assert await run.exit_code() == Exit.GAVE_UP
    assert ended_well(run).exit_code == Exit.GAVE_UP


# -- standard input and output ----------------------------------------------------------------------


async def test_control_takes_commands_and_ends_with_its_input(server: NatsServer) -> None:
    async with natsmon(server.url, "--control", stdin=asyncio.subprocess.PIPE) as run:
        await run.events.until(ev.Connected, within=WAIT)
        run.command(ev.encode(ev.Pause()), b"dance\n", b'{"type":"dance"}\n', b"\xff\n", b"[" * 5_000 + b"\n")
        await run.events.until(ev.Paused)
        for _ in range(4):
            assert (await run.events.until(ev.Ignored)).why.startswith("not a command: ")
        run.command(ev.encode(ev.Drain()))
        assert (await run.events.until(ev.Closed)).cause == "drained"
        run.command(ev.encode(ev.Reconnect()))
        await run.events.until(ev.Connected)
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run).why == "standard input ended"
    assert run.events.of(ev.Drained)[-1].complete


async def test_input_that_ends_with_its_last_command(refused_port: int) -> None:
    """A command and the end in one moment: the end is not lost behind it."""
    async with natsmon(f"nats://{HOST}:{refused_port}", "--control", *WAITS, stdin=asyncio.subprocess.PIPE) as run:
        await run.events.until(ev.Waiting, within=WAIT)
        run.command(ev.encode(ev.Reconnect()))
        assert run.process.stdin is not None
        run.process.stdin.close()
        assert await run.exit_code() == Exit.ENDED
    assert ended_well(run).why == "standard input ended"


async def test_without_control_standard_input_is_left_alone(server: NatsServer) -> None:
    async with natsmon(server.url, "--rate", "40", stdin=asyncio.subprocess.PIPE) as run:
        await run.events.until(ev.Connected, within=WAIT)
        run.command(ev.encode(ev.Close()))
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


def connections(server: NatsServer) -> int:
    """How many clients a server with a monitoring port has ever had."""
    (file,) = server.folder.glob("*.ports")
    (monitoring,) = json.loads(file.read_bytes())["monitoring"]
    with urllib.request.urlopen(f"{monitoring}/varz", timeout=WAIT) as answer:
        told: dict[str, Any] = json.load(answer)
    return int(told["total_connections"])


async def test_reader_that_stops_costs_the_connection_nothing(nats_server: StartServer) -> None:
    server = nats_server(config=f'http: "{HOST}:-1"')
    before = connections(server)
    pings = ["--rtt-interval", "500us", "--max-pings-out", "1", "--ping-interval", "300ms"]
    async with natsmon(server.url, "--rate", "2000", *pings, reads=False) as run:
        assert run.process.stdout is not None
        pipe = run.process._transport.get_pipe_transport(1)  # type: ignore[attr-defined]
        fcntl.fcntl(pipe.get_extra_info("pipe").fileno(), fcntl.F_SETPIPE_SZ, 4096)
        while not isinstance(ev.decode_event(await run.process.stdout.readline()), ev.Connected):
            pass
        pipe.pause_reading()
        await asyncio.sleep(3.0)  # what is tested: nobody reads for a while
        assert connections(server) == before + 1
        pipe.resume_reading()
        reading = asyncio.ensure_future(run.read())
        gap = await run.events.until(ev.Gap, within=WAIT)
        tally = await run.events.until(ev.Tally)
        await run.events.until(ev.Rtt)
        run.signal(signal.SIGINT)
        assert await run.exit_code() == Exit.ENDED
        await reading
    assert gap.events > 0
    assert tally.attempted >= 5_000
    assert tally.lost == 0
    for told in run.events.of(ev.Tally):
        check_sums(told)
    assert not run.events.of(ev.Disconnected)
    assert isinstance(run.events.seen[-1], ev.End)
    final = run.events.last_tally
    assert final.attempted == final.echoed
    assert connections(server) == before + 1


# -- the dashboard's probe --------------------------------------------------------------------------


@asynccontextmanager
async def probing(wanted: Settings) -> AsyncIterator[tuple[ProbeProcess, Events]]:
    """A probe process, its events collected."""
    source, events = ProbeProcess(wanted), Events()

    async def read() -> None:
        async for event in source.events():
            events(event)
        events.close()

    reading = asyncio.ensure_future(read())
    try:
        yield source, events
    finally:
        source.kill()
        await asyncio.wait_for(reading, WAIT)


async def test_probe_process_runs_and_closes(server: NatsServer) -> None:
    source, seen = ProbeProcess(settings(server.url)), []
    async for event in source.events():
        seen.append(event)
        match event:
            case ev.Echoed(seq=1):
                source.send(ev.Pause())
            case ev.Paused():
                source.send(ev.Close())
    assert isinstance(seen[-1], ev.End)
    assert seen[-1].exit_code == Exit.ENDED
    check(seen)
    assert source.obituary == "exit status 0"
    source.send(ev.Pause())  # to nobody


async def test_killed_probe_has_an_obituary_and_can_be_started_again(server: NatsServer) -> None:
    source = ProbeProcess(settings(server.url))
    for _ in range(2):
        async for event in source.events():
            if isinstance(event, ev.Echoed):
                assert source.pid is not None
                assert source.obituary == ""
                os.kill(source.pid, signal.SIGKILL)
        assert source.obituary == "killed by SIGKILL"


async def test_probe_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ProbeProcess(settings("nats://127.0.0.1:1"))
    monkeypatch.setattr("natsmon.sources.to_line", lambda _: b"what is this\n")
    assert [event async for event in source.events()] == []
    assert source.obituary.startswith("exit status 1: ")
    assert "DecodeError" in source.obituary


async def test_probe_process_shows_no_secret(server: NatsServer) -> None:
    from natsmon.settings import Secret

    wanted = settings(server.url, user=Secret("joe"), password=Secret("sesame-opens"))
    async with probing(wanted) as (source, events):
        await events.until(ev.Connected, within=WAIT)
        assert source.pid is not None
        process = Path(f"/proc/{source.pid}")
        assert b"sesame" not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert b"sesame" not in b"".join(ev.encode(event) for event in events.seen)


VIEW = """
import asyncio, os, sys
from natsmon import events as ev
from natsmon.settings import from_line
from natsmon.sources import ProbeProcess

async def view():
    source = ProbeProcess(from_line(sys.stdin.buffer.readline()))
    async for event in source.events():
        if isinstance(event, ev.Echoed):
            os.write(1, b"%d\\n" % source.pid)

asyncio.run(view())
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
async def test_probe_drains_when_its_view_dies(ending: signal.Signals) -> None:
    from natsmon.settings import to_line

    async with peers.correct() as peer:
        view = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            VIEW,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        assert view.stdin is not None
        assert view.stdout is not None
        view.stdin.write(to_line(settings(peer.url)))
        probe = int(await asyncio.wait_for(view.stdout.readline(), WAIT))
        assert alive(probe)
        view.send_signal(ending)
        await asyncio.wait_for(view.wait(), WAIT)
        await asyncio.wait_for(peer.until_received(b"UNSUB"), WAIT)
        await until_dead(probe)
        await peer.until_left()
        await view.stdout.read()


async def test_peer_that_resets_right_after_pong() -> None:
    """On the loop that a probe uses where it is installed, writing to what is gone raises."""

    async def script(talk: Talk) -> None:
        await talk.handshake()
        talk.reset()

    async with playing(script) as peer, natsmon(peer.url, "--reconnect-wait", "50ms") as run:
        for _ in range(3):
            await run.events.until(ev.Disconnected)
        run.signal(signal.SIGINT)
        assert await run.exit_code() == Exit.ENDED
