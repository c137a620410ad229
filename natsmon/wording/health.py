"""Health: what one glance must answer, as a level, a word and a phrase.

One pure function. The headline, the summary, the plain log, the report, the terminal title and alerts use it. The first
situation that applies decides.
"""

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

from natsmon.dial.causes import Cause
from natsmon.state import State
from natsmon.state.delivery import is_missing
from natsmon.state.limits import NO_DATA_AFTER
from natsmon.stream import events as ev
from natsmon.text import dates, units
from natsmon.text.plain_text import clip, printable
from natsmon.wording.attempts import attempt_number, most_attempts
from natsmon.wording.cause_table import diagnose

Level = Literal["ok", "degraded", "down"]

_SAME_TIME = 0.5
"""Seconds within which an error and the count of what it rejects arrive."""


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
    lasting: str = ""
    """For how long, where the headline counts it."""
    replay: bool = False

    @property
    def headline(self) -> str:
        """The word, and for how long where that counts; in a replay, after ``REPLAY``."""
        return " ".join(filter(None, ("REPLAY" if self.replay else "", self.word, self.lasting)))


LIVE = Feed()


def health(state: State, now: float, feed: Feed = LIVE) -> Health:
    """The health of a connection at a time of the stream's clock, in seconds."""
    found = next(_situations(state, now, feed))
    return found._replace(phrase=clip(printable(found.phrase)), replay=feed.replay)


def _situations(state: State, now: float, feed: Feed) -> Iterator[Health]:
    """The situations that apply, in their order of precedence; one always does."""
    if feed.stopped:
        how = feed.exit_reason or "it ended unexpectedly"
        yield Health("down", "MONITOR STOPPED", how + (f"; {feed.restart} starts it again" if feed.restart else ""))
    if feed.data_age > NO_DATA_AFTER and state.end is None:
        yield Health("degraded", "NO DATA", "the monitor process does not respond", _seconds(feed.data_age))
    if state.status == "CLOSED":
        yield Health("down", "CLOSED", _closed(state))
    if state.status == "DRAINING":
        pending = units.plural(state.tally.in_flight, "pending message")
        act = f"delivering {pending}" if state.tally.in_flight else "closing the connection"
        if state.silent is not None:
            yield Health("degraded", "DRAINING", f"{act}; no answer for {_seconds(now - state.silent.since)}")
        yield Health("ok", "DRAINING", act)
    if state.status != "CONNECTED" and not state.ever_connected:
        yield Health("down", "CONNECTING", _connecting(state, now))
    if state.status != "CONNECTED":
        yield Health("down", "RECONNECTING", _reconnecting(state, now))
    if state.silent is not None:
        since = state.silent.since
        yield Health("degraded", "SILENT", _silent(state, state.silent, now), _seconds(now - since))
    missing = is_missing(state, now)
    if missing == "all":
        yield Health("degraded", "NOT DELIVERING", _not_delivering(state))
    if missing == "part":
        yield Health("degraded", "PARTLY DELIVERED", _partly_delivered(state, now))
    if state.lame_duck:
        yield Health("degraded", "LAME DUCK", "server sends clients away; messages still get through")
    if state.connection is not None and state.observing:
        rate = state.delivery_rate(now)
        arriving = f", {units.rate(rate)}/s" if rate is not None else ""
        yield Health("ok", "CONNECTED", f"observing {state.connection.subject}{arriving}")
    if state.paused:
        yield Health("ok", "CONNECTED", "publishing paused")
    if state.unverified:
        yield Health("ok", "CONNECTED", f"delivery not verified: {state.unverified}")
    yield Health("ok", "CONNECTED", _delivering(state, now))


def _closed(state: State) -> str:
    closed = state.closed
    if closed is None:
        return ""
    if closed.cause == Cause.CLOSED:
        return closed.text or "closed on request"
    if closed.cause != Cause.GAVE_UP:
        return closed.text or diagnose(None, closed.cause).meaning
    return f"gave up after {units.plural(state.attempts, 'attempt')}: {last_failure(state) or closed.text}"


def _connecting(state: State, now: float) -> str:
    return _failed_attempts(state, f" in {_seconds(now - state.began)}", initial=True) or "first attempt"


def _reconnecting(state: State, now: float) -> str:
    """Why the connection was lost, why the dials since then fail, and what is next."""
    parts = []
    if (lost := state.last_disconnect) is not None:
        at = dates.local("%H:%M:%S", state.wall(lost.t))
        parts.append(f"reconnect requested {at}" if lost.manual else f"lost {at}: {diagnose(None, lost.cause).phrase}")
    if failed := _failed_attempts(state, "", initial=False):
        parts.append(failed)
    if state.waiting is not None:
        parts.append(f"next dial in {_countdown(state.waiting.until - now)}")
    elif state.dial is not None:
        parts.append(f"dialing, {attempt_number(state.attempts, state, initial=False)}")
    return "; ".join(parts)


def _failed_attempts(state: State, lasting: str, *, initial: bool) -> str:
    """``3 of 60 attempts: connection refused``; empty before one has failed."""
    failed = state.attempts - (state.dial is not None)
    if failed <= 0:
        return ""
    most = most_attempts(state, initial=initial)
    attempts = (f"{failed:,} of {most:,} attempts" if most else units.plural(failed, "attempt")) + lasting
    failure = last_failure(state)
    return f"{attempts}: {failure}" if failure else attempts


def _silent(state: State, silent: ev.Silent, now: float) -> str:
    unanswered = max(silent.missed, state.tally.in_flight)  # more are sent during the silence
    phrase = f"{unanswered:,} unanswered, no PONG" if unanswered else "no PONG"
    keepalive = state.keepalive
    if keepalive is not None and keepalive.stale_at > now:
        phrase += f"; stale in {units.go_duration(max(1, round(keepalive.stale_at - now)))}"
    return phrase


def _not_delivering(state: State) -> str:
    """Why nothing gets through."""
    if state.observed is not None and state.observed.refused:
        return state.observed.refused
    return _newest_error(state) or _not_back(state.rates.failed_since, state)


def _partly_delivered(state: State, now: float) -> str:
    """What did not get through in the last minute."""
    last = state.rates.last_minute(now, state.tally)
    failed = last.undelivered + last.rejected
    attempted = max(failed, last.attempted)
    rejected = "was rejected" if failed == 1 else "were rejected"
    what = "did not come back" if last.undelivered >= last.rejected else rejected
    phrase = f"{failed:,} of {attempted:,} {what} in the last minute"
    error = _newest_error(state, until=state.rates.failed_at + _SAME_TIME)
    return f"{phrase}: {error}" if error else phrase


def _delivering(state: State, now: float) -> str:
    last = state.rates.last_minute(now, state.tally)
    due = max(last.delivered, last.sent - state.tally.in_flight)
    if not due:
        return f"for {_seconds(now - state.status_since)}"
    came = "stored" if state.acknowledged else "came back"
    return f"{last.delivered:,} of {due:,} {came} in the last minute"


def last_failure(state: State) -> str:
    """What went wrong with the newest dial that failed."""
    failed = next((dial for dial in reversed(state.dials) if dial.failed), None)
    if failed is None:
        return ""
    return diagnose(failed.stage_reached, failed.known_cause, discovered=failed.discovered).phrase


def _newest_error(state: State, until: float = math.inf) -> str:
    return next((text for text, at in reversed(state.errors.items()) if at <= until), "")


def _not_back(failed: int, state: State) -> str:
    if state.rates.undelivered_since:
        many = units.plural(state.rates.undelivered_since, "message")
        return f"{many} did not come back: a subject mapping, an import or another account may take messages"
    if failed:
        return f"{units.plural(failed, 'message')} rejected"
    if state.tally.buffered:
        return f"{units.plural(state.tally.buffered, 'message')} buffered"
    return f"{units.plural(state.tally.in_flight, 'message')} not acknowledged"


def _seconds(seconds: float) -> str:
    """Whole units, as a clock that is read while it runs."""
    seconds = max(0.0, seconds)
    return f"{seconds:.0f} s" if seconds < 60 else units.go_duration(round(seconds))


def _countdown(seconds: float) -> str:
    return f"{max(0.0, seconds):.1f} s" if seconds < 10 else _seconds(seconds)
