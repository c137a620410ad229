"""Whether there is a terminal to draw on, for a command that is nothing without one."""

import os
import sys

import click

from natsmon.cli.output import is_terminal


def need_screen(command: str, *, keys_from: str = "") -> None:
    """Raises UsageError. With ``keys_from`` standard input may be something else: keys come from that terminal."""
    streams = [sys.stdout, sys.stderr] if keys_from else [sys.stdin, sys.stdout, sys.stderr]
    if not all(map(is_terminal, streams)):
        raise click.UsageError(f"{command}: there is no terminal to show it on; try --plain")
    if (term := os.environ.get("TERM", "")) in ("dumb", "unknown"):
        raise click.UsageError(f'TERM: "{term}" is a terminal that cannot show the dashboard; try --plain')
    if keys_from and not is_terminal(sys.stdin):
        _take_keys_from(keys_from)


def _take_keys_from(terminal: str) -> None:
    """Make a terminal standard input, from which the screen reads its keys."""
    try:
        keys = os.open(terminal, os.O_RDWR)
    except OSError as error:
        raise click.UsageError(f"no keys can be read: {terminal}: {error.strerror}; try --plain") from None
    os.dup2(keys, 0)
    os.close(keys)
