"""A dashboard whose terminal accepts no output: frozen, or stopped as by ctrl+s."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from natsmon.lab.nats_server import NatsServer
from natsmon.tui.widgets.terminal_driver import LIMIT
from tests.harness.polling import wait_until
from tests.harness.pseudo_terminal import environment, set_size
from tests.harness.terminal import Terminal
from tests.harness.time_limits import WAIT

DRAWN = 4 * WAIT
"""Seconds for the many drawings of ``fill``, on a slow machine."""
pytestmark = pytest.mark.timeout(4 * DRAWN)

Block = Callable[[Terminal], AbstractContextManager[None]]


@contextmanager
def frozen(terminal: Terminal) -> Iterator[None]:
    """Not read, so that its buffer fills."""
    terminal.hold()
    yield
    terminal.release()


@contextmanager
def stopped(terminal: Terminal) -> Iterator[None]:
    """As by ctrl+s, which a terminal in raw mode leaves to a multiplexer."""
    inner = os.open(terminal.path, os.O_RDWR | os.O_NOCTTY)
    termios.tcflow(inner, termios.TCOOFF)
    yield
    termios.tcflow(inner, termios.TCOON)
    os.close(inner)


@asynccontextmanager
async def dashboard(server: NatsServer, folder: Path) -> AsyncIterator[Terminal]:
    command = [sys.executable, "-m", "natsmon", "--rate", "1", server.url]  # which draws little by itself
    async with Terminal(command, size=(200, 60), cwd=str(folder)) as terminal:
        await terminal.until("● CONNECTED")
        yield terminal


def fill(terminal: Terminal, folder: Path) -> Path:
    """Draw many times what may wait. A recording that begins shows that all keys were executed."""
    terminal.send("ol" * 20 + "1R")
    wait_until(lambda: any(folder.glob("natsmon-*")), "recording", DRAWN)
    return next(folder.glob("natsmon-*"))


def kinds(recording: Path) -> list[str]:
    """The types of its events."""
    whole, _, _ = recording.read_text().rpartition("\n")
    return [json.loads(line).get("type", "") for line in whole.splitlines()]


@pytest.mark.parametrize("blocked", [frozen, stopped])
@pytest.mark.parametrize("end", ["q", "SIGTERM", "SIGQUIT"])
async def test_dashboard_ends_on_a_blocked_terminal(
    server: NatsServer, tmp_path: Path, blocked: Block, end: str
) -> None:
    async with dashboard(server, tmp_path) as terminal:
        with blocked(terminal):
            fill(terminal, tmp_path)
            if end == "q":
                terminal.send("q")
            else:
                terminal.signal(signal.Signals[end])
            assert await terminal.ended() == 0


def whole(text: str) -> bool:
    """True when the dashboard shows every panel, and the latest event."""
    shown = ("● CONNECTED", "1 outage", "recording ends", "q quit")
    return all(each in text for each in shown) and text.count("╭") == text.count("╰") > 4


@pytest.mark.parametrize("blocked", [frozen, stopped])
async def test_screen_is_whole_when_output_resumes(server: NatsServer, tmp_path: Path, blocked: Block) -> None:
    async with dashboard(server, tmp_path) as terminal:
        with blocked(terminal):
            recording = fill(terminal, tmp_path)
            server.kill()
            wait_until(lambda: kinds(recording).count("disconnected") == 1, "loss in the recording")
            server.start()
            wait_until(lambda: kinds(recording).count("reconnected") == 1, "reconnect in the recording")
            terminal.send("ol" * 20 + "1R")
            wait_until(lambda: "recording ends" in recording.read_text(), "end of the recording", DRAWN)
            terminal.screen.reset()
            held = len(terminal.output)
        await terminal.until(whole)
        assert len(terminal.output) - held < 2 * LIMIT, "more was waiting than its bound"


@contextmanager
def shown(*arguments: str, until: bytes) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The dashboard in a session without a controlling terminal, and the end of its terminal that is to be closed."""
    outer, inner = pty.openpty()
    set_size(inner, 100, 30)
    command = [sys.executable, "-m", "natsmon", *arguments]
    with subprocess.Popen(command, stdin=inner, stdout=inner, start_new_session=True, env=environment()) as process:
        os.close(inner)
        try:
            read_until(outer, until)
            yield process, outer
        finally:
            process.kill()


def read_until(terminal: int, wanted: bytes) -> None:
    drawn = b""
    while wanted not in drawn:
        assert select.select([terminal], [], [], WAIT)[0], drawn[-2_000:]
        drawn += os.read(terminal, 1 << 16)


def read_until_quiet(terminal: int) -> None:
    """Nothing is drawn any more."""
    while select.select([terminal], [], [], 2.0)[0]:
        os.read(terminal, 1 << 16)


def test_dashboard_ends_when_its_terminal_is_gone_without_a_signal(server: NatsServer) -> None:
    with shown(server.url, until=b"CONNECTED") as (process, terminal):
        os.close(terminal)
        assert process.wait(WAIT) == 0


def test_dashboard_that_draws_nothing_ends_when_its_terminal_is_gone(server: NatsServer) -> None:
    with shown(server.url, until=b"CONNECTED") as (process, terminal):
        [monitor] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(monitor), signal.SIGKILL)
        read_until(terminal, b"STOPPED")
        read_until_quiet(terminal)
        os.close(terminal)
        process.wait(WAIT)


def test_replay_ends_when_its_terminal_is_gone() -> None:
    recording = Path(__file__).parents[1] / "recording" / "schema-1.jsonl"
    with shown("replay", str(recording), until=b"paused") as (process, terminal):
        read_until_quiet(terminal)
        os.close(terminal)
        process.wait(WAIT)
