"""From files to a report, to its blocks, and to the text of a format."""

from collections.abc import Iterator, Sequence

import msgspec

from natsmon import __version__
from natsmon.charts import status_timeline
from natsmon.recording.reader import Recording
from natsmon.report import compare, details, html, markdown, outages, sessions, summary, text
from natsmon.report.blocks import Block, Heading, Prose, table
from natsmon.report.facts import Report, Run, Unread
from natsmon.report.text import NARROW
from natsmon.text import units
from natsmon.text.plain_text import json_safe, printable

__all__ = ["FORMATS", "NARROW", "blocks", "read", "render", "title"]

FORMATS = ("text", "markdown", "html", "json")
_UNREAD_SHOWN = 100


def read(paths: Sequence[str], names: Sequence[str] | None = None) -> Report:
    """Read every session in these recordings, which may have other names in the report; it may have no ``runs``.

    Raises:
        recording.reader.Unreadable: A file is missing or cannot be opened.
    """
    called = {path: printable(name) for path, name in zip(paths, names or paths, strict=True)}
    recordings = {path: Recording([path]) for path in called}
    runs: list[Run] = []
    unread: list[Unread] = []
    for path, recording in recordings.items():
        parts = set(recording.parts)
        if any(parts < set(other.parts) for other in recordings.values()):  # a part of another, as with run*
            continue
        found, more = sessions.runs(recording.events(), called[path])
        runs += found
        unread += [Unread(called.get(one.path) or printable(one.path), one.what) for one in recording.skipped]
        if more:
            left_out = f"{units.plural(more, 'connection')} before the last {sessions.RUNS_KEPT}"
            unread.append(Unread(called[path], left_out))
        if not found and not recording.skipped:
            unread.append(Unread(called[path], "it contains no event"))
    labelled = compare.labelled(runs)
    return Report(labelled, compare.compared(labelled), tuple(unread), __version__)


def title(report: Report) -> str:
    labels = [run.label for run in report.runs[:4]]
    return f"natsmon report: {', '.join(labels)}{units.and_more(len(report.runs) - 4)}"


def blocks(report: Report) -> Iterator[Block]:
    """Every block of a report: what is asked first comes first."""
    yield Heading(title(report), 1)
    if report.unread:
        yield Prose(f"{units.plural(len(report.unread), 'thing')} could not be read, see the end.", "warn")
    if report.comparison is None:
        for run in report.runs:
            yield from _run(run, 2)
    else:
        yield from compare.blocks(report.runs, report.comparison)
        for run in report.runs:
            yield Heading(run.label, 2)
            yield from _run(run, 3)
    yield from _unread(report.unread)


def _run(run: Run, level: int) -> Iterator[Block]:
    yield summary.figures(run)
    if run.timeline and run.watched:
        yield status_timeline.chart([compare.lane(run)])
    yield from outages.blocks(run, level)
    yield from details.blocks(run, level)


def _unread(unread: tuple[Unread, ...]) -> Iterator[Block]:
    if not unread:
        return
    yield Heading("Not read", 2)
    rows = ((one.file, one.what) for one in unread[:_UNREAD_SHOWN])
    yield table("What could not be read, and why", ("file", "what"), rows)
    if len(unread) > _UNREAD_SHOWN:
        yield Prose(f"{len(unread) - _UNREAD_SHOWN} more are in the JSON.", "dim")


def render(report: Report, as_format: str, *, width: int = NARROW, colour: bool = False) -> str:
    """The text of a report in one of ``FORMATS``; width in cells and ANSI colours are for ``text``."""
    match as_format:
        case "json":
            encoded = msgspec.json.encode(report)
            safe = encoded if encoded.isascii() else json_safe(encoded.decode()).encode()
            return msgspec.json.format(safe, indent=2).decode() + "\n"
        case "html":
            return html.render(blocks(report), title(report))
        case "markdown":
            return markdown.render(blocks(report))
    return text.render(blocks(report), width=width, colour=colour)
