"""The details behind the summary: latency, dials, servers, warnings, and the settings of the session."""

from collections.abc import Iterator
from itertools import pairwise

from natsmon.charts import dial_stages, latency_course, latency_spread
from natsmon.charts.dial_stages import ServerStages
from natsmon.charts.latency_course import OutageSpan
from natsmon.report import words
from natsmon.report.blocks import Block, Cell, Cells, Heading, Prose, Table, table
from natsmon.report.facts import Run, Server
from natsmon.stream import events as ev
from natsmon.text import units
from natsmon.text.dates import CLOCKS_DIFFER
from natsmon.text.plain_text import clip
from natsmon.wording.cause_table import diagnose

_SHOWN = 40
"""Rows of servers, failures and errors; the others are in the JSON."""


def blocks(run: Run, level: int) -> Iterator[Block]:
    """Every part that has something to show."""
    yield from _latency(run, level)
    yield from _dials(run, level)
    yield from _servers(run, level)
    yield from _moments(run, level)
    yield from _session(run, level)


def _latency(run: Run, level: int) -> Iterator[Block]:
    what = "publish to acknowledgement" if run.verification == "ack" else "publish to echo"
    kinds = [(name, found) for name, found in ((what, run.echo), ("PING to PONG", run.ping)) if found is not None]
    if not kinds:
        return
    yield Heading("Latency", level)
    figures = ("samples", "p50", "p90", "p99", "p99.9", "longest")
    rows = []
    for name, found in kinds:
        of = found.run
        rows.append((name, f"{of.count:,}", *map(units.elapsed, (of.p50, of.p90, of.p99, of.p999, of.max))))
    yield table("Latency over the whole run", ("what", *figures), rows, right=figures)
    outages = [OutageSpan(f"outage {outage.number}", outage.began, outage.seconds) for outage in run.outages]
    for name, found in kinds:
        title = name[0].upper() + name[1:]
        if found.series:
            yield latency_course.chart(title, found.histogram, found.series, run.clock, run.timeline, outages)
        yield latency_spread.chart(title, found.histogram)


def _dials(run: Run, level: int) -> Iterator[Block]:
    if not run.dials:
        return
    yield Heading("Dials", level)
    known, connected, failed = (sum(getattr(s, name) for s in run.servers) for name in ("dials", "connected", "failed"))
    parts = [f"{connected:,} connected", f"{failed:,} failed"]
    parts += units.counts(
        (known - connected - failed - run.dialing, "cancelled"),
        (int(run.dialing), "in progress when the recording stops"),
        (run.dials - known, "only counted"),
    )
    yield Prose(f"{units.plural(run.dials, 'dial')}: {', '.join(parts)}.")
    averages = [
        ServerStages(words.server(server.server, run), server.connected, {of.stage: of.mean for of in server.stages})
        for server in run.servers
    ]
    if (chart := dial_stages.chart(averages)) is not None:
        yield chart
    if any(server.total is not None for server in run.servers):
        yield _stages(run)
    if run.failures:
        yield _failures(run)


def _stages(run: Run) -> Table:
    """Medians; they need not add up to the median of the whole."""
    dialed = [(server, server.total) for server in run.servers if server.total is not None][:_SHOWN]
    took = [{stage.stage: stage.took.p50 for stage in server.stages} for server, _ in dialed]
    used = [name for name in ev.STAGES if any(name in stages for stages in took)]
    figures = (*used, "whole", "longest")
    rows = (
        (words.server(server.server, run), *map(words.elapsed, (*map(stages.get, used), total.p50, total.max)))
        for (server, total), stages in zip(dialed, took, strict=True)
    )
    return table("Median of each stage, of the dials that connected", ("server", *figures), rows, right=figures)


def _failures(run: Run) -> Table:
    rows = []
    for failure in run.failures[:_SHOWN]:
        known = diagnose(failure.stage, failure.cause)
        text = words.name(failure.text)
        meaning = known.meaning if not text or failure.cause != "unknown" else text
        count = Cell(f"{failure.count:,}", "bad")
        where = words.server(failure.server, run), failure.stage or words.NONE
        rows.append((*where, count, meaning, known.advice or words.NONE))
    return table("Dials that failed", ("server", "stage", "times", "meaning", "try"), rows, right=("times",))


def _servers(run: Run, level: int) -> Iterator[Block]:
    if not run.servers:
        return
    yield Heading("Servers", level)
    time = sum(server.seconds for server in run.servers)
    figures = ("connected", "time", "share", "dials", "failed")
    rows: Iterator[Cells] = (
        (
            words.server(server.server),
            clip(", ".join(server.names), 40) or words.NONE,
            clip(" → ".join(server.versions[-2:]), 24) or words.NONE,
            *(_use(server, time) if server.connections else [words.NONE] * 3),
            f"{server.dials:,}",
            Cell(f"{server.failed:,}", "bad" if server.failed else "plain"),
        )
        for server in run.servers[:_SHOWN]
    )
    names = ("server", "name", "version", *figures)
    yield table("Servers dialed or used, the longest used first", names, rows, right=figures)
    if len(run.servers) > _SHOWN:
        yield Prose(f"{len(run.servers) - _SHOWN} more are in the JSON.", "dim")


def _use(server: Server, time: float) -> list[str]:
    share = units.part(round(server.seconds * 1000), round(time * 1000))
    return [f"{server.connections:,} ×", units.elapsed(server.seconds), share]


def _moments(run: Run, level: int) -> Iterator[Block]:
    moved = [(since, ahead - before) for (_, before), (since, ahead) in pairwise([(0.0, 0.0), *run.clock_steps])]
    steps = [(since, step) for since, step in moved if since >= run.began and abs(step) >= CLOCKS_DIFFER]
    if not run.errors and not run.lame_ducks and not run.silences and not steps:
        return
    yield Heading("Warnings", level)
    rows = [(run.clock.at(at), f"{words.server(server, run)} sent a lame duck notice") for at, server in run.lame_ducks]
    rows += [
        (run.clock.at(since), f"the server was silent for {units.elapsed(until - since)}")
        for since, until in run.silences
    ]
    rows += [(run.clock.at(since), _clock_step(step)) for since, step in steps]
    rows.sort()
    rows = rows[:_SHOWN]
    rows += [(f"{count:,} ×", clip(text)) for text, count in run.errors[:_SHOWN]]
    yield table("What left the connection open", ("when, or how often", "what"), rows)


def _clock_step(seconds: float) -> str:
    if seconds < 0:
        return f"this machine's clock was set back by {units.elapsed(-seconds)}"
    return f"this machine was suspended, or its clock set ahead, by {units.elapsed(seconds)}"


def _session(run: Run, level: int) -> Iterator[Block]:
    yield Heading("Session", level)
    rows = [("servers", ", ".join(words.server(target) for target in run.targets[:_SHOWN]))]
    if run.observing:
        rows.append(("observing", words.name(run.subject)))
    elif run.subject:
        rows.append(("publishing", f"on {words.name(run.subject)}, {units.pace(run.interval)}"))
    rows.append(("written by", ", ".join(f"{words.name(k)} {words.name(v)}" for k, v in run.versions.items())))
    rows.append(("session", f"{words.name(run.id)}, {units.plural(run.events, 'event')} read"))
    rows += [
        (words.name(name), f"{clip(value) or words.NONE} ({words.name(origin)})")
        for name, (value, origin) in run.settings.items()
        if origin != "default" and name not in ("servers", "subject", "rate")
    ]
    yield table("Session and settings", ("what", "value"), (row for row in rows if row[1]))
    if run.dropped:
        dropped = units.plural(run.dropped, "line")
        yield Prose(f"{dropped} dropped: the reader did not keep up; totals and latencies are not affected.", "warn")
    for left in run.left_out:
        yield Prose(f"Not in this report: {left}.", "warn")
