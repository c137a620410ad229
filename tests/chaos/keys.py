"""Random keys, clicks and sizes on natsmon in a terminal: it draws, and ends when it is asked to only."""

import sys
import time
from collections import deque
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from random import Random

from tests.harness import processes
from tests.harness.polling import wait_until
from tests.harness.time_limits import IN_TIME
from tests.harness.unseen_terminal import UnseenTerminal

_LEAVE, _ESCAPE, _ENTER = b"q", b"\x1b", b"\r"
_MOVES = (b"\x1b[A", b"\x1b[B", b"\x1b[C", b"\x1b[D", b"\x1b[5~", b"\x1b[6~", b"\x1b[H", b"\x1b[F", b"\t", b"\x1b[Z")
_CONTROLS = (b"\x01", b"\x05", b"\x0b", b"\x0c", b"\x10", b"\x15", b"\x17", b"\x7f", b"\x1bOP")
_LETTERS = tuple(bytes((code,)) for code in range(ord(" "), ord("~") + 1) if bytes((code,)) not in (_LEAVE, b"Q"))
_FREQUENT = (_ENTER, _ESCAPE, *_MOVES[:2], b"?", b"/", b"x")
_SIZES = ((80, 24), (120, 36), (200, 50), (40, 10), (20, 6))
_LOOKED_AT_EVERY = 20
"""Inputs until it must draw."""


def press(folder: Path, seconds: float, random: Random) -> Iterator[str]:
    """Press keys on a demo that records, for half of the time, then on a replay of it; yields what is wrong."""
    record = folder / "keys.jsonl.gz"
    for arguments in (("demo", "--record", str(record)), ("replay", str(record))):
        last: deque[str] = deque(maxlen=3 * _LOOKED_AT_EVERY)
        command = [sys.executable, "-m", "natsmon", *arguments]
        with UnseenTerminal(command, cwd=folder) as terminal:
            try:
                must_draw(terminal)
                _press_until(time.monotonic() + seconds / 2, terminal, random, last)
                _leave(terminal)
            except (OSError, TimeoutError) as error:
                yield f"{arguments[0]}: {error}, after {' '.join(last)}; the screen:\n{terminal.text()}"


def _press_until(end: float, terminal: UnseenTerminal, random: Random, last: deque[str]) -> None:
    inputs = 0
    while time.monotonic() < end or inputs < _LOOKED_AT_EVERY:
        for _ in range(_LOOKED_AT_EVERY):
            last.append(_press_one(terminal, random))
            time.sleep(random.choice((0.0, 0.0, 0.02, 0.1)))  # two keys at once, and a user's pace
        inputs += _LOOKED_AT_EVERY
        must_draw(terminal)


def _press_one(terminal: UnseenTerminal, random: Random) -> str:
    """Press a key, click or resize; returns what it was."""
    columns, lines = terminal.size
    match random.choices(("key", "click", "size"), (85, 12, 3))[0]:
        case "key":
            key = random.choice(_FREQUENT if random.random() < 0.4 else (*_LETTERS, *_MOVES, *_CONTROLS))
            terminal.send(key * random.choice((1, 1, 1, 3)))
            return repr(key)
        case "click":
            button, x, y = random.choice((0, 0, 2, 64, 65)), random.randint(1, columns), random.randint(1, lines)
            terminal.send(b"\x1b[<%d;%d;%dM\x1b[<%d;%d;%dm" % (button, x, y, button, x, y))
            return f"button {button} at {x},{y}"
        case _:
            terminal.resize(*random.choice(_SIZES))
            return f"{terminal.size}"


def must_draw(terminal: UnseenTerminal, within: float = IN_TIME) -> None:
    """Wait until it draws at another size, without a traceback.

    Raises:
        TimeoutError: It does not, or has ended.
    """
    columns, lines = terminal.size
    for height in (lines + 1, lines):
        drawn = terminal.bytes_drawn
        terminal.resize(columns, height)
        wait_until(partial(_drew, terminal, drawn), "drawing", within)
    if b"Traceback" in terminal.tail:
        raise TimeoutError("a traceback")
    if not processes.alive(terminal.pid):
        raise TimeoutError("it has ended")


def _drew(terminal: UnseenTerminal, drawn: int) -> bool:
    return terminal.bytes_drawn > drawn or not processes.alive(terminal.pid)


def _leave(terminal: UnseenTerminal) -> None:
    """Close what is open, one key at a time, as two escapes at once are another key; then leave."""

    def ended() -> bool:
        for key in (_ESCAPE, _LEAVE):
            if processes.alive(terminal.pid):
                terminal.send(key)
                time.sleep(0.2)
        return not processes.alive(terminal.pid)

    wait_until(ended, "end after q", IN_TIME)
