"""The details behind the summary: latency, dials, servers, warnings, and the settings of the session."""

from collections.abc import Iterator

from natsmon.charts import dial_stages, latency_course, latency_spread
from natsmon.charts.dial_stages import ServerStages
from natsmon.charts.latency_course import OutageSpan
from natsmon.report import words
from natsmon.report.blocks import Block, Cell, Column, Heading, Prose, Table
from natsmon.report.facts import Latency, Percentiles, Run, Server
from natsmon.stream import events as ev
from natsmon.text import units
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


# -- latency ------------------------------------------------------------------------------------------


def _latency(run: Run, level: int) -> Iterator[Block]:
    what = "publish to acknowledgement" if run.verification == "ack" else "publish to echo"
    kinds = [(name, found) for name, found in ((what, run.echo), ("PING to PONG", run.ping)) if found is not None]
    if not kinds:
        return
    yield Heading("Latency", level)
    columns = (
        Column("what"),
        *(Column(name, "right") for name in ("samples", "p50", "p90", "p99", "p99.9", "longest")),
    )
    rows = tuple((Cell(name), Cell(units.grouped(found.run.count)), *_times(found.run)) for name, found in kinds)
    yield Table("Latency over the whole run", columns, rows)
    for name, found in kinds:
        yield from _charts(run, name[0].upper() + name[1:], found)


def _times(found: Percentiles) -> tuple[Cell, ...]:
    return tuple(Cell(units.elapsed(v)) for v in (found.p50, found.p90, found.p99, found.p999, found.max))


def _charts(run: Run, name: str, latency: Latency) -> Iterator[Block]:
    if latency.series:
        outages = [OutageSpan(f"outage {o.number}", o.began, o.seconds) for o in run.outages]
        yield latency_course.chart(name, latency.histogram, latency.series, run.clock, run.timeline, outages)
    yield latency_spread.chart(name, latency.histogram)


# -- dials and servers --------------------------------------------------------------------------------


def _dials(run: Run, level: int) -> Iterator[Block]:
    if not run.dials:
        return
    yield Heading("Dials", level)
    known, connected, failed = (sum(getattr(s, name) for s in run.servers) for name in ("dials", "connected", "failed"))
    parts = [f"{units.grouped(connected)} connected", f"{units.grouped(failed)} failed"]
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
    if table := _stage_table(run):
        yield table
    if run.failures:
        yield _failures(run)


def _stage_table(run: Run) -> Table | None:
    """Medians; they need not add up to the median of the whole."""
    dialed = [server for server in run.servers if server.total is not None][:_SHOWN]
    if not dialed:
        return None
    used = [name for name in ev.STAGES if any(name == stage.stage for server in dialed for stage in server.stages)]
    columns = (Column("server"), *(Column(name, "right") for name in (*used, "whole", "longest")))
    return Table(
        "Median of each stage, of the dials that connected",
        columns,
        tuple(_stages(server, used, run) for server in dialed),
    )


def _stages(server: Server, used: list[ev.Stage], run: Run) -> tuple[Cell, ...]:
    took = {stage.stage: stage.took.p50 for stage in server.stages}
    total = server.total
    whole = (words.elapsed(total.p50), words.elapsed(total.max)) if total else (words.NONE, words.NONE)
    return tuple(
        map(Cell, (words.server(server.server, run), *(words.elapsed(took.get(name)) for name in used), *whole))
    )


def _failures(run: Run) -> Table:
    rows = []
    for failure in run.failures[:_SHOWN]:
        known = diagnose(failure.stage, failure.cause)
        text = words.name(failure.text)
        meaning = known.meaning if not text or failure.cause != "unknown" else text
        rows.append(
            (
                Cell(words.server(failure.server, run)),
                Cell(failure.stage or words.NONE),
                Cell(units.grouped(failure.count), "bad"),
                Cell(meaning),
                Cell(known.advice or words.NONE),
            )
        )
    columns = (Column("server"), Column("stage"), Column("times", "right"), Column("meaning"), Column("try"))
    return Table("Dials that failed", columns, tuple(rows))


def _servers(run: Run, level: int) -> Iterator[Block]:
    if not run.servers:
        return
    yield Heading("Servers", level)
    time = sum(server.seconds for server in run.servers)
    columns = (
        Column("server"),
        Column("name"),
        Column("version"),
        Column("connected", "right"),
        Column("time", "right"),
        Column("share", "right"),
        Column("dials", "right"),
        Column("failed", "right"),
    )
    rows = tuple(
        (
            Cell(words.server(server.server)),
            Cell(clip(", ".join(server.names), 40) or words.NONE),
            Cell(clip(", ".join(server.versions), 24) or words.NONE),
            Cell(words.NONE if not server.connections else f"{units.grouped(server.connections)} ×"),
            Cell(units.elapsed(server.seconds) if server.connections else words.NONE),
            Cell(units.part(round(server.seconds * 1000), round(time * 1000)) if server.connections else words.NONE),
            Cell(units.grouped(server.dials)),
            Cell(units.grouped(server.failed), "bad" if server.failed else "plain"),
        )
        for server in run.servers[:_SHOWN]
    )
    yield Table("Servers dialed or used, the longest used first", columns, rows)
    if len(run.servers) > _SHOWN:
        yield Prose(f"{len(run.servers) - _SHOWN} more are in the JSON.", "dim")


# -- the rest -----------------------------------------------------------------------------------------


def _moments(run: Run, level: int) -> Iterator[Block]:
    if not run.errors and not run.lame_ducks and not run.silences:
        return
    yield Heading("Warnings", level)
    rows = [(run.clock.at(at), f"{words.server(server, run)} announced its shutdown") for at, server in run.lame_ducks]
    rows += [
        (run.clock.at(since), f"the server was silent for {units.elapsed(until - since)}")
        for since, until in run.silences
    ]
    rows.sort()
    rows = rows[:_SHOWN]
    rows += [(f"{units.grouped(count)} ×", clip(text)) for text, count in run.errors[:_SHOWN]]
    yield Table(
        "What left the connection open",
        (Column("when, or how often"), Column("what")),
        tuple(tuple(map(Cell, row)) for row in rows),
    )


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
    columns = (Column("what"), Column("value"))
    yield Table("Session and settings", columns, tuple((Cell(name), Cell(value)) for name, value in rows if value))
    if run.dropped:
        dropped = units.plural(run.dropped, "line")
        yield Prose(f"{dropped} dropped: the reader did not keep up; totals and latencies are not affected.", "warn")
    for left in run.left_out:
        yield Prose(f"Not in this report: {left}.", "warn")
