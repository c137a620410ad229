"""Outages: a table of them, and a paragraph each with the cause, the cost and what to try."""

from collections.abc import Iterator

from natsmon.report import words
from natsmon.report.blocks import Block, Cell, Column, Heading, Prose, Table
from natsmon.report.facts import Outage, Run
from natsmon.text import units
from natsmon.text.plain_text import clip
from natsmon.wording.cause_table import diagnose

SHOWN = 200
"""Told one by one; of more the longest."""
_FAILURES_SHOWN = 3
_RUNS_SHOWN = 6
_NOTICED = 0.001
"""Seconds; a loss noticed sooner was noticed at once."""
_COLUMNS = (
    Column("#", "right"),
    Column("at (UTC)"),
    Column("lasted", "right"),
    Column("cause"),
    Column("from"),
    Column("to"),
    Column("dials", "right"),
    Column("lost", "right"),
)


def blocks(run: Run, level: int) -> Iterator[Block]:
    if not run.outages:
        return
    yield Heading("Outages", level)
    clock = words.Clock(run)
    shown = run.outages
    if len(shown) > SHOWN:
        shown = tuple(sorted(sorted(shown, key=lambda outage: -outage.seconds)[:SHOWN], key=lambda o: o.number))
        yield Prose(f"The {SHOWN} longest of {units.grouped(len(run.outages))}; --format json has all of them.", "dim")
    yield Table("Outages, in the order of time", _COLUMNS, tuple(_row(o, clock) for o in shown))
    for outage in shown:
        yield Prose(paragraph(outage, clock), lead=f"Outage {outage.number}.")
        if advice := what_to_try(outage):
            yield Prose(advice, "strong", lead="What to try:")


def _row(outage: Outage, clock: words.Clock) -> tuple[Cell, ...]:
    lasted = units.elapsed(outage.seconds) + ("" if outage.ended is not None else "+")
    lost = units.grouped(outage.lost) if outage.lost_known else "?"
    return (
        Cell(str(outage.number)),
        Cell(clock.at(outage.began)),
        Cell(lasted, "bad"),
        Cell(words.cause(outage.cause)),
        Cell(words.server(outage.before)),
        Cell("the same" if outage.before and outage.before == outage.after else words.server(outage.after)),
        Cell(units.grouped(outage.dials)),
        Cell(lost, "bad" if outage.lost or not outage.lost_known else "plain"),
    )


def paragraph(outage: Outage, clock: words.Clock) -> str:
    """What happened from the loss to the return, and what it cost."""
    return " ".join(part for part in (_lost(outage, clock), _noticed(outage), _dials(outage), _cost(outage)) if part)


def _lost(outage: Outage, clock: words.Clock) -> str:
    at, where = clock.at(outage.began), words.server(outage.before)
    if outage.cause == "manual":
        return f"At {at} the connection to {where} was left because a reconnect was asked for."
    happened = diagnose(None, outage.cause).happened
    said = clip(outage.text)
    told = f"At {at} the connection to {where} was lost: {happened}"
    if said and said.casefold() not in happened.casefold():
        told += f" ({said})"
    reason = f" The server's own reason: {clip(outage.reason)}." if outage.reason else ""
    return f"{told}.{reason}"


def _noticed(outage: Outage) -> str:
    if outage.cause == "manual" or outage.detected_after < _NOTICED:
        return ""
    return f"It was noticed {units.elapsed(outage.detected_after)} after the last sign of life."


def _dials(outage: Outage) -> str:
    dials = units.plural(outage.dials, "dial")
    failed = [
        f"{words.server(failure.server)} {'' if failure.count == 1 else f'{units.grouped(failure.count)} times '}"
        f"({words.cause(failure.cause)}{f' in {failure.stage}' if failure.stage else ''})"
        for failure in outage.failures[:_FAILURES_SHOWN]
    ]
    if len(outage.failures) > _FAILURES_SHOWN:
        failed.append("others")
    of = f" to {units.plural(outage.servers, 'server')}" if outage.servers > 1 else ""
    failing = f", of which failed: {words.join(failed)}" if failed else ""
    lasted = units.elapsed(outage.seconds)
    if outage.ended is None:
        return f"It lasts still when the recording ends, after {lasted} and {dials}{of}{failing}."
    if not outage.after:
        return f"After {lasted} and {dials}{of}{failing}, the connection was closed."
    where = "the same server" if outage.after == outage.before else words.server(outage.after)
    subscribed, echo = outage.subscribed_after, outage.first_echo_after
    heard = f", resubscribed {units.elapsed(subscribed)} later" if subscribed is not None else ""
    came = f", and the first message came back after {units.elapsed(echo)}" if echo is not None else ""
    return f"After {lasted} and {dials}{of}{failing}, it was back on {where}{heard}{came}."


def _cost(outage: Outage) -> str:
    if not outage.settled:
        return "What it cost in messages is not told in the recording."
    counts = [
        (outage.lost, "lost"),
        (outage.rejected, "rejected because the buffer was full"),
        (outage.buffered, "buffered and sent afterwards"),
        (outage.unverified, "with a fate unknown"),
        (outage.late, "late"),
        (outage.duplicate, "duplicate"),
    ]
    cost = [f"{units.grouped(count)} {what}" for count, what in counts if count]
    which = _numbers(outage.lost_seqs)
    told = f"Messages: {words.join(cost)}.{which}" if cost else ""
    if not outage.lost_known:
        return f"{told} What was lost is not known.".strip()
    return told or "No message was lost."


def _numbers(runs: tuple[tuple[int, int], ...]) -> str:
    if not runs:
        return ""
    told = [str(first) if first == last else f"{first}–{last}" for first, last in runs[:_RUNS_SHOWN]]
    more = " and more" if len(runs) > _RUNS_SHOWN else ""
    lost = "was number" if len(told) == 1 and told[0].isdigit() else "were numbers"
    return f" Lost {lost} {', '.join(told)}{more}."


def what_to_try(outage: Outage) -> str:
    """For the loss, and for the most frequent way in which a dial failed since."""
    found = [diagnose(None, outage.cause).advice] if outage.cause != "manual" else []
    found += [diagnose(failure.stage, failure.cause).advice for failure in outage.failures[:_FAILURES_SHOWN]]
    return " ".join(map(_sentence, dict.fromkeys(advice for advice in found if advice)))


def _sentence(advice: str) -> str:
    return advice[0].upper() + advice[1:] + ("" if advice.endswith("?") else ".")
