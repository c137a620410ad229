"""What a terminal keeps of a session when the screen is gone: five lines, and how to see it again."""

import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence

from natsmon.dial.causes import Cause
from natsmon.state import OutageRecord, State, availability
from natsmon.state.histogram import Histogram
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.plain_text import printable
from natsmon.wording.cause_table import diagnose

WIDTH = 80
"""Columns a line has at most; what is longer is cut."""
_LABEL = 9
_NAME = 32
"""Columns of one name: it must not push out what was measured."""
_SERVERS = 3
"""Servers that are named; more are counted."""


def summary(state: State, now: float, *, died: str | None = None, recordings: Sequence[str] = ()) -> list[str]:
    """Lines without their ends; none where nothing was ever seen. ``now`` is on the stream's clock, as everywhere.

    ``died`` is how the probe ended when it did not as it should, empty where that is not known. ``recordings`` are
    the names of the files that were made.
    """
    if state.connection is None:
        return []
    told = (
        ("watched", _watched(state, now, died)),
        ("up", _up(state, now)),
        ("messages", _messages(state)),
        ("latency", _latency(state)),
        ("servers", _servers(state)),
    )
    lines = [_cut(printable(f"{name:<{_LABEL}}{'; '.join(part for part in parts if part)}")) for name, parts in told]
    return lines + [f"natsmon replay {_quoted(name)}" for name in recordings]


def _watched(state: State, now: float, died: str | None) -> Iterator[str]:
    """How long, when, how it ended, and what."""
    yield f"{units.elapsed(now)}, {_wall(state.wall(0.0))} to {_wall(state.wall(now))}"
    if died is not None:
        yield f"the probe died{f' ({died})' if died else ''}"
    elif state.closed is not None and state.closed.cause == "gave_up":
        yield "it gave up"
    elif state.end is None:
        yield "left before it ended"
    else:
        yield _ENDED.get(state.end.reason, state.end.reason)
    servers = state.connection.servers if state.connection is not None else []
    if servers:
        yield _server(servers[0]) + (f" and {len(servers) - 1} more" if len(servers) > 1 else "")


_ENDED = {"asked": "left", "count": "all were published", "duration": "the time was over"}


def _up(state: State, now: float) -> Iterator[str]:
    share = availability.share_of_run(state, now)
    if share is None:
        last = next((dial for dial in reversed(state.dials) if dial.outcome in ("failed", "timeout")), None)
        why = f": {_cause(last.stage_reached, last.cause)}" if last is not None else ""
        yield f"never connected, {units.plural(state.dial_count, 'attempt')} in {units.elapsed(now)}{why}"
        return
    yield units.percent(share)
    if not state.outage_count:
        yield "no outage"
        return
    longest = max(state.outages, key=lambda outage: outage.downtime(now))
    yield units.plural(state.outage_count, "outage")
    yield f"longest {_outage(state, longest, now)}"


def _outage(state: State, outage: OutageRecord, now: float) -> str:
    lasts = "" if outage.ended is not None else ", not over yet"
    began = _wall(state.wall(outage.began))
    return f"{units.elapsed(outage.downtime(now))} at {began}: {_cause(None, outage.cause)}{lasts}"


def _messages(state: State) -> Iterator[str]:
    """What became of them; nothing is called lost, or not lost, that nobody could see."""
    connection, tally = state.connection, state.tally
    assert connection is not None
    if connection.observing:
        yield _observed(state.observed)
        return
    if not tally.attempted:
        yield "none"
        return
    known = tally.delivered > 0 or tally.lost > 0 or not state.was_unverified
    counts = [(tally.sent, "sent")] if not known else []
    counts += [
        (tally.delivered, "acknowledged" if connection.verification == "ack" else "echoed"),
        (tally.lost, "lost"),
    ] * known
    others = [(tally.rejected, "rejected"), (tally.buffered, "never sent")]
    others += [(tally.in_flight, "without an answer")] * known
    others += [(tally.late, "late"), (tally.duplicate, "duplicate")]
    counts += [(count, what) for count, what in others if count]
    counts = [(tally.attempted, "attempted"), *counts]
    yield ", ".join(f"{units.grouped(count)} {what}" for count, what in counts)
    if state.was_unverified:
        yield f"fates unknown{' for a part of the run' if known else ''}"
    if (found := state.audit) is not None:
        whole = "" if found.complete else ", not read to its end"
        yield f"{units.grouped(found.stored or 0)} of {units.grouped(found.acknowledged)} found in the stream{whole}"


def _observed(seen: ev.Observed | None) -> str:
    if seen is None:
        return "none of others were seen"
    counts = [(seen.missing, "missing"), (seen.duplicate, "duplicate"), (seen.out_of_order, "out of order")]
    told = ", ".join(f"{units.grouped(count)} {what}" for count, what in counts if count or what == "missing")
    return f"{units.grouped(seen.messages)} of {units.plural(seen.publishers, 'publisher')}, {told}"


def _latency(state: State) -> Iterator[str]:
    """Of the whole run."""
    echo = "ack" if state.connection is not None and state.connection.verification == "ack" else "echo"
    both = (("ping", state.pings.run), (echo, state.echoes.run))
    measured = [f"{name} {_percentiles(run)}" for name, run in both if run.count]
    yield f"{', '.join(measured)} ms" if measured else "nothing was measured"


def _percentiles(run: Histogram) -> str:
    p50, p99 = run.percentiles(50, 99)
    return f"p50 {_millis(p50)} p99 {_millis(p99)} max {_millis(run.max)}"


def _servers(state: State) -> Iterator[str]:
    """Those we were on, most often used first, and where it stood at the end."""
    used = Counter(_clip(one.server_name or _server(one.server)) for one in state.periods)
    names = [f"{name} ({count} times)" if count > 1 else name for name, count in used.most_common(_SERVERS)]
    more = f" and {len(used) - _SERVERS} more" if len(used) > _SERVERS else ""
    yield ", ".join(names) + more if names else "none used"
    yield units.plural(state.reconnects, "reconnect")
    cause = Cause(state.status_cause)
    plain = state.status == "CONNECTED" or cause in (Cause.UNKNOWN, Cause.CLOSED)
    yield state.status + ("" if plain else f" ({_cause(None, cause)})")


def _cause(stage: str | None, cause: str) -> str:
    return _clip(diagnose(stage, cause).phrase)


def _server(url: str) -> str:
    return _clip(url.removeprefix("nats://"))


def _millis(seconds: float | None) -> str:
    value = (seconds or 0.0) * 1000
    if value >= 9_999.5:
        return f"{value / 1000:,.0f}s"
    return f"{value:.2f}" if value < 9.995 else f"{value:.1f}" if value < 99.95 else f"{value:,.0f}"


def _wall(at: float) -> str:
    return dates.local("%H:%M:%S", at)


def _clip(name: str) -> str:
    return _cut(printable(name), _NAME)


def _cut(text: str, columns: int = WIDTH) -> str:
    if len(text) <= columns and _columns(text) <= columns:
        return text
    text = text[: columns - 1]
    while _columns(text) > columns - 1:
        text = text[:-1]
    return f"{text}…"


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _quoted(name: str) -> str:
    """As a shell takes it; one that begins with a dash would be a flag."""
    return printable(shlex.quote(f"./{name}" if name.startswith("-") else name))
