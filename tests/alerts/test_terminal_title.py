"""The terminal's title of a dashboard on a real server, in a real terminal."""

import signal
import sys

import pytest

from natsmon.lab.nats_server import NatsServer
from tests.harness.polling import wait_until
from tests.harness.processes import state
from tests.harness.terminal import Terminal

WITHIN = 60.0
"""Seconds for a dashboard to start or to end, on a busy machine."""
SAVED, RESTORED = b"\x1b[22;2t", b"\x1b[23;2t"


def dashboard(*arguments: str) -> Terminal:
    return Terminal([sys.executable, "-m", "natsmon", *arguments], size=(100, 30))


@pytest.mark.slow
async def test_title_shows_the_health_and_is_restored_at_the_end(server: NatsServer) -> None:
    async with dashboard(server.url) as terminal:
        await terminal.until(lambda _: terminal.screen.title.startswith("● natsmon "), WITHIN)
        server.kill()
        await terminal.until(lambda _: terminal.screen.title.startswith("✗ RECONNECTING "), WITHIN)
        terminal.send("q")
        await terminal.ended(WITHIN)
        assert terminal.output.count(SAVED) == terminal.output.count(RESTORED) == 1
        assert terminal.output.rindex(RESTORED) > terminal.output.rindex(b"\x1b]2;")


@pytest.mark.slow
async def test_title_is_left_alone_with_no_title(server: NatsServer) -> None:
    async with dashboard("--no-title", server.url) as terminal:
        await terminal.until("● CONNECTED", WITHIN)
        terminal.send("q")
        await terminal.ended(WITHIN)
        assert b"\x1b]2;" not in terminal.output
        assert SAVED not in terminal.output


@pytest.mark.slow
async def test_title_is_restored_while_natsmon_is_suspended(server: NatsServer) -> None:
    async with dashboard(server.url) as terminal:
        await terminal.until(lambda _: terminal.screen.title.startswith("● natsmon "), WITHIN)
        terminal.send("\x1a")
        await terminal.until(lambda _: RESTORED in terminal.output, WITHIN)
        wait_until(lambda: state(terminal.pid) == "T", "stop")
        terminal.signal(signal.SIGCONT)
        await terminal.until(lambda _: terminal.output.count(SAVED) == 2, WITHIN)
        terminal.send("q")
        await terminal.ended(WITHIN)
        assert terminal.output.count(RESTORED) == 2
