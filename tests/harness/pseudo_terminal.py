"""A pseudo-terminal as the controlling terminal of a program: the parts that do not depend on who reads it."""

import fcntl
import os
import re
import shutil
import struct
import sys
import termios
from collections.abc import Mapping, Sequence

_TAKE_TERMINAL = (
    "import fcntl,os,sys,termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


UNKNOWN = re.compile(rb"\x1b\[[<=>][0-9;]*[a-zA-Z]|\x1b\[\??[0-9;]*[ $!\"'][a-zA-Z]|\x1bP.*?\x1b\\\\", re.DOTALL)
"""Sequences with a private marker or an intermediate byte that pyte does not know; it would print their ends."""


def with_terminal(command: Sequence[str]) -> list[str]:
    """Return the command that makes its standard input its controlling terminal, which sends it resizes and signals."""
    setsid = shutil.which("setsid")
    return [*([setsid, "-c"] if setsid else [sys.executable, "-c", _TAKE_TERMINAL]), *command]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return our environment for a program on a terminal of xterm's kind, which asks the terminal for its size."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    return {**inherited, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(changes or {})}


def set_size(fd: int, columns: int, lines: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
