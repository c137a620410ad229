"""What a command writes: its result on standard output, and one line about what went wrong on standard error."""

import os
import sys
from typing import Any

from natsmon.plaintext import printable


def is_terminal(stream: Any) -> bool:
    return stream is not None and stream.isatty()


def complain(message: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"natsmon: {printable(' '.join(message.split()))}\n")


def write(text: str) -> None:
    """To standard output; a reader that has gone away (``| head``) is no error."""
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # The interpreter flushes once more at its end, and that must not fail aloud either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except UnicodeEncodeError:
        sys.stdout.buffer.write(text.encode("utf-8"))
