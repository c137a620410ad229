"""Atomic file write: temporary file, then rename."""

import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from natsmon.text.read_file import open_now


def write(path: str, text: str) -> None:
    """Write a file for its owner alone (mode 0600). A symbolic link stays; a pipe or a device is written to directly.

    After an OSError the file is as it was before. A named pipe without a reader is one, instead of waiting for one.
    """
    if _is_special(path):
        with open(open_now(path, os.O_WRONLY), "w", encoding="utf-8") as special:
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


def _is_special(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except FileNotFoundError:
        return False
