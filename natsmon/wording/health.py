"""Health: what one glance must answer, as a level, a word and a phrase.

One pure function. The headline, the summary, the plain log, the report, the terminal title and alerts use it. The first
situation that applies decides, in the order of ``SITUATIONS``.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

from natsmon.dial.causes import Cause
from natsmon.state import State
from natsmon.state.limits import NO_DATA_AFTER
from natsmon.text import dates, units
from natsmon.text.plain_text import clip, printable
from natsmon.wording.cause_table import diagnose

Level = Literal["ok", "degraded", "down"]

_UNDELIVERED_FOR = 2.5
"""Seconds without a delivery, while messages fail, after which nothing gets through."""
_NEVER_DELIVERED_FOR = 0.5
"""The same, when none has ever been delivered."""
_MIXED_FOR = 10.0
"""The same, when deliveries and failures alternated in the last minute."""
_MINUTE = 60.0


class Feed(NamedTuple):
    """Where a view's events come from, and how they arrive."""

    replay: bool = False
    data_age: float = 0.0
    """Seconds since the newest event, on the stream's clock; 0 for a finished stream and a replay."""
    stopped: bool = False
    """The monitor process ended unexpectedly."""
    exit_reason: str = ""
    """How it ended."""
    restart: str = ""
    """The key that starts it again; empty where none does."""


class Health(NamedTuple):
    """The level, the word for it, and a phrase with the reason."""

    level: Level
    word: str
    phrase: str = ""
    replay: bool = False

    @property
    def headline(self) -> str:
        """The word; in a replay, after ``REPLAY``."""
        return f"REPLAY {self.word}" if self.replay else self.word


LIVE = Feed()
_Situation = Callable[[State, float, Feed], Health | None]


def health(state: State, now: float, feed: Feed = LIVE) -> Health:
    """The health of a connection.

    Args:
        state: Of the connection.
        now: The present, on the stream's clock, in seconds.
        feed: How its events arrive.
    """
    for situation in SITUATIONS:
        found = situation(state, now, feed)
        if found is not None:
            return found._replace(phrase=clip(printable(found.phrase)), replay=feed.replay)
    raise AssertionError("the last situation always applies")


def _monitor_stopped(state: State, now: float, feed: Feed) -> Health | None:
    if not feed.stopped:
        return None
    how = feed.exit_reason or "it ended unexpectedly"
    return Health("down", "MONITOR STOPPED", how + (f"; {feed.restart} starts it again" if feed.restart else ""))


def _no_data(state: State, now: float, feed: Feed) -> Health | None:
    if feed.data_age <= NO_DATA_AFTER or state.end is not None:
        return None
    return Health("degraded", f"NO DATA {_seconds(feed.data_age)}", "the monitor process does not respond")


def _closed(state: State, now: float, feed: Feed) -> Health | None:
    if state.status != "CLOSED":
        return None
    closed = state.closed
    if closed is None:
        return Health("down", "CLOSED")
    if closed.cause == Cause.CLOSED:
        return Health("down", "CLOSED", closed.text or "closed on request")
    if closed.cause != Cause.GAVE_UP:
        return Health("down", "CLOSED", closed.text or diagnose(None, closed.cause).meaning)
    attempts = f"gave up after {units.plural(state.attempts, 'attempt')}"
    return Health("down", "CLOSED", f"{attempts}: {last_failure(state) or closed.text}")


def _draining(state: State, now: float, feed: Feed) -> Health | None:
    if state.status != "DRAINING":
        return None
    pending = state.tally.in_flight
    phrase = f"delivering {units.plural(pending, 'pending message')}" if pending else "closing the connection"
    return Health("ok", "DRAINING", phrase)


def _connecting(state: State, now: float, feed: Feed) -> Health | None:
    if state.status == "CONNECTED" or state.ever_connected:
        return None
    failed = state.attempts - (state.dial is not None)
    if failed <= 0:
        return Health("down", "CONNECTING", "first attempt")
    failure = last_failure(state)
    attempts = f"{_attempts(state, failed)} in {_seconds(now - state.began)}"
    return Health("down", "CONNECTING", f"{attempts}: {failure}" if failure else attempts)


def _reconnecting(state: State, now: float, feed: Feed) -> Health | None:
    if state.status == "CONNECTED":
        return None
    parts = []
    if (lost := state.last_disconnect) is not None:
        at = dates.local("%H:%M:%S", state.wall(lost.t))
        cause = "reconnect requested" if lost.manual else diagnose(None, lost.cause).phrase
        parts.append(f"lost {at}: {cause}")
    if state.waiting is not None:
        parts.append(f"next dial in {_countdown(state.waiting.until - now)}")
    elif state.dial is not None:
        parts.append(f"dialing, {_attempt_number(state)}")
    return Health("down", "RECONNECTING", "; ".join(parts))


def _silent(state: State, now: float, feed: Feed) -> Health | None:
    if (silent := state.silent) is None:
        return None
    parts = [f"{units.grouped(silent.missed)} unanswered"] if silent.missed else []
    parts.append("no PONG")
    phrase = ", ".join(parts)
    keepalive = state.keepalive
    if keepalive is not None and keepalive.stale_at > now:
        phrase += f"; stale in {units.go_duration(max(1, round(keepalive.stale_at - now)))}"
    return Health("degraded", f"SILENT {_seconds(now - silent.since)}", phrase)


def _not_delivering(state: State, now: float, feed: Feed) -> Health | None:
    rates = state.rates
    if state.observing:
        refused = state.observed.refused if state.observed is not None else ""
        return Health("degraded", "NOT DELIVERING", refused) if refused else None
    waited = now - max(rates.delivered_at, state.status_since)
    patience = _UNDELIVERED_FOR if rates.delivered_at else _NEVER_DELIVERED_FOR
    mixed = rates.mixed_at > 0 and now - rates.mixed_at < _MINUTE
    has_stopped = state.paused and rates.delivered_at > state.status_since  # no delivery is due any more
    failing = rates.failed_since > 0 and not has_stopped and waited >= (_MIXED_FOR if mixed else patience)
    stuck = state.tally.buffered > 0 and not state.paused and waited >= patience
    if not (failing or stuck):
        return None
    return Health("degraded", "NOT DELIVERING", _newest_error(state) or _not_back(rates.failed_since, state))


def _partly_delivered(state: State, now: float, feed: Feed) -> Health | None:
    last = state.rates.last_minute(now, state.tally)
    failed = last.undelivered + last.rejected
    if failed <= 0:
        return None
    attempted = max(failed, last.attempted)
    rejected = "was rejected" if failed == 1 else "were rejected"
    what = "did not come back" if last.undelivered >= last.rejected else rejected
    phrase = f"{units.grouped(failed)} of {units.grouped(attempted)} {what} in the last minute"
    error = _newest_error(state)
    return Health("degraded", "PARTLY DELIVERED", f"{phrase}: {error}" if error else phrase)


def _lame_duck(state: State, now: float, feed: Feed) -> Health | None:
    if not state.lame_duck:
        return None
    return Health("degraded", "LAME DUCK", "server shuts down; messages still get through")


def _paused_or_observing(state: State, now: float, feed: Feed) -> Health | None:
    connection = state.connection
    if connection is not None and connection.observing:
        rate = state.delivery_rate(now)
        arriving = f", {units.rate(rate)}/s" if rate is not None else ""
        return Health("ok", "CONNECTED", f"observing {connection.subject}{arriving}")
    return Health("ok", "CONNECTED", "publishing paused") if state.paused else None


def _unverified(state: State, now: float, feed: Feed) -> Health | None:
    if not state.unverified:
        return None
    return Health("ok", "CONNECTED", f"delivery not verified: {state.unverified}")


def _delivering(state: State, now: float, feed: Feed) -> Health:
    last = state.rates.last_minute(now, state.tally)
    due = max(last.delivered, last.sent - state.tally.in_flight)
    if not due:
        return Health("ok", "CONNECTED", f"for {_seconds(now - state.status_since)}")
    came = "stored" if state.acknowledged else "came back"
    return Health(
        "ok", "CONNECTED", f"{units.grouped(last.delivered)} of {units.grouped(due)} {came} in the last minute"
    )


SITUATIONS: tuple[_Situation, ...] = (
    _monitor_stopped,
    _no_data,
    _closed,
    _draining,
    _connecting,
    _reconnecting,
    _silent,
    _not_delivering,
    _partly_delivered,
    _lame_duck,
    _paused_or_observing,
    _unverified,
    _delivering,
)


def _attempts(state: State, failed: int) -> str:
    most = state.connection.max_reconnects if state.connection is not None else -1
    return f"{failed:,} of {most + 1:,} attempts" if most >= 0 else units.plural(failed, "attempt")


def _attempt_number(state: State) -> str:
    most = state.connection.max_reconnects if state.connection is not None else -1
    return f"attempt {state.attempts:,} of {most:,}" if most > 0 else f"attempt {state.attempts:,}"


def last_failure(state: State) -> str:
    """What went wrong with the newest dial that failed."""
    failed = next((dial for dial in reversed(state.dials) if dial.outcome in ("failed", "timeout")), None)
    if failed is None:
        return ""
    return diagnose(failed.stage_reached, failed.cause, discovered=failed.discovered).phrase


def _newest_error(state: State) -> str:
    return next(reversed(state.errors), "")


def _not_back(failed: int, state: State) -> str:
    if state.rates.undelivered_since:
        many = units.plural(state.rates.undelivered_since, "message")
        return f"{many} did not come back: a subject mapping, an import or another account may take messages"
    if failed:
        return f"{units.plural(failed, 'message')} rejected"
    return f"{units.plural(state.tally.buffered, 'message')} buffered"


def _seconds(seconds: float) -> str:
    """Whole units, as a clock that is read while it runs."""
    seconds = max(0.0, seconds)
    return f"{seconds:.0f} s" if seconds < 60 else units.go_duration(round(seconds))


def _countdown(seconds: float) -> str:
    return f"{max(0.0, seconds):.1f} s" if seconds < 10 else _seconds(seconds)
