"""Summary of a session, left in the terminal when the dashboard ends: six lines, and how to replay it."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size

from natsmon.state import State, availability
from natsmon.state.histogram import Histogram
from natsmon.state.server_names import address
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.plain_text import printable
from natsmon.wording.cause_table import diagnose
from natsmon.wording.health import Feed, health, last_failure
from natsmon.wording.narration import amounts, end_reason

WIDTH = 80
"""Cells of a line, at most."""
_LABEL = 9
_NAME = 32
"""Cells of one name, at most: it must not displace figures."""
_SERVERS = 3
"""Servers that are named; the others are counted."""
_NOTABLE = 0.1
"""Seconds of silence; less is not mentioned."""


def summary(state: State, now: float, *, stopped: str | None = None, recordings: Sequence[str] = ()) -> list[str]:
    """The lines of the summary at a time of the stream's clock; none when no connection began.

    ``stopped`` is how the monitor process ended unexpectedly, empty when that is unknown; None when it did not.
    ``recordings`` are the names of the files that were recorded.
    """
    if state.connection is None:
        return []
    feed = Feed(stopped=stopped is not None, exit_reason=stopped or "")
    lines = (
        ("watched", _watched(state, now, feed)),
        ("up", _up(state, now)),
        ("outages", _outages(state, now)),
        ("messages", _messages(state)),
        ("latency", _latency(state)),
        ("servers", _servers(state, now, feed)),
    )
    summary = [_cut(printable(f"{name:<{_LABEL}}{'; '.join(part for part in parts if part)}")) for name, parts in lines]
    return summary + [f"natsmon replay {_quoted(name)}" for name in recordings]


def _watched(state: State, now: float, feed: Feed) -> Iterator[str]:
    """How long, when, how it ended, and the servers that were given."""
    yield f"{units.elapsed(now - state.began)}, {_wall(state.wall(state.began))} to {_wall(state.wall(now))}"
    if state.replaced_by is not None:
        yield "replaced by another connection"
    elif feed.stopped:
        yield f"monitor stopped{f' ({feed.exit_reason})' if feed.exit_reason else ''}"
    elif state.closed is not None and state.closed.cause == "gave_up":
        yield "gave up"
    else:
        yield end_reason(state.end.reason) if state.end is not None else "quit before its end"
    servers = state.connection.servers if state.connection is not None else []
    if servers:
        yield _server(servers[0]) + units.and_more(len(servers) - 1)


def _up(state: State, now: float) -> Iterator[str]:
    """Availability, silence, and manual reconnects."""
    share = availability.share_of_run(state, now)
    if share is None:
        reason = last_failure(state)
        attempts = f"{units.plural(state.dial_count, 'attempt')} in {units.elapsed(now - state.began)}"
        yield f"never connected, {attempts}" + (f": {reason}" if reason else "")
        return
    yield units.availability(share)
    if (silent := state.silent_seconds(now)) >= _NOTABLE:
        yield f"silent {units.elapsed(silent)}"
    if state.manual_reconnects:
        yield units.plural(state.manual_reconnects, "manual reconnect")


def _outages(state: State, now: float) -> Iterator[str]:
    outages = availability.known_outages(state)
    if not outages:
        yield "none"
        return
    yield f"{state.outage_count:,}"
    if state.outage_count > 1:
        yield f"{units.elapsed(state.downtime(now))} in all"
    longest = max(outages, key=lambda outage: outage.downtime(now))
    lasts = "" if longest.ended is not None else ", not over"
    at, cause = _wall(state.wall(longest.began)), diagnose(None, longest.known_cause).phrase
    yield f"longest {units.elapsed(longest.downtime(now))} at {at}{lasts}: {cause}"


def _messages(state: State) -> Iterator[str]:
    """Totals; what was not verified is neither called lost nor delivered."""
    tally = state.tally
    if state.observing:
        yield _observed(state.observed)
        return
    if not tally.attempted:
        yield "none"
        return
    verified = tally.delivered > 0 or tally.lost > 0 or not state.was_unverified
    delivered = "acknowledged" if state.acknowledged else "delivered"
    sums = [(tally.attempted, "attempted"), *([(tally.delivered, delivered), (tally.lost, "lost")] * verified)]
    others = amounts(tally, "undelivered", "rejected", "buffered", "in_flight", "unverified", "late", "duplicate")
    yield ", ".join([*(f"{count:,} {what}" for count, what in sums), *others])
    if state.was_unverified:
        yield f"delivery {'partly ' * verified}not verified"
    if (found := state.audit) is not None:
        stored = "unknown" if found.stored is None else f"{found.stored:,}"
        whole = "" if found.complete else ", not read to its end"
        yield f"{stored} of {found.acknowledged:,} found in the stream{whole}"


def _observed(seen: ev.Observed | None) -> str:
    if seen is None:
        return "no message observed"
    messages = f"{seen.messages:,} of {units.plural(seen.publishers, 'publisher')}"
    wrong = amounts(seen, "duplicate", "out_of_order")
    return ", ".join([messages, f"{seen.missing:,} missing", *wrong])


def _latency(state: State) -> Iterator[str]:
    """Of the run, in milliseconds."""
    echo = "ack" if state.acknowledged else "echo"
    both = (("ping", state.pings.run), (echo, state.echoes.run))
    measured = [f"{name} {_percentiles(run)}" for name, run in both if run.count]
    yield f"{', '.join(measured)} ms" if measured else "not measured"


def _percentiles(run: Histogram) -> str:
    p50, p99 = run.percentiles(50, 99)
    return " ".join(
        f"{name} {units.milliseconds(value or 0.0)}" for name, value in (("p50", p50), ("p99", p99), ("max", run.max))
    )


def _servers(state: State, now: float, feed: Feed) -> Iterator[str]:
    """The servers connected to, most often used first, and the health at the end."""
    used = Counter(_clip(one.server_name or _server(one.server)) for one in state.periods)
    outrun = len(state.periods) == state.periods.maxlen  # earlier ones are not kept
    names = [
        f"{name} ({count} times)" if count > 1 and not outrun else name for name, count in used.most_common(_SERVERS)
    ]
    yield ", ".join(names) + units.and_more(len(used) - _SERVERS) if names else "none used"
    yield units.plural(state.reconnects, "reconnect")
    if state.replaced_by is not None:
        return
    found = health(state, now, feed._replace(stopped=False))
    yield found.headline + (f": {found.phrase}" if found.level != "ok" and found.phrase else "")


def _server(url: str) -> str:
    return _clip(address(url))


def _wall(at: float) -> str:
    return dates.local("%H:%M:%S", at)


def _clip(name: str) -> str:
    return _cut(printable(name), _NAME)


def _cut(text: str, columns: int = WIDTH) -> str:
    if len(text) <= columns and cell_len(text) <= columns:
        return text
    return f"{set_cell_size(text[: columns - 1], columns - 1).rstrip()}…"


def _quoted(name: str) -> str:
    """Quoted for a shell; a leading dash would be a flag."""
    return printable(shlex.quote(f"./{name}" if name.startswith("-") else name))
