"""What a command writes: its result on standard output, and one line about what went wrong on standard error."""

import os
import sys
from typing import Any

from natsmon.text.plain_text import printable


class Unwritable(OSError):
    """Standard output does not take a result; the text is a line for a person."""


def is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def complain(message: str) -> None:
    """On standard error; where that does not take it either, the exit code is all there is to tell."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"natsmon: {printable(' '.join(message.split()))}\n")
        sys.stderr.flush()
    except OSError:
        _let_go(sys.stderr)


def write(text: str | bytes) -> bool:
    """To standard output. False when its reader has gone away (``| head``), which is no error. Raises Unwritable."""
    try:
        _put(text)
    except BrokenPipeError:
        _let_go(sys.stdout)
        return False
    except OSError as error:
        _let_go(sys.stdout)
        raise Unwritable(f"standard output cannot be written: {error.strerror or error}") from error
    return True


def _put(text: str | bytes) -> None:
    try:
        if isinstance(text, bytes):
            sys.stdout.buffer.write(text)
        else:
            sys.stdout.write(text)
    except UnicodeEncodeError:
        sys.stdout.buffer.write(str(text).encode("utf-8"))
    sys.stdout.flush()


def _let_go(stream: Any) -> None:
    """The interpreter flushes once more at its end, and that must not fail aloud either."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
