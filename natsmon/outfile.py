"""A file that is there whole or not at all: written beside its place, then put into it."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def write(path: str, text: str) -> None:
    """For its owner alone (mode 0600). Raises OSError, and leaves what was there before."""
    target = Path(path)
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
