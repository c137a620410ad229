"""A check for a person: one server stage by stage, or every address in a table."""

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby

from natsmon.check.verdict import (
    NO_ADDRESS,
    Failure,
    Metric,
    Status,
    Verdict,
    failure_of,
    in_wire_order,
    slowest,
    worst,
)
from natsmon.state import Dial
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.plain_text import clip, printable

_WIDTH = 79
_BAR = 18
_NOTE_AT = 43
_NAME_LIMIT = 40
_COLOURS = {Status.OK: "32", Status.WARNING: "33", Status.CRITICAL: "31", Status.UNKNOWN: "35"}
_BOLD, _DIM, _RED = "1", "2", "31"
_COLUMNS = (
    ("tcp", "tcp_time", 6),
    ("tls", "tls_time", 6),
    ("info", "info_time", 6),
    ("connect", "auth_time", 8),
    ("total", "connect_time", 7),
    ("rtt", "rtt", 6),
    ("request", "request_time", 8),
)


class Pen:
    """Colours words, or leaves them as they are."""

    def __init__(self, *, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self._colour and text else text

    def status(self, status: Status, width: int = 0) -> str:
        return self(f"{status.name:<{width}}", _BOLD, _COLOURS[status])


# -- one server ---------------------------------------------------------------------------------------


def stages(verdict: Verdict, *, colour: bool = False) -> str:
    """One check, stage by stage, the slowest marked; the servers that failed before it too."""
    pen = Pen(colour=colour)
    found = verdict.found
    lines: list[str] = []
    for dial in found.dials:
        last = dial is found.dial
        status = verdict.status if last or not found.connected else None
        lines += [f"{pen.status(status)}  {dial.server}" if status is not None else f"{dial.server}", ""]
        lines += _waterfall(dial, pen)
        if dial.outcome != "connected":
            lines += ["", *_failure(failure_of(dial), pen, indent=2)]
        lines.append("")
    if found.connected:
        lines += [_measured(metric, pen) for metric in verdict.metrics if metric.limit is not None]
        if found.failed is not None:
            lines += ["", *_failure(found.failed, pen, indent=2)]
        lines.append("")
    if found.broken:
        lines = [f"{pen.status(verdict.status)}  {found.server}", "", f"  {found.broken}", ""]
    return "\n".join(lines[:-1]) + "\n"


def _waterfall(dial: Dial, pen: Pen) -> Iterator[str]:
    order, longest = in_wire_order(dial), slowest(dial)
    total = max(sum(record.elapsed for record in dial.stages.values()), 1e-9)
    reached = 0.0
    for stage in order:
        record = dial.stages[stage]
        failed = record.outcome != "complete"
        marked = stage == longest and dial.outcome == "connected"
        bar = _bar(reached / total, record.elapsed / total)
        reached += record.elapsed
        note = ("slowest", *_facts(dial, stage)) if marked else _facts(dial, stage)
        if failed:
            note = (record.cause.replace("_", " ") or record.outcome,)
        first, *rest = textwrap.wrap(", ".join(note), _WIDTH - _NOTE_AT) or [""]
        mark = pen("✗", _BOLD, _RED) if failed else pen("▸", _BOLD) if marked else " "
        row = f"{mark} {stage:<8}{units.elapsed(record.elapsed):>9}  "
        row += f"{pen(f'{bar:<{_BAR}}', _RED if failed else '36')}   {pen(first, _RED if failed else _DIM)}"
        yield row.rstrip()
        yield from (" " * (_NOTE_AT - 1) + pen(more, _DIM) for more in rest)
        if stage == "tcp" and len(dial.addresses) > 1:
            yield from _race(dial, pen)
    stage_reached = dial.stage_reached
    if dial.outcome != "connected" and stage_reached is not None and stage_reached not in dial.stages:
        cause = dial.cause.replace("_", " ")  # refused before it began
        yield f"{pen('✗', _BOLD, _RED)} {stage_reached:<8}{'–':>9}  {'':{_BAR}}   {pen(cause, _RED)}"


def _bar(start: float, share: float) -> str:
    at = min(round(start * _BAR), _BAR - 1)
    cells = round(share * _BAR)
    return " " * at + ("█" * min(cells, _BAR - at) if cells else "▏")


def _race(dial: Dial, pen: Pen) -> Iterator[str]:
    """What became of each address, where several were tried."""
    room = max(len(tried.address) for tried in dial.addresses)
    for tried in dial.addresses:
        ending = {"complete": "connected", "cancelled": "another was faster"}.get(tried.outcome, tried.cause)
        yield f"          {units.elapsed(tried.elapsed):>9}  {pen(f'{tried.address:<{room}}  {ending}', _DIM)}"


def _facts(dial: Dial, stage: ev.Stage) -> tuple[str, ...]:
    """What a stage that went well has shown."""
    match stage:
        case "tcp":
            connected = [tried.address for tried in dial.addresses if tried.outcome == "complete"]
            return tuple(connected) if len(dial.addresses) == 1 else ()
        case "tls" if dial.tls is not None:
            until = f"certificate until {dates.day(dial.tls.chain[0].not_after)}" if dial.tls.chain else ""
            return tuple(part for part in (dial.tls.version, until) if part)
        case "info" if dial.info is not None:
            info = dial.info.info
            name = info.get("server_name") if info.get("server_name") != info.get("server_id") else ""
            words = " ".join(_named(word) for word in (name, info.get("version")) if word)
            return tuple(part for part in (words, f"cid {info['client_id']}" if info.get("client_id") else "") if part)
        case "connect" if dial.connect is not None and dial.connect.credentials:
            return (printable(dial.connect.credentials),)
    return ()


def _named(said: object) -> str:
    return clip(printable(str(said)), _NAME_LIMIT)


_MEASURED = {
    "connect_time": ("connect", "from the first dial to PONG"),
    "rtt": ("rtt", "PING to PONG"),
    "request_time": ("request", "publish to receive"),
}


def _measured(metric: Metric, pen: Pen) -> str:
    name, note = _MEASURED[metric.name]
    assert metric.limit is not None
    row = f"  {'total' if name == 'connect' else name:<8}{units.elapsed(metric.value):>9}  {pen(f'{note:<27}', _DIM)}"
    if metric.status is Status.OK:
        return row.rstrip()
    limit = metric.limit.critical if metric.status is Status.CRITICAL else metric.limit.warning
    return f"{row}  {pen.status(metric.status)}, limit {units.go_duration(limit)}"


def _failure(failure: Failure, pen: Pen, *, indent: int) -> list[str]:
    """What happened, why, in whose words, and what to try."""
    told = [pen(failure.happened, _BOLD, _RED)]
    for line in (failure.reason, failure.advice):
        told += textwrap.wrap(line, _WIDTH - indent)
    return [" " * indent + line for line in told]


# -- every address ------------------------------------------------------------------------------------


def table(verdicts: Sequence[Verdict], *, colour: bool = False) -> str:
    """Every address of every server, side by side; times in milliseconds."""
    pen = Pen(colour=colour)
    columns = [column for column in _COLUMNS if column[0] != "tls" or any(v.metric("tls_time") for v in verdicts)]
    room = max(len("address"), *(len(v.found.address) for v in verdicts))
    head = f"  {'':<10}{'address':<{room}}" + "".join(f"{name:>{width}}" for name, _, width in columns)
    lines = [f"{pen.status(worst(verdicts))}  {_summary(verdicts)}", "", pen(head, _DIM)]
    for server, group in groupby(verdicts, key=lambda verdict: verdict.found.server):
        of_server = list(group)
        lines.append(server + pen(_lookup(of_server[0]), _DIM))
        for verdict in of_server:
            lines += _address(verdict, columns, room, pen)
    return "\n".join(lines) + "\n"


def _summary(verdicts: Sequence[Verdict]) -> str:
    servers = len({verdict.found.server for verdict in verdicts})
    addresses = sum(verdict.found.address != NO_ADDRESS for verdict in verdicts)
    counts = [(sum(v.status is status for v in verdicts), status.name) for status in Status]
    told = ", ".join(f"{count} {name}" for count, name in counts if count)
    return f"{units.plural(addresses, 'address', 'es')} of {units.plural(servers, 'server')}: {told}; times in ms"


def _lookup(verdict: Verdict) -> str:
    """How long the name took to resolve, where there was a name."""
    dns = verdict.metric("dns_time")
    return f"  resolved in {units.elapsed(dns.value)}" if dns and verdict.found.where != verdict.found.server else ""


def _address(verdict: Verdict, columns: Sequence[tuple[str, str, int]], room: int, pen: Pen) -> Iterator[str]:
    failed = {failure.stage for failure in verdict.failures}
    cells = ""
    for name, metric_name, width in columns:
        metric = verdict.metric(metric_name)
        if metric is None:
            cells += pen(f"{'✗':>{width}}", _RED) if name in failed else pen(f"{'–':>{width}}", _DIM)
        else:
            codes = () if metric.status is Status.OK else (_COLOURS[metric.status],)
            cells += pen(f"{units.milliseconds(metric.value):>{width}}", *codes)
    yield f"  {pen.status(verdict.status, 10)}{verdict.found.address:<{room}}{cells}"
    for failure in verdict.failures:
        yield from _failure(failure, pen, indent=12)
    if verdict.found.broken:
        yield f"{'':12}{verdict.found.broken}"
