"""Reading a file that a user named: it does not wait, and its size has a limit."""

import errno
import os

LARGEST = 1024 * 1024
"""Bytes; a file with settings or credentials has a few thousand."""


def open_now(path: str | os.PathLike[str], flags: int) -> int:
    """An ``opener`` for ``open`` that does not wait for the other end of a named pipe.

    Without a writer the pipe is empty; without a reader OSError is raised.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def read_file(path: str | os.PathLike[str], largest: int = LARGEST) -> bytes:
    """The whole content of a file; a pipe with a writer is read to its end. Raises OSError, also when it is larger."""
    with open(path, "rb", opener=open_now) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return content
