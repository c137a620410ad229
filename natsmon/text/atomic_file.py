"""A file that is there whole or not at all: written beside its place, then put into it."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path


def write(path: str, text: str) -> None:
    """For its owner alone (mode 0600). Raises OSError, and leaves what was there before.

    A symbolic link stays, and leads to the file. What is no file, a pipe or a device, is written to as it is.
    """
    if _is_there_and_no_file(path):
        with open(os.open(path, os.O_WRONLY), "w", encoding="utf-8") as special:
            special.write(text)
        return
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


def _is_there_and_no_file(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False
