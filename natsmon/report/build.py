"""From files to a report, and from a report to the text of a format."""

from collections.abc import Sequence

import msgspec

from natsmon import __version__
from natsmon.recording.reader import Recording
from natsmon.report import compare, html, markdown, sessions, story, text
from natsmon.report.facts import Report, Run, Unread
from natsmon.report.text import NARROW
from natsmon.text import units
from natsmon.text.plain_text import json_safe, printable

__all__ = ["FORMATS", "NARROW", "read", "render"]

FORMATS = ("text", "markdown", "html", "json")


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
        for one in recording.skipped:
            further = f" and {one.count - 1:,} more" if one.count > 1 else ""
            unread.append(Unread(called.get(one.path) or printable(one.path), f"{one.where}{further}: {one.why}"))
        if more:
            left_out = f"{units.plural(more, 'connection')} before the last {sessions.RUNS_KEPT}"
            unread.append(Unread(called[path], left_out))
        if not found and not recording.skipped:
            unread.append(Unread(called[path], "it contains no event"))
    labelled = compare.labelled(runs)
    return Report(labelled, compare.compared(labelled), tuple(unread), __version__)


def render(report: Report, as_format: str, *, width: int = NARROW, colour: bool = False) -> str:
    """The text of a report in one of ``FORMATS``; width in cells and ANSI colours are for ``text``."""
    match as_format:
        case "json":
            encoded = msgspec.json.encode(report)
            safe = encoded if encoded.isascii() else json_safe(encoded.decode()).encode()
            return msgspec.json.format(safe, indent=2).decode() + "\n"
        case "html":
            return html.render(story.story(report), story.title(report))
        case "markdown":
            return markdown.render(story.story(report))
    return text.render(story.story(report), width=width, colour=colour)
