"""A check for a terminal: one server stage by stage, or every address in a table."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rich.cells import cell_len

from natsmon.charts import dial_gantt
from natsmon.charts.cells import Piece, Role, Row, fold, left, right, row
from natsmon.check.verdict import NO_ADDRESS, Failure, Metric, Status, Verdict, failure_of, worst
from natsmon.state import Dial
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.console_text import painted
from natsmon.text.plain_text import clip
from natsmon.wording.cause_table import diagnose
from natsmon.wording.narration import info_note

_WIDTH = 79
_SCALE = 16
"""Cells of a dial's bars."""
_NAME_LIMIT = 40
_ROLES: dict[Status, Role] = {Status.OK: "good", Status.WARNING: "warn", Status.CRITICAL: "bad", Status.UNKNOWN: "info"}
_COLUMNS = {
    "tcp_time": ("tcp", 6),
    "tls_time": ("tls", 6),
    "info_time": ("info", 6),
    "auth_time": ("connect", 8),
    "connect_time": ("total", 7),
    "rtt": ("rtt", 6),
    "request_time": ("request", 8),
}
"""The name of each metric in a table, and the width of its column."""
_NOTES = {"connect_time": "from the first dial to PONG", "rtt": "PING to PONG", "request_time": "publish to receive"}


def stages(verdict: Verdict, *, colour: bool = False) -> str:
    """One check, stage by stage, the slowest marked; the servers that failed before it too."""
    return _text(_stages(verdict), colour)


def table(verdicts: Sequence[Verdict], *, colour: bool = False) -> str:
    """Every address of every server, side by side; times in milliseconds."""
    return _text(_table(verdicts), colour)


def _text(rows: Iterator[Row], colour: bool) -> str:
    return "".join(f"{painted(line, colour=colour)}\n" for line in rows)


def _status(status: Status, width: int = 0) -> Piece:
    return f"{status.name:<{width}}", _ROLES[status]


# -- one server ---------------------------------------------------------------------------------------


def _stages(verdict: Verdict) -> Iterator[Row]:
    found = verdict.found
    if found.broken:
        yield row(_status(verdict.status), (f"  {found.server}", "value"))
        yield from ((), row((f"  {found.broken}", "value")))
        return
    for number, dial in enumerate(found.dials):
        if number:
            yield ()
        judged = [_status(verdict.status), ("  ", "value")] if dial is found.dial or not found.connected else []
        yield from (row(*judged, (dial.server, "strong")), ())
        raced = len(dial.addresses) > 1
        ended = dial.began + dial.total
        yield from dial_gantt.rows(dial, ended, _WIDTH, scale=_SCALE, addresses=raced, notes=_notes(dial))
        if dial.outcome != "connected":
            yield ()
            yield from _failure(failure_of(dial), indent=2)
    if found.connected and verdict.notes:
        yield ()
    yield from _folded(verdict.notes, "warn", indent=2)
    if found.connected:
        yield ()
        for metric in verdict.metrics:
            if metric.limit is not None:
                yield _measured(metric)
        if found.failed is not None:
            yield ()
            yield from _failure(found.failed, indent=2)


def _notes(dial: Dial) -> dict[ev.Stage, str]:
    """What stands beside each stage: what it showed, or why it failed."""
    notes: dict[ev.Stage, str] = {}
    if (failed := dial.stage_reached) is not None and dial.outcome != "connected":
        notes[failed] = _phrase(dial, failed, dial.cause)  # also of a stage that was refused before it began
    longest = max(dial.stages, key=lambda stage: dial.stages[stage].elapsed, default=None)
    for stage, record in dial.stages.items():
        if record.outcome == "complete":
            notes[stage] = ", ".join(
                ["slowest"] * (stage == longest and dial.outcome == "connected") + list(_facts(dial, stage))
            )
        else:
            notes[stage] = _phrase(dial, stage, record.cause) or record.outcome
    return notes


def _phrase(dial: Dial, stage: ev.Stage, cause: str) -> str:
    found = dial.known_cause if cause == dial.cause else cause
    return diagnose(stage, found).phrase if found else ""


def _facts(dial: Dial, stage: ev.Stage) -> Iterator[str]:
    match stage:
        case "tcp" if len(dial.addresses) == 1:
            yield from (tried.name for tried in dial.addresses if tried.outcome == "complete")
        case "tls" if dial.tls is not None:
            yield dial.tls.version
            if dial.tls.chain:
                yield f"certificate until {dates.day(dial.tls.chain[0].not_after)}"
        case "info" if dial.info is not None:
            info = dial.info.info
            name = info.get("server_name") if info.get("server_name") != info.get("server_id") else ""
            if words := " ".join(clip(str(word), _NAME_LIMIT) for word in (name, info.get("version")) if word):
                yield words
            if info.get("client_id"):
                yield f"cid {info['client_id']}"
            if note := info_note(dial):
                yield note
        case "connect" if dial.connect is not None and dial.connect.credentials:
            yield dial.connect.credentials


def _measured(metric: Metric) -> Row:
    name, note = _COLUMNS[metric.name][0], _NOTES[metric.name]
    shown = row((f"{name:<8}{units.elapsed(metric.value):>9}  ", "value"), (f"{note:<27}", "label"))
    if not metric.exceeded:
        return shown
    return shown + row(("  ", "value"), _status(metric.status), (f", {metric.exceeded}", "value"))


def _failure(failure: Failure, *, indent: int) -> Iterator[Row]:
    """The meaning, the evidence, and what to do about it."""
    yield row((" " * indent + failure.diagnosis.meaning, "bad"))
    yield from _folded((failure.reason, failure.diagnosis.advice), "value", indent)


def _folded(texts: Sequence[str], role: Role, indent: int) -> Iterator[Row]:
    for text in filter(None, texts):
        yield from (row((" " * indent + line, role)) for line in fold(text, _WIDTH - indent))


# -- every address ------------------------------------------------------------------------------------


def _table(verdicts: Sequence[Verdict]) -> Iterator[Row]:
    under_tls = any("tls" in dial.stages for verdict in verdicts for dial in verdict.found.dials)
    columns = {name: of for name, of in _COLUMNS.items() if name != "tls_time" or under_tls}
    room = max(cell_len(name) for name in ("address", *(verdict.found.address for verdict in verdicts)))
    yield row(_status(worst(verdicts)), (f"  {_summary(verdicts)}", "value"))
    yield ()
    head = f"  {'':<10}{left('address', room)}" + "".join(f"{name:>{width}}" for name, width in columns.values())
    yield row((head, "label"))
    for server, group in groupby(verdicts, key=lambda verdict: verdict.found.server):
        of_server = list(group)
        yield row((server, "strong"), (_lookup(of_server[0]), "label"))
        for verdict in of_server:
            yield from _address(verdict, columns, room)


def _summary(verdicts: Sequence[Verdict]) -> str:
    servers = len({verdict.found.server for verdict in verdicts})
    addresses = sum(verdict.found.address != NO_ADDRESS for verdict in verdicts)
    counts = [(sum(v.status is status for v in verdicts), status.name) for status in Status]
    each = ", ".join(f"{count} {name}" for count, name in counts if count)
    return f"{units.plural(addresses, 'address', 'es')} of {units.plural(servers, 'server')}: {each}; times in ms"


def _lookup(verdict: Verdict) -> str:
    """How long the name took to resolve, where there was a name."""
    dns = verdict.metric("dns_time")
    return f"  resolved in {units.elapsed(dns.value)}" if dns and verdict.found.where != verdict.found.server else ""


def _address(verdict: Verdict, columns: Mapping[str, tuple[str, int]], room: int) -> Iterator[Row]:
    failed = {failure.stage for failure in verdict.failures}
    cells: list[Piece] = [("  ", "value"), _status(verdict.status, 10), (left(verdict.found.address, room), "value")]
    for metric_name, (name, width) in columns.items():
        metric = verdict.metric(metric_name)
        if metric is None:
            cells.append((right("✗", width), "bad") if name in failed else (right("–", width), "dim"))
        else:
            role = "value" if metric.status is Status.OK else _ROLES[metric.status]
            cells.append((right(units.milliseconds(metric.value), width), role))
    yield row(*cells)
    for failure in verdict.failures:
        yield from _failure(failure, indent=12)
    yield from _folded(verdict.notes, "warn", indent=12)
    if verdict.found.broken:
        yield row((f"{'':12}{verdict.found.broken}", "value"))
