"""The dashboard's child process. Settings on the first line of standard input, then commands."""

import os
import sys

from natsmon.stream.process_start import defer_gc

_CHUNK = 64 * 1024
_LONGEST = 128 * 1024 * 1024
"""Bytes of settings; a payload is in them, in letters that JSON can have."""


def main() -> int:
    defer_gc()
    from natsmon.config.settings import from_line
    from natsmon.probe.process import run
    from natsmon.stream.exit_codes import Exit
    from natsmon.stream.outbox import Outbox

    received, piece = bytearray(), b""
    while b"\n" not in piece:
        piece = os.read(0, _CHUNK) if len(received) < _LONGEST else b""
        if not piece:
            return Exit.USAGE
        received += piece
    line, _, commands = bytes(received).partition(b"\n")
    return run([from_line(line)], [Outbox(sys.stdout.fileno())], control=True, opens=True, already_read=commands)
