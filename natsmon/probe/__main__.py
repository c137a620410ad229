"""``python -m natsmon.probe``: the dashboard's child. Settings on the first line of standard input, then commands."""

import os
import sys

from natsmon import events as ev
from natsmon.exit_codes import Exit
from natsmon.probe.lines import Inbox
from natsmon.probe.process import run
from natsmon.settings import from_line

_CHUNK = 64 * 1024


def main() -> int:
    """The dashboard's child: settings on the first line of standard input, then commands."""
    heard = bytearray()
    while b"\n" not in heard:
        piece = os.read(0, _CHUNK) if len(heard) < Inbox.MAX_LINE else b""
        if not piece:
            return Exit.USAGE
        heard += piece
    line, _, commands = bytes(heard).partition(b"\n")
    return run(from_line(line), encode=ev.encode, control=True, heard=commands)


if __name__ == "__main__":
    # At the end nothing is waited for: a lookup may hang on its thread, and the last line has been written.
    status = main()
    sys.stderr.flush()
    os._exit(status)
