"""The bounded path to a terminal, on a pseudo-terminal that is not read."""

import os
import pty
import termios
import threading
import tty
from collections.abc import Iterator

import pytest

from natsmon.tui.widgets.terminal_driver import LIMIT, TerminalOutput
from tests.harness.polling import wait_until
from tests.harness.time_limits import WAIT

FRAME = "frame " * 2_000


class Terminal:
    """Both sides of a pseudo-terminal."""

    def __init__(self) -> None:
        self.outer, self.inner = pty.openpty()
        tty.setraw(self.inner)
        self.resumed = threading.Event()
        self.gone = threading.Event()
        self.output = TerminalOutput(self.inner, "utf-8", self.resumed.set, self.gone.set)

    def fill(self) -> None:
        """Stop the terminal, as ctrl+s does, and write until frames are dropped."""
        termios.tcflow(self.inner, termios.TCOOFF)
        self.output.write(FRAME)
        wait_until(lambda: self.output.waiting == 0, "first frame under way")
        for _ in range(2 * LIMIT // len(FRAME)):
            self.output.write(FRAME)
        assert self.output.waiting == 0

    def read_until(self, end: bytes) -> bytes:
        termios.tcflow(self.inner, termios.TCOON)
        read = b""
        while not read.endswith(end):
            read += os.read(self.outer, 1 << 16)
        return read


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    terminal = Terminal()
    yield terminal
    os.set_blocking(terminal.outer, False)
    os.close(terminal.outer)  # the thread ends with an error
    assert terminal.output.finish(WAIT)
    os.close(terminal.inner)


def test_output_arrives_in_order(terminal: Terminal) -> None:
    for number in range(100):
        terminal.output.write(f"<{number}>")
    assert terminal.read_until(b"<99>") == b"".join(b"<%d>" % number for number in range(100))
    assert not terminal.resumed.is_set()


def test_queue_is_bounded_and_drops_whole_frames_only(terminal: Terminal) -> None:
    terminal.fill()
    terminal.output.write("\x1b[?1049h", "\x1b[?1049")
    for _ in range(5_000):
        terminal.output.write(FRAME)
        assert terminal.output.waiting <= LIMIT + len(FRAME)
    terminal.output.write("\x1b[?25l", "\x1b[?25")
    for number in range(1_000):
        terminal.output.write(f"\x1b]2;title {number}\a", "\x1b]2")
    terminal.output.write("\x1b[?25h", "\x1b[?25")
    assert terminal.output.waiting < 100
    read = terminal.read_until(b"\x1b[?25h")
    frames, _, controls = read.partition(b"\x1b")
    assert frames == FRAME.encode() * (len(frames) // len(FRAME)), "a part of a frame"
    assert controls == b"[?1049h\x1b]2;title 999\a\x1b[?25h", "not the newest of each kind"
    assert terminal.resumed.wait(WAIT)
    terminal.output.write("again")
    assert terminal.read_until(b"again") == b"again"


def test_huge_frame_is_written_whole(terminal: Terminal) -> None:
    frame = "x" * (4 * LIMIT)
    terminal.output.write(frame + "end")
    assert terminal.read_until(b"end") == frame.encode() + b"end"


def test_end_does_not_wait_for_a_blocked_terminal(terminal: Terminal) -> None:
    terminal.fill()
    assert not terminal.output.finish(0.05)
    terminal.output.write("\x1b[?1049l", "\x1b[?1049")
    assert terminal.read_until(b"\x1b[?1049l")


def test_end_writes_modes_but_no_waiting_frames(terminal: Terminal) -> None:
    terminal.fill()
    terminal.output.write("\x1b[?1049l", "\x1b[?1049")
    done: list[bool] = []
    ending = threading.Thread(target=lambda: done.append(terminal.output.finish(WAIT)))
    ending.start()
    assert terminal.read_until(b"\x1b[?1049l").removesuffix(b"\x1b[?1049l").endswith(b"frame ")
    ending.join()
    assert done == [True]


def test_terminal_that_is_gone_raises_nothing(terminal: Terminal) -> None:
    os.close(terminal.outer)
    terminal.outer = os.open(os.devnull, os.O_RDONLY)
    for _ in range(100):
        terminal.output.write(FRAME)
        assert terminal.output.waiting <= LIMIT + len(FRAME)
    terminal.output.write("\x1b[?25h", "\x1b[?25")
    assert terminal.gone.wait(WAIT)


def test_terminal_made_non_blocking_receives_everything(terminal: Terminal) -> None:
    os.set_blocking(terminal.inner, False)
    for _ in range(20):
        terminal.output.write(FRAME)
    terminal.output.write("end")
    assert terminal.read_until(b"end") == FRAME.encode() * 20 + b"end"
