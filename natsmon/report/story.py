"""A report in blocks: what is asked first comes first."""

from collections.abc import Iterator

from natsmon.charts import status_timeline
from natsmon.report import compare, details, outages, summary
from natsmon.report.blocks import Block, Heading, Prose, table
from natsmon.report.facts import Report, Run, Unread
from natsmon.text import units

_SHOWN = 100


def title(report: Report) -> str:
    """The title: the runs in it."""
    labels = [run.label for run in report.runs[:4]]
    more = f" and {len(report.runs) - 4} more" if len(report.runs) > 4 else ""
    return f"natsmon report: {', '.join(labels)}{more}"


def story(report: Report) -> Iterator[Block]:
    """Every block of a report, in order."""
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
    if run.timeline:
        yield status_timeline.chart([compare.lane(run)])
    yield from outages.blocks(run, level)
    yield from details.blocks(run, level)


def _unread(unread: tuple[Unread, ...]) -> Iterator[Block]:
    if not unread:
        return
    yield Heading("Not read", 2)
    rows = ((one.file, one.what) for one in unread[:_SHOWN])
    yield table("What could not be read, and why", ("file", "what"), rows)
    if len(unread) > _SHOWN:
        yield Prose(f"{len(unread) - _SHOWN} more are in the JSON.", "dim")
