"""The first screen: how long, how available, what was lost, how fast."""

from collections.abc import Iterator

from natsmon.report import words
from natsmon.report.blocks import Cell, Figure, Figures, Kind
from natsmon.report.facts import Latency, Run
from natsmon.text import units
from natsmon.text.plain_text import clip

_SHOWN = 4
_NOTABLE = 0.1
"""Seconds of silence; less is what it takes to notice a loss at once."""


_WHY = {
    "asked": "it was left",
    "signal": "a signal ended it",
    "count": "all messages of --count were published",
    "duration": "the time of --duration was over",
}


def figures(run: Run) -> Figures:
    rows = [_watched(run), _ended(run), _availability(run), _outages(run), *_messages(run)]
    rows += [row for row in (_latency("latency", run.echo), _latency("ping", run.ping)) if row is not None]
    return Figures((*rows, _servers(run)))


def _watched(run: Run) -> Figure:
    whose = f", as {words.name(run.name)}" if run.name else ""
    return Figure("watched", Cell(units.elapsed(run.watched), "strong"), words.Clock(run).span(run.seconds) + whose)


def _ended(run: Run) -> Figure:
    if not run.finished:
        known = run.missing is None or run.status != "DISCONNECTED"
        return Figure("ended", Cell("not told", "warn"), "the recording stops" + f" while {run.status}" * known)
    why = _WHY.get(run.why) or words.name(run.why)
    if run.exit_code:
        reason = clip(run.closed) or why
        return Figure("ended", Cell(f"exit code {run.exit_code}", "bad"), reason)
    return Figure("ended", Cell("as it should"), why)


def _availability(run: Run) -> Figure:
    found = run.availability
    if run.missing is not None:
        return Figure("availability", Cell("not known", "warn"), "the beginning is not in the recording")
    if found.share is None:
        return Figure("availability", Cell("never connected", "bad"), f"{units.plural(run.dials, 'dial')}")
    kind: Kind = "good" if found.share >= 1.0 else "bad"
    note = f"{units.elapsed(found.down)} without a connection" if found.down else "no time without a connection"
    if found.unnoticed >= _NOTABLE:
        note += f"; {units.elapsed(found.unnoticed)} more of silence before losses were noticed"
    return Figure("availability", Cell(words.share(found.share), kind), note)


def _outages(run: Run) -> Figure:
    found = run.availability
    if found.share is None and run.missing is None:
        return Figure("outages", Cell("none"), "there was no connection to lose")
    if not found.outages:
        return Figure("outages", Cell("none", "good"))
    parts = [f"longest {units.elapsed(found.longest)}"] if found.longest is not None else []
    if found.between is not None and found.outages > 1:
        parts.append(f"one in {units.elapsed(found.between)} of connection")
    if found.to_recover is not None and found.outages > 1:
        parts.append(f"{units.elapsed(found.to_recover)} to recover, on average")
    if found.manual:
        parts.append(f"{units.grouped(found.manual)} asked for")
    kind: Kind = "warn" if found.manual == found.outages else "bad"
    return Figure("outages", Cell(units.grouped(found.outages), kind), ", ".join(parts))


def _messages(run: Run) -> Iterator[Figure]:
    told = run.messages
    if (seen := run.observed) is not None:
        missing = Cell(units.grouped(seen.missing), "bad" if seen.missing > 0 else "good")
        note = f"of {units.plural(seen.messages, 'message')} of {units.plural(seen.publishers, 'publisher')}"
        yield Figure("missing", missing, note)
    if told.attempted:
        came = "acknowledged" if run.verification == "ack" else "echoed"
        if run.blind or run.verification == "none":
            why = words.name(run.blind) or "nothing is listened to"
            partly = "for part of the run: " if told.delivered or told.lost else ""
            yield Figure("lost", Cell("not known", "warn"), partly + why)
        else:
            kind: Kind = "bad" if told.lost else "good" if told.sent else "plain"
            note = f"{words.part(told.lost, told.sent)} of {units.grouped(told.sent)} sent" if told.lost else ""
            note = note if told.sent else "nothing was sent"
            yield Figure("lost", Cell(units.plural(told.lost, "message") if told.lost else "none", kind), note)
        others = [(told.delivered, came), (told.rejected, "rejected"), (told.buffered, "never sent")]
        others += [(told.in_flight, "without an answer"), (told.late, "late"), (told.duplicate, "duplicate")]
        others += [(told.out_of_order, "out of order")]
        counts = ", ".join(f"{units.grouped(count)} {what}" for count, what in others if count)
        yield Figure("messages", Cell(units.grouped(told.attempted)), counts)
    if (found := run.read_back) is not None:
        kept = found.complete and not (found.missing or found.twice)
        stored = f"{units.grouped(found.stored or 0)} of {units.grouped(found.acknowledged)}"
        wrong = "" if kept else f", {units.grouped(found.missing)} missing, {units.grouped(found.twice)} twice"
        wrong += "" if found.complete else ", not read to its end"
        note = f"acknowledged and found in stream {words.name(found.stream)}{wrong}"
        yield Figure("stored", Cell(stored, "good" if kept else "bad"), note)


def _latency(name: str, latency: Latency | None) -> Figure | None:
    if latency is None:
        return None
    run = latency.run
    note = f"p99 {units.elapsed(run.p99)}, longest {units.elapsed(run.max)}"
    return Figure(name, Cell(f"p50 {units.elapsed(run.p50)}"), note)


def _servers(run: Run) -> Figure:
    used = [server for server in run.servers if server.connections]
    names = [words.server(server.server) for server in used[:_SHOWN]]
    more = f" and {len(used) - _SHOWN} more" if len(used) > _SHOWN else ""
    return Figure("servers", Cell(f"{len(used)} used" if used else "none used"), ", ".join(names) + more)
