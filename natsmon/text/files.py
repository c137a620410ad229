"""Files that a user named: reading does not wait and has a limit of size, writing is atomic."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

LARGEST = 1024 * 1024
"""Bytes; a file with settings or credentials has a few thousand."""


def home() -> str:
    """The user's home folder; one that does not exist for a user without one, as in a container."""
    found = os.path.expanduser("~")
    return found if os.path.isabs(found) else "/dev/null"


def open_now(path: str | os.PathLike[str], flags: int) -> int:
    """An ``opener`` for ``open`` that does not wait for the other end of a named pipe.

    Without a writer the pipe is empty; without a reader OSError is raised.
    """
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def read_file(path: str | os.PathLike[str], largest: int = LARGEST) -> bytes:
    """The whole content of a file; a pipe with a writer is read to its end. Raises OSError, also when it is larger."""
    try:
        with open(path, "rb", opener=open_now) as file:
            content = file.read(largest + 1)
    except ValueError:  # a NUL, for which Python has no OSError
        raise OSError(errno.EINVAL, "not a path") from None
    if len(content) > largest:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    return content


def write_file(path: str, text: str) -> None:
    """Atomic file write: temporary file, then rename. The file is for its owner alone (mode 0600).

    A symbolic link stays; a pipe or a device is written to directly, and without a reader it is an error. After an
    OSError the file is as it was before.
    """
    if _is_special(path):
        with open(open_now(path, os.O_WRONLY), "w", encoding="utf-8") as special:
            special.write(text)
        return
    import tempfile  # most runs write no file

    target = Path(os.path.realpath(path))
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:64]}.", dir=target.parent)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o600)
        os.replace(name, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _is_special(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False
