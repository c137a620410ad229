"""The pseudo-terminal driver, held to a program that prints what it reads from its terminal."""

import signal
import sys

import pytest

from tests.harness.processes import alive
from tests.harness.terminal import Terminal

PROGRAM = """
import os, signal, sys, termios, tty
tty.setraw(0)
def show(*_):
    size = os.get_terminal_size()
    sys.stdout.write(f"\\x1b[2J\\x1b[Hsize {size.columns}x{size.lines} tty {os.ttyname(0) == os.ttyname(2)}\\r\\n")
    sys.stdout.flush()
signal.signal(signal.SIGWINCH, show)
show()
while (key := os.read(0, 16)) != b"q":
    os.write(1, b"key %r\\r\\n" % key)
sys.exit(7)
"""
APP = """
from textual.app import App
from textual.widgets import Footer, Label

class Probe(App):
    BINDINGS = [("x", "mark", "Mark")]
    def compose(self):
        yield Label("waiting here")
        yield Footer()
    def action_mark(self):
        self.query_one(Label).update("marked [b]×[/b]")
    def on_resize(self, event):
        self.query_one(Label).update(f"{event.size.width} by {event.size.height}")

Probe().run()
"""


async def test_keys_resize_and_exit_code() -> None:
    async with Terminal([sys.executable, "-c", PROGRAM], size=(100, 30)) as terminal:
        await terminal.until("size 100x30 tty True")
        terminal.send("\x1b[A")
        await terminal.until(r"key b'\x1b[A'")
        terminal.resize(60, 10)
        text = await terminal.until("size 60x10")
        assert "key" not in text
        assert len(terminal.lines) == 10
        terminal.send("q")
        assert await terminal.ended() == 7


async def test_wait_in_vain_shows_the_screen() -> None:
    async with Terminal(["echo", "only this"]) as terminal:
        await terminal.until("only this")
        with pytest.raises(AssertionError, match=r"(?s)not within 0.1 s: 'that'.*only this"):
            await terminal.until("that", within=0.1)


async def test_output_of_a_program_that_has_ended_is_there() -> None:
    async with Terminal(["sh", "-c", "for i in 1 2 3 4 5; do echo line $i; done"]) as terminal:
        assert await terminal.ended() == 0
        assert "line 5" in await terminal.until("line 5")


async def test_signals_reach_the_program() -> None:
    async with Terminal(["sleep", "60"]) as terminal:
        terminal.signal(signal.SIGTERM)
        assert await terminal.ended() == -signal.SIGTERM


async def test_close_kills() -> None:
    async with Terminal(["sleep", "60"]) as terminal:
        pid = terminal.pid
        assert alive(pid)
    assert not alive(pid)


async def test_textual_app_draws_cleanly() -> None:
    """No stray letters of the sequences a modern program sends and an old screen does not know."""
    command = ["sh", "-c", 'echo before; "$0" -c "$1"; echo after', sys.executable, APP]
    async with Terminal(command, size=(40, 6)) as terminal:
        await terminal.until(lambda text: terminal.lines[:5] == ["40 by 6", "", "", "", ""] and "Mark" in text)
        terminal.send("x")
        await terminal.until(lambda _: terminal.lines[:5] == ["marked ×", "", "", "", ""])
        terminal.resize(50, 8)
        await terminal.until(lambda _: terminal.lines[:7] == ["50 by 8", "", "", "", "", "", ""])
        terminal.send("\x11")
        assert await terminal.ended() == 0
        assert terminal.text.split() == ["before", "after"]
