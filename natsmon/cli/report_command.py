"""``natsmon report``: what happened in recordings, for a person."""

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import click

from natsmon.cli.command_group import Command
from natsmon.cli.flag_types import ANY_FILE
from natsmon.cli.flags import report_flags
from natsmon.cli.output import complain, is_terminal, write_to
from natsmon.cli.terminal_check import has_colours
from natsmon.stream.exit_codes import Exit
from natsmon.text.files import open_now
from natsmon.text.plain_text import quotable

_STANDARD_INPUT = "-"
_MADE_BY_SHELL = ("/dev/fd/", "/proc/self/fd/")


@click.command(
    cls=Command,
    short_help="Summarize recordings as text, Markdown, HTML or JSON.",
    examples=[
        "report run.jsonl.zst",
        "report --format html --outfile night.html run.jsonl",
        "report before.jsonl after.jsonl",
    ],
    essentials=["as_format", "outfile"],
    exit_codes={0: "the report is written", 1: "--outfile cannot be written", 2: "FILE cannot be read"},
    params=[*report_flags, click.Argument(["files"], nargs=-1, metavar="FILE...", type=ANY_FILE)],
)
def report(files: tuple[str, ...], as_format: str, outfile: str | None, **_: Any) -> int:
    """Summarize recordings: availability, outages, losses, latency; as text, Markdown, HTML or JSON.

    Several files are compared side by side. FILE may be - for standard input.
    """
    if not files:
        raise click.UsageError("report needs a recording: natsmon report FILE")
    from natsmon.recording.reader import Unreadable
    from natsmon.report import build

    if outfile is not None and any(_is_same(outfile, name) for name in files):
        raise click.BadParameter("is the recording itself", param_hint="--outfile")
    try:
        with ExitStack() as stack:
            piped = {name for name in files if name == _STANDARD_INPUT or _is_pipe(name)}
            copies = {name: stack.enter_context(_copy(name)) for name in piped}
            result = build.read([copies.get(name, name) for name in files], _labels(files))
    except (Unreadable, OSError) as exc:
        raise click.UsageError(f"report: {exc}") from None
    if result.unread:
        first, more = result.unread[0], len(result.unread) - 1
        also = f"; {more} more{' in the report' if result.runs else ''}" if more else ""
        complain(f"report: not read: {first.file}: {first.what}{also}")
    if not result.runs:
        return Exit.USAGE
    terminal = outfile is None and is_terminal(sys.stdout)
    width = shutil.get_terminal_size().columns if terminal else build.NARROW
    colour = terminal and has_colours()
    write_to(outfile, build.render(result, as_format, width=width, colour=colour))
    return Exit.ENDED


def _labels(names: Sequence[str]) -> list[str]:
    """What each file is called; one that a shell made, as for ``<(zcat run.jsonl.gz)``, by its place among them."""
    made = [name for name in dict.fromkeys(names) if name.startswith(_MADE_BY_SHELL)]
    numbered = {name: f"pipe {number}" if len(made) > 1 else "pipe" for number, name in enumerate(made, 1)}
    return [({_STANDARD_INPUT: "standard input"} | numbered).get(name, name) for name in names]


def _is_same(outfile: str, name: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(outfile).st_mode) and os.path.samefile(outfile, name)
    except (OSError, ValueError):
        return False


def _is_pipe(name: str) -> bool:
    """True for a named pipe, as a shell makes for ``<(zcat run.jsonl.gz)``."""
    try:
        return stat.S_ISFIFO(os.stat(name).st_mode)
    except (OSError, ValueError):
        return False


@contextmanager
def _copy(name: str) -> Iterator[str]:
    """A temporary copy of what comes from a pipe, because a recording is read by seeking. Raises Unreadable."""
    from natsmon.recording.reader import Unreadable

    with tempfile.NamedTemporaryFile(prefix="natsmon-report-") as copy:
        try:
            if name == _STANDARD_INPUT:
                shutil.copyfileobj(sys.stdin.buffer, copy)
            else:
                with open(name, "rb", opener=open_now) as pipe:
                    shutil.copyfileobj(pipe, copy)
            copy.flush()
        except OSError as exc:
            raise Unreadable(f'"{quotable(name)}" cannot be read: {exc.strerror}') from None
        if name != _STANDARD_INPUT and not os.path.getsize(copy.name):
            raise Unreadable(f'"{quotable(name)}" is a pipe without data: nothing has written to it')
        yield copy.name
