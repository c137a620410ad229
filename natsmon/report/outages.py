"""Outages: a table, and a paragraph for each with its cause, its cost and what to try."""

from collections.abc import Iterator

from natsmon.report import words
from natsmon.report.blocks import Block, Cell, Cells, Heading, Prose, table
from natsmon.report.facts import Outage, Run
from natsmon.text import units
from natsmon.text.plain_text import clip
from natsmon.wording.cause_table import diagnose

SHOWN = 200
"""Outages shown; of more, the longest."""
_FAILURES_SHOWN = 3
_RUNS_SHOWN = 6
_DETECTED = 0.001
"""Seconds; a loss detected sooner was detected at once."""
_NUMBERS = ("#", "lasted", "dials", "lost")
_COLUMNS = ("#", "at (UTC)", "lasted", "cause", "from", "to", "dials", "lost")


def blocks(run: Run, level: int) -> Iterator[Block]:
    """Table and paragraphs, manual reconnects included; nothing without an outage."""
    if not run.outages:
        return
    yield Heading("Outages" if run.availability.outages else "Manual reconnects", level)
    shown = run.outages
    if len(shown) > SHOWN:
        shown = tuple(sorted(sorted(shown, key=lambda outage: -outage.seconds)[:SHOWN], key=lambda o: o.number))
        yield Prose(f"The {SHOWN} longest of {len(run.outages):,}; --format json has all of them.", "dim")
    yield table("Outages, in the order of time", _COLUMNS, (_row(outage, run) for outage in shown), right=_NUMBERS)
    for outage in shown:
        what = "Manual reconnect" if outage.manual else "Outage"
        yield Prose(paragraph(outage, run), lead=f"{what} {outage.number}.")
        if advice := what_to_try(outage):
            yield Prose(advice, "strong", lead="What to try:")


def _row(outage: Outage, run: Run) -> Cells:
    lasted = units.elapsed(outage.seconds) + ("" if outage.ended is not None else "+")
    lost = f"{outage.lost:,}" if outage.lost_known else "?"
    return (
        str(outage.number),
        run.clock.at(outage.began),
        Cell(lasted, "plain" if outage.manual else "bad"),
        diagnose(None, outage.cause).phrase,
        words.server(outage.before, run, outage.before_name),
        "the same" if outage.before and outage.same_server else words.server(outage.after, run, outage.after_name),
        f"{outage.dials:,}",
        Cell(lost, "bad" if outage.lost or not outage.lost_known else "plain"),
    )


def paragraph(outage: Outage, run: Run) -> str:
    """What happened from the loss to the reconnect, and what it cost."""
    parts = _lost(outage, run), _detected(outage), _dials(outage, run), _cost(outage)
    return " ".join(part for part in parts if part)


def _lost(outage: Outage, run: Run) -> str:
    at, where = run.clock.at(outage.began), words.server(outage.before, run, outage.before_name)
    if outage.cause == "manual":
        return f"At {at} the user asked for a reconnect; the connection before was to {where}."
    meaning = diagnose(None, outage.cause).meaning
    text = clip(outage.text)
    lost = f"At {at} the connection to {where} was lost: {meaning}"
    if text and text.casefold() not in meaning.casefold():
        lost += f" ({text})"
    reason = f" The server's reason: {clip(outage.reason)}." if outage.reason else ""
    return f"{lost}.{reason}"


def _detected(outage: Outage) -> str:
    if outage.cause == "manual" or outage.detected_after < _DETECTED:
        return ""
    return f"It was detected {units.elapsed(outage.detected_after)} after the last data."


def _dials(outage: Outage, run: Run) -> str:
    dials = units.plural(outage.dials, "dial")
    failed = [
        f"{words.server(failure.server, run)} {'' if failure.count == 1 else f'{failure.count:,} times '}"
        f"({diagnose(failure.stage, failure.cause).phrase}{f' in {failure.stage}' if failure.stage else ''})"
        for failure in outage.failures[:_FAILURES_SHOWN]
    ]
    if len(outage.failures) > _FAILURES_SHOWN:
        failed.append("others")
    of = f" to {units.plural(outage.servers, 'server')}" if outage.servers > 1 else ""
    failing = f" (failed: {words.join(failed)})" if failed else ""
    lasted = units.elapsed(outage.seconds)
    if outage.ended is None:
        return f"It was not over when the recording ended, after {lasted} and {dials}{of}{failing}."
    if not outage.after:
        return f"After {lasted} and {dials}{of}{failing} the connection was closed for good."
    where = "the same server" if outage.same_server else words.server(outage.after, run, outage.after_name)
    subscribed, echo = outage.subscribed_after, outage.first_echo_after
    then = f"; resubscribed {units.elapsed(subscribed)} later" if subscribed is not None else ""
    then += f"; first message delivered {units.elapsed(echo)} later" if echo is not None else ""
    return f"Reconnected to {where} after {lasted} and {dials}{of}{failing}{then}."


def _cost(outage: Outage) -> str:
    if not outage.settled:
        return "Its cost in messages is not in the recording."
    sent = "and sent afterwards" if outage.after else "and not sent until then"
    cost = units.counts(
        (outage.lost, "lost"),
        (outage.rejected, "rejected because the buffer was full"),
        (outage.buffered, f"buffered {sent}"),
        (outage.unverified, "not verified"),
        (outage.late, "late"),
        (outage.duplicate, "duplicate"),
    )
    which = _numbers(outage.lost_seqs)
    messages = f"Messages: {words.join(cost)}.{which}" if cost else ""
    if not outage.lost_known:
        return f"{messages} How many were lost is unknown.".strip()
    return messages or "No message was lost."


def _numbers(runs: tuple[tuple[int, int], ...]) -> str:
    if not runs:
        return ""
    numbers = [str(first) if first == last else f"{first}–{last}" for first, last in runs[:_RUNS_SHOWN]]
    more = " and more" if len(runs) > _RUNS_SHOWN else ""
    lost = "number" if len(numbers) == 1 and numbers[0].isdigit() else "numbers"
    return f" Lost: {lost} {', '.join(numbers)}{more}."


def what_to_try(outage: Outage) -> str:
    """Advice for the loss, and for the most frequent failures of its dials."""
    found = [diagnose(None, outage.cause).advice] if outage.cause != "manual" else []
    found += [diagnose(failure.stage, failure.cause).advice for failure in outage.failures[:_FAILURES_SHOWN]]
    different = dict.fromkeys(advice for advice in found if advice)
    return " ".join(each[0].upper() + each[1:] + ("" if each.endswith("?") else ".") for each in different)
