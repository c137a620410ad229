"""What others write to the terminal of a dashboard, and what is left of the terminal after it."""

import signal
import sys
import termios
from pathlib import Path

import pytest

from natsmon.lab.nats_server import NatsServer
from tests.harness.polling import wait_until
from tests.harness.terminal import Terminal

_WRITING = """
import os, signal, subprocess, sys, warnings
from natsmon.cli.main import main

def write(*_):
    os.write(1, b"from descriptor one\\n")
    os.write(2, b"\\x1b[2Jfrom descriptor two\\n")
    print("printed")
    warnings.warn("warned")
    subprocess.run(["sh", "-c", "echo from a child; echo and its error >&2"])

signal.signal(signal.SIGUSR1, write)
sys.exit(main(sys.argv[1:]))
"""
_WRITTEN: tuple[str, ...] = ("from descriptor one", "from descriptor two", "printed", "UserWarning: warned")
_WRITTEN += ("from a child", "and its error")
_ENTERED = "\x1b[?1049h"
_LEFT = ("\x1b[?1049l", "\x1b[?25h", "\x1b[?1000l", "\x1b[?1003l", "\x1b[?2004l", "\x1b[?7h", "\x1b[?1004l", "\x1b[<u")


async def test_stray_output_is_in_the_log_and_not_on_the_screen(server: NatsServer) -> None:
    async with Terminal([sys.executable, "-c", _WRITING, server.url], size=(120, 40)) as terminal:
        await terminal.until("● CONNECTED")
        terminal.signal(signal.SIGUSR1)
        text = await terminal.until(lambda text: all(line in text for line in _WRITTEN))
        assert "● CONNECTED" in text
        assert "\\x1b[2Jfrom descriptor two" in text
        assert not any(f"{line}\r\n".encode() in terminal.output for line in _WRITTEN), "written past the frames"
        assert b"\x1b[2J" not in terminal.output
        terminal.send("q")
        assert await terminal.ended() == 0


async def test_standard_error_may_be_a_file(server: NatsServer, tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    command = ["sh", "-c", f'exec "$@" 2>{errors}', "sh", sys.executable, "-c", _WRITING, server.url]
    async with Terminal(command, size=(120, 40)) as terminal:
        await terminal.until("● CONNECTED")
        terminal.signal(signal.SIGUSR1)
        await terminal.until("from a child")
        wait_until(lambda: all(line in errors.read_text() for line in ("warned", "and its error")), "lines in the file")
        terminal.send("q")
        assert await terminal.ended() == 0


async def test_error_output_of_the_probe_is_in_the_log(server: NatsServer, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif '-P' in sys.orig_argv: sys.stderr.write('the probe warns\\n'); sys.stderr.flush()"
    )
    env = {"PYTHONPATH": str(tmp_path)}
    async with Terminal([sys.executable, "-m", "natsmon", server.url], size=(120, 40), env=env) as terminal:
        text = await terminal.until("the probe warns")
        await terminal.until("● CONNECTED")
        assert "MONITOR STOPPED" not in text


@pytest.mark.parametrize("at", [_ENTERED, "● CONNECTED"], ids=["start", "connected"])
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGINT])
async def test_signal_restores_the_terminal(server: NatsServer, number: signal.Signals, at: str) -> None:
    async with Terminal([sys.executable, "-m", "natsmon", server.url], size=(100, 30)) as terminal:
        before = termios.tcgetattr(terminal.fd)
        await terminal.until(lambda text: at in text or at.encode() in terminal.output)
        terminal.signal(number)
        assert await terminal.ended() in (0, 130)
        assert termios.tcgetattr(terminal.fd) == before
        left = terminal.output.decode(errors="replace")
        for mode in _LEFT:
            assert mode in left.rpartition(_ENTERED)[2], repr(mode)
        assert "Traceback" not in left
