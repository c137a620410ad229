"""A dashboard that is stopped and continued by SIGSTOP and SIGCONT, as by a debugger or a batch system."""

import asyncio
import signal
import sys
import termios

import pytest

from natsmon.lab.nats_server import NatsServer
from natsmon.lab.polling import wait_until
from tests.harness.processes import state
from tests.harness.terminal import Terminal

ENTERS = b"\x1b[?1049h"


@pytest.mark.slow
@pytest.mark.parametrize("times", [1, 3])
async def test_dashboard_continues_ends_and_restores_terminal(server: NatsServer, times: int) -> None:
    async with Terminal([sys.executable, "-m", "natsmon", server.url], size=(100, 30)) as terminal:
        before = termios.tcgetattr(terminal.fd)
        await terminal.until("● CONNECTED")
        assert termios.tcgetattr(terminal.fd) != before
        for _ in range(times):
            terminal.signal(signal.SIGSTOP)
            wait_until(lambda: state(terminal.pid) == "T", "stop")
            entered = terminal.output.count(ENTERS)
            terminal.signal(signal.SIGCONT)
            while terminal.output.count(ENTERS) == entered:  # keys before that are discarded
                await asyncio.sleep(0.01)
            await terminal.until("● CONNECTED")
        terminal.send("o")
        await terminal.until("mean to recover")
        terminal.send("\x03")
        assert await terminal.ended() == 0
        assert termios.tcgetattr(terminal.fd) == before
