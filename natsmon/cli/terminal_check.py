"""What the terminal can show, checked before a screen is drawn on it."""

import codecs
import os
import sys

import click

from natsmon.cli.output import is_terminal


def missing_terminal() -> str:
    """Which of the standard streams is not a terminal, or why the terminal is too simple; empty for a full one.

    The dashboard reads keys from standard input and draws on standard output. Standard error may be a file.
    """
    for name, stream in (("input", sys.stdin), ("output", sys.stdout)):
        if not is_terminal(stream):
            return f"standard {name} is not a terminal"
    return simple_terminal()


def simple_terminal() -> str:
    """Why the terminal cannot move its cursor; empty where it can."""
    term = os.environ.get("TERM", "")
    return f"TERM={term} cannot show the dashboard" if term in ("dumb", "unknown") else ""


def has_colours() -> bool:
    """Whether standard output is a terminal with colours, and the user wants them."""
    return is_terminal(sys.stdout) and not simple_terminal() and not os.environ.get("NO_COLOR")


def check_encoding() -> None:
    """Raise UsageError where the terminal's encoding has no box-drawing characters."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    if codecs.lookup(encoding).name == "utf-8":
        return
    names = ("PYTHONIOENCODING", "LC_ALL", "LC_CTYPE", "LANG")
    name = next((name for name in names if os.environ.get(name)), "the locale")
    given = f"{name}={os.environ[name]}" if name in os.environ else f"{name} ({encoding})"
    raise click.UsageError(f"{given} cannot show the dashboard; try a UTF-8 locale such as C.UTF-8, or --plain")


def need_screen(command: str, *, keys_from: str = "") -> None:
    """Raise UsageError for a command without a terminal that can show the dashboard.

    ``keys_from`` is the path of a terminal that replaces standard input for the keys.
    """
    if not is_terminal(sys.stdout) or not (keys_from or is_terminal(sys.stdin)):
        raise click.UsageError(f"{command}: standard input and output must be a terminal; try --plain")
    if why := simple_terminal():
        raise click.UsageError(f"{why}; try --plain")
    check_encoding()
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
