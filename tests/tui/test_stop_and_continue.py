"""A dashboard that is stopped and continued by SIGSTOP and SIGCONT, as by a debugger or a batch system."""

import signal
import sys
import termios
from functools import partial

import pytest

from natsmon.lab.nats_server import NatsServer
from tests.harness.polling import wait_until
from tests.harness.processes import state
from tests.harness.terminal import Terminal


def enters(terminal: Terminal, times: int, text: str) -> bool:
    """True when the dashboard has entered application mode so many times, and shows a connection."""
    return terminal.output.count(b"\x1b[?1049h") >= times and "● CONNECTED" in text


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 3])
async def test_dashboard_continues_ends_and_restores_terminal(server: NatsServer, times: int) -> None:
    async with Terminal([sys.executable, "-m", "natsmon", server.url], size=(100, 30)) as terminal:
        before = termios.tcgetattr(terminal.fd)
        await terminal.until("● CONNECTED")
        assert termios.tcgetattr(terminal.fd) != before
        for number in range(times):
            terminal.signal(signal.SIGSTOP)
            wait_until(lambda: state(terminal.pid) == "T", "stop")
            terminal.signal(signal.SIGCONT)
            entered = partial(enters, terminal, 2 + number)
            await terminal.until(entered)  # keys before that are discarded
        terminal.send("o")
        await terminal.until("mean to recover")
        terminal.send("\x03")
        assert await terminal.ended() == 0
        assert termios.tcgetattr(terminal.fd) == before


async def test_ctrl_z_gives_the_terminal_back_until_fg(server: NatsServer) -> None:
    async with Terminal([sys.executable, "-m", "natsmon", server.url], size=(100, 30)) as terminal:
        before = termios.tcgetattr(terminal.fd)
        await terminal.until("● CONNECTED")
        terminal.send("\x1a")
        await terminal.until(lambda _: b"\x1b[?1049l" in terminal.output)
        wait_until(lambda: state(terminal.pid) == "T", "stop")
        assert termios.tcgetattr(terminal.fd) == before
        terminal.signal(signal.SIGCONT)
        await terminal.until(partial(enters, terminal, 2))
        terminal.send("o")
        await terminal.until("mean to recover")
        terminal.send("Q")
        assert await terminal.ended() == 0
        assert termios.tcgetattr(terminal.fd) == before
