"""Output of a command: its result on standard output or in a file, and one line about an error on standard error."""

import os
import select
import sys
from collections.abc import Sequence
from typing import Any
from unicodedata import combining, east_asian_width

from natsmon.text.files import write_file
from natsmon.text.plain_text import clip_middle, printable, quotable

_ERROR_LIMIT = 2_000
"""Characters of a line about an error; what is wrong stands at its ends."""


class Unwritable(OSError):
    """A result cannot be written; the text is a line for a person."""


def is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def complain(message: str) -> None:
    """Write one line to standard error. Where that fails, too, only the exit code is left."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(f"natsmon: {clip_middle(printable(' '.join(message.split())), _ERROR_LIMIT)}\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def write(text: str | bytes) -> bool:
    """Write a result to standard output; False when its reader has closed the pipe. Raises Unwritable otherwise."""
    try:
        _put(text)
    except BrokenPipeError:
        _discard(sys.stdout)
        return False
    except OSError as error:
        _discard(sys.stdout)
        raise Unwritable(f"standard output cannot be written: {error.strerror or error}") from error
    return True


def has_reader() -> bool:
    """Whether what is written to standard output next can be read: a log may have no line for hours."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return not poll.poll(0)


def write_to(outfile: str | None, text: str) -> None:
    """Write a result to a file, atomically; to standard output where no file is named. Raises Unwritable."""
    if outfile is None:
        write(text)
        return
    try:
        write_file(outfile, text)
    except OSError as error:
        raise Unwritable(f'--outfile: "{quotable(outfile)}" cannot be written: {error.strerror}') from error


def columns(text: str) -> int:
    """The columns of a terminal that a text takes: two for a wide character, none for a combining one."""
    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def padded(text: str, width: int) -> str:
    """A text, and blanks up to a width in columns."""
    return text + " " * (width - columns(text))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of a table as lines, each column as wide as its longest cell."""
    widths = [max(map(columns, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(padded, row, widths)).rstrip() for row in rows]


def _put(text: str | bytes) -> None:
    try:
        if isinstance(text, bytes):
            sys.stdout.buffer.write(text)
        else:
            sys.stdout.write(text)
    except UnicodeEncodeError:
        sys.stdout.buffer.write(str(text).encode("utf-8"))
    sys.stdout.flush()


def _discard(stream: Any) -> None:
    """Redirect a stream to the null device, so that the interpreter's flush at exit does not print an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
