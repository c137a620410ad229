"""The summary of a run: one line for each figure that is asked for first."""

from collections.abc import Iterator

from natsmon.dial.causes import Cause
from natsmon.report import words
from natsmon.report.blocks import Cell, Figure, Figures, Kind
from natsmon.report.facts import Latency, Run
from natsmon.text import units
from natsmon.text.plain_text import clip
from natsmon.wording.narration import amounts, end_reason

_SHOWN = 4
_NOTABLE = 0.1
"""Seconds of silence; less is not mentioned."""


def figures(run: Run) -> Figures:
    rows = [_watched(run), _ended(run), _availability(run), _outages(run), *_messages(run)]
    rows += [_latency(name, found) for name, found in (("latency", run.echo), ("ping", run.ping)) if found is not None]
    return Figures((*rows, _servers(run)))


def _watched(run: Run) -> Figure:
    name = f", as {words.name(run.name)}" if run.name else ""
    return Figure("watched", Cell(units.elapsed(run.watched), "strong"), run.clock.span + name)


def _ended(run: Run) -> Figure:
    if run.replaced_by is not None:
        return Figure("ended", Cell("replaced"), f"connection {run.replaced_by} was opened in its place")
    if not run.finished:
        known = run.missing is None or run.timeline[-1].status != "DISCONNECTED"
        return Figure("ended", Cell("unknown", "warn"), "the recording stops" + f" while {run.health}" * known)
    reason = words.name(end_reason(run.end_reason))
    if run.exit_code:
        why = reason if run.closed == Cause.CLOSED else clip(run.closed)
        return Figure("ended", Cell(f"exit code {run.exit_code}", "bad"), why or reason)
    return Figure("ended", Cell("normally"), reason)


def _availability(run: Run) -> Figure:
    found = run.availability
    if run.missing is not None:
        return Figure("availability", Cell("unknown", "warn"), "the beginning is not in the recording")
    if found.share is None:
        return Figure("availability", Cell("never connected", "bad"), units.plural(run.dials, "attempt"))
    kind: Kind = "good" if found.share >= 1.0 else "bad"
    note = f"{units.elapsed(found.down)} without a connection" if found.down else "no time without a connection"
    if found.silent >= _NOTABLE and found.share_without_silence is not None:
        share = units.availability(found.share_without_silence)
        note += f"; {share} without the {units.elapsed(found.silent)} in which the server was silent"
    if run.without_delivery >= _NOTABLE:
        note += f"; connected, but no message was delivered for {units.elapsed(run.without_delivery)}"
    return Figure("availability", Cell(units.availability(found.share), kind), note)


def _outages(run: Run) -> Figure:
    found = run.availability
    if found.share is None and run.missing is None:
        return Figure("outages", Cell("none"), "there was no connection to lose")
    parts = [f"longest {units.elapsed(found.longest)}"] if found.longest is not None and found.outages else []
    if found.between is not None and found.outages > 1:
        parts.append(f"one in {units.elapsed(found.between)} of connection")
    if found.to_recover is not None and found.outages > 1:
        parts.append(f"{units.elapsed(found.to_recover)} to recover, on average")
    if found.manual:
        parts.append(f"{units.plural(found.manual, 'manual reconnect')}, not counted")
    outages = Cell(f"{found.outages:,}", "bad") if found.outages else Cell("none", "good")
    return Figure("outages", outages, ", ".join(parts))


def _messages(run: Run) -> Iterator[Figure]:
    if (seen := run.observed) is not None:
        missing = Cell(f"{seen.missing:,}", "bad" if seen.missing > 0 else "good")
        note = f"of {units.plural(seen.messages, 'message')} of {units.plural(seen.publishers, 'publisher')}"
        yield Figure("missing", missing, note)
    if run.messages.attempted:
        yield _lost(run)
        if run.messages.undelivered:
            note = "did not come back: a subject mapping, an import or another account may take them"
            yield Figure("undelivered", Cell(units.plural(run.messages.undelivered, "message"), "bad"), note)
        yield _totals(run)
    if run.audit is not None:
        yield _audit(run)


def _lost(run: Run) -> Figure:
    sums = run.messages
    if run.unverified or run.verification == "none":
        partly = " in a part of the run" if sums.delivered or sums.lost else ""
        reason = words.name(run.unverified) or "nothing is received"
        return Figure("lost", Cell("unknown", "warn"), f"delivery not verified{partly}: {reason}")
    kind: Kind = "bad" if sums.lost else "good" if sums.sent else "plain"
    share = f"{units.part(sums.lost, sums.sent)} of {sums.sent:,} sent" if sums.lost else ""
    lost = units.plural(sums.lost, "message") if sums.lost else "none"
    return Figure("lost", Cell(lost, kind), share if sums.sent else "nothing was sent")


def _totals(run: Run) -> Figure:
    sums = run.messages
    parts = units.counts((sums.delivered, "acknowledged" if run.verification == "ack" else "delivered"))
    parts += amounts(sums, "rejected", "buffered", "in_flight", "unverified", "late", "duplicate", "out_of_order")
    return Figure("messages", Cell(f"{sums.attempted:,}"), ", ".join(parts))


def _audit(run: Run) -> Figure:
    found = run.audit
    assert found is not None
    stored = "unknown" if found.stored is None else f"{found.stored:,}"
    note = f"acknowledged and found in stream {words.name(found.stream)}"
    if found.missing or found.twice:
        note += f", {found.missing:,} missing, {found.twice:,} twice"
    note += "" if found.complete else ", not read to its end"
    kind: Kind = "good" if found.complete and not (found.missing or found.twice) else "bad"
    return Figure("stored", Cell(f"{stored} of {found.acknowledged:,}", kind), note)


def _latency(name: str, latency: Latency) -> Figure:
    run = latency.run
    note = f"p99 {units.elapsed(run.p99)}, longest {units.elapsed(run.max)}"
    return Figure(name, Cell(f"p50 {units.elapsed(run.p50)}"), note)


def _servers(run: Run) -> Figure:
    used = [server for server in run.servers if server.connections]
    names = [words.server(server.server, run) for server in used[:_SHOWN]]
    first = ", ".join(names) + units.and_more(len(used) - _SHOWN)
    return Figure("servers", Cell(f"{len(used)} used" if used else "none used"), first)
