"""A probe in a child process: what each of the two processes does when the other one ends."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from natsmon.config.settings import Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.stream import codec, commands
from natsmon.stream import events as ev
from natsmon.stream.exit_codes import Exit
from natsmon.stream.probe_child import ProbeChild
from tests.cli.running import ROOT
from tests.harness import peers
from tests.harness.listening import Events, check, settings
from tests.harness.processes import alive, probe_pid
from tests.harness.time_limits import WAIT


async def until_dead(pid: int) -> None:
    async with asyncio.timeout(WAIT):
        while alive(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222


@asynccontextmanager
async def probing(wanted: Settings) -> AsyncIterator[tuple[ProbeChild, Events]]:
    """A probe process, its events collected."""
    source, events = ProbeChild(wanted), Events()

    async def read() -> None:
        async for event in source.events():
            events.put(event, b"")
        events.close()

    reading = asyncio.ensure_future(read())
    try:
        yield source, events
    finally:
        source.kill()
        await asyncio.wait_for(reading, WAIT)


async def test_probe_process_runs_and_closes(server: NatsServer) -> None:
    source, seen = ProbeChild(settings(server.url)), []
    async for event in source.events():
        seen.append(event)
        match event:
            case ev.Echoed(seq=1):
                source.send(commands.Pause())
            case ev.Paused():
                source.send(commands.Close())
    assert isinstance(seen[-1], ev.End)
    assert seen[-1].exit_code == Exit.ENDED
    check(seen)
    assert source.exit_reason == "exit status 0"


async def test_command_before_the_probe_has_started_is_executed(server: NatsServer) -> None:
    """Also before a second start."""
    source = ProbeChild(settings(server.url))
    for _ in range(2):
        source.send(commands.Close())
        async with asyncio.timeout(WAIT):
            events = [event async for event in source.events()]
        assert isinstance(events[-1], ev.End)
        assert [event.command for event in events if isinstance(event, ev.Answer)] == ["close"]


async def test_killed_probe_has_an_exit_reason_and_starts_again(server: NatsServer) -> None:
    source = ProbeChild(settings(server.url))
    for _ in range(2):
        async for event in source.events():
            if isinstance(event, ev.Echoed):
                assert source.exit_reason == ""
                os.kill(probe_pid(source), signal.SIGKILL)
        assert source.exit_reason == "killed by SIGKILL"


async def test_probe_that_cannot_start_has_its_error_as_exit_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ProbeChild(settings("nats://127.0.0.1:1"))
    monkeypatch.setattr("natsmon.stream.probe_child.to_line", lambda _: b"what is this\n")
    assert [event async for event in source.events()] == []
    assert source.exit_reason.startswith("exit status 1: ")
    assert "DecodeError" in source.exit_reason


async def test_probe_process_shows_no_secret(server: NatsServer) -> None:
    from natsmon.config.secret import Secret

    wanted = settings(server.url, user=Secret("joe"), password=Secret("sesame-opens"))
    async with probing(wanted) as (source, events):
        await events.until(ev.Connected)
        process = Path(f"/proc/{probe_pid(source)}")
        assert b"sesame" not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert b"sesame" not in b"".join(codec.encode(event) for event in events.seen)


VIEW = """
import asyncio, os, sys
from natsmon.stream import events as ev
from natsmon.config.settings import from_line
from natsmon.stream.probe_child import ProbeChild
from tests.harness.time_limits import WAIT

async def view():
    source = ProbeChild(from_line(sys.stdin.buffer.readline()))
    async for event in source.events():
        if isinstance(event, ev.Echoed):
            os.write(1, b"%d\\n" % source._process.pid)

asyncio.run(view())
"""


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM])
async def test_probe_drains_when_its_view_ends(ending: signal.Signals) -> None:
    from natsmon.config.settings import to_line

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
