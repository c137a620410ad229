"""Health: every situation of the headline, in its order of precedence, from events alone."""

from collections.abc import Callable

import pytest

from natsmon.state import Tracks
from natsmon.stream import events as ev
from natsmon.wording.health import Feed, Health, health
from tests.harness.situations import every_situation, situation

_Events = list[ev.AnyEvent]


def _state_of(*events: ev.AnyEvent) -> Tracks:
    tracks = Tracks()
    for event in events:
        tracks.apply(event)
    return tracks


def _now(events: _Events, now: float, feed: Feed = Feed()) -> Health:  # noqa: B008 - immutable
    return health(_state_of(*events).first.state, now, feed)


def _start(max_reconnects: int = -1, **connection: object) -> _Events:
    return [
        ev.Session(t=0.0, id="s", started=1_795_000_000.0),
        ev.Connection(t=0.0, subject="hello", interval=1.0, max_reconnects=max_reconnects, **connection),  # type: ignore[arg-type]
        ev.StatusChanged(t=0.0, status="CONNECTING", previous="DISCONNECTED"),
    ]


def _failed(dial: int, t: float, cause: str = "refused") -> _Events:
    return [
        ev.DialStart(t=t, dial=dial, attempt=dial, server="nats://a:4222", reason="initial"),
        ev.DialEnd(t=t + 0.1, dial=dial, outcome="failed", stage="tcp", cause=cause),
    ]


def _connected(t: float = 1.0, **connection: object) -> _Events:
    return [
        *_start(**connection),  # type: ignore[arg-type]
        ev.Connected(t=t, server="nats://a:4222"),
        ev.StatusChanged(t=t, status="CONNECTED", previous="CONNECTING"),
    ]


def _tally(t: float, **totals: int) -> ev.Tally:
    return ev.Tally(t=t, **totals)


def _lost(t: float) -> _Events:
    return [
        ev.Disconnected(t=t, outage=1, cause="eof", server="nats://a:4222"),
        ev.StatusChanged(t=t, status="RECONNECTING", previous="CONNECTED", cause="eof"),
    ]


_DELIVERED = _tally(60.0, attempted=60, sent=60, delivered=60)
_WAITING = ev.Waiting(t=71.0, delay=2.0, base=2.0, jitter=0.0, until=73.0, server="nats://a:4222")

_TABLE: list[tuple[str, _Events, float, Feed, str, str, str]] = [
    ("monitor_stopped", _connected(), 5.0, Feed(stopped=True, exit_reason="killed by SIGKILL", restart="r"),
     "down", "MONITOR STOPPED", "killed by SIGKILL; r starts it again"),
    ("no_data", _connected(), 5.0, Feed(data_age=12.0), "degraded", "NO DATA 12 s", "does not respond"),
    ("closed", [*_start(), *_failed(1, 1.0), *_failed(2, 2.0),
                ev.StatusChanged(t=3.0, status="CLOSED", previous="DISCONNECTED"), ev.Closed(t=3.0, cause="gave_up")],
     4.0, Feed(), "down", "CLOSED", "gave up after 2 attempts: connection refused"),
    ("draining_silent", [*_connected(), ev.Silent(t=2.0, since=1.0, missed=3),
                         _tally(2.0, attempted=3, sent=3, in_flight=3),
                         ev.StatusChanged(t=3.0, status="DRAINING", previous="CONNECTED")],
     5.5, Feed(), "degraded", "DRAINING", "delivering 3 pending messages; no answer for 4 s"),
    ("draining", [*_connected(), _tally(2.0, attempted=3, sent=3, in_flight=3),
                  ev.StatusChanged(t=3.0, status="DRAINING", previous="CONNECTED")],
     3.5, Feed(), "ok", "DRAINING", "delivering 3 pending messages"),
    ("connecting", [*_start(), *_failed(1, 1.0, "auth"), *_failed(2, 2.0, "auth")], 9.0, Feed(),
     "down", "CONNECTING", "2 attempts in 9 s: "),
    ("reconnecting", [*_connected(), *_lost(70.0), _WAITING], 71.6, Feed(), "down", "RECONNECTING",
     "next dial in 1.4 s"),
    ("silent", [*_connected(), ev.Keepalive(t=1.0, interval=120.0, max_out=2, stale_at=400.0),
                ev.Silent(t=62.0, since=60.0, missed=14)],
     74.0, Feed(), "degraded", "SILENT 14 s", "14 unanswered, no PONG; stale in 5m26s"),
    ("not_delivering", [*_connected(), ev.AsyncError(t=2.0, text="publish to hello denied"),
                        _tally(2.0, attempted=1, rejected=1), _tally(4.0, attempted=3, rejected=3)],
     4.0, Feed(), "degraded", "NOT DELIVERING", "publish to hello denied"),
    ("partly_delivered", [*_connected(), _tally(10.0, attempted=10, sent=10, delivered=10),
                          _tally(60.0, attempted=80, sent=80, delivered=49, undelivered=30),
                          _tally(60.5, attempted=80, sent=80, delivered=50, undelivered=30)],
     61.0, Feed(), "degraded", "PARTLY DELIVERED", "30 of 80 did not come back in the last minute"),
    ("lame_duck", [*_connected(), _DELIVERED, ev.LameDuck(t=60.0, server="nats://a:4222")], 61.0, Feed(),
     "degraded", "LAME DUCK", "server sends clients away; messages still get through"),
    ("observing", [*_connected(), ev.Connection(t=0.0, subject="orders.>", observing=True)], 2.0, Feed(), "ok",
     "CONNECTED", "observing orders.>"),
    ("paused", [*_connected(), _DELIVERED, ev.Paused(t=60.0)], 61.0, Feed(), "ok", "CONNECTED", "publishing paused"),
    ("unverified", [*_connected(), ev.Unverified(t=2.0, reason="subscribe denied")], 3.0, Feed(), "ok", "CONNECTED",
     "delivery not verified: subscribe denied"),
    ("delivering", [*_connected(), _DELIVERED], 60.5, Feed(), "ok", "CONNECTED",
     "60 of 60 came back in the last minute"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "events", "now", "feed", "level", "word", "phrase"), _TABLE, ids=lambda v: str(v)[:20]
)
def test_health_of_each_situation(
    name: str, events: _Events, now: float, feed: Feed, level: str, word: str, phrase: str
) -> None:
    found = _now(events, now, feed)
    assert (found.level, found.headline) == (level, word)
    assert phrase in found.phrase


def test_health_while_reconnecting_names_why_the_dials_fail() -> None:
    lost = [*_connected(), *_lost(70.0), *_failed(1, 70.5), *_failed(2, 70.9, "auth"), _WAITING]
    loss, failed, following = _now(lost, 71.6).phrase.split("; ")
    assert loss.endswith(": the server closed it")
    assert failed == "2 attempts: wrong credentials"
    assert following == "next dial in 1.4 s"


def test_health_table_has_every_situation_in_order_of_precedence() -> None:
    found = [situation(_state_of(*events).first.state, now, feed) for _, events, now, feed, *_ in _TABLE]
    assert found == every_situation()


@pytest.mark.parametrize(
    ("feed", "word"),
    [(Feed(stopped=True, data_age=9.0), "MONITOR STOPPED"), (Feed(data_age=9.0), "NO DATA 9 s"), (Feed(), "CLOSED")],
)
def test_health_prefers_the_first_situation_that_applies(feed: Feed, word: str) -> None:
    closed = [
        *_connected(),
        ev.StatusChanged(t=2.0, status="CLOSED", previous="CONNECTED"),
        ev.Closed(t=2.0, cause="x"),
    ]
    assert _now(closed, 3.0, feed).headline == word


def test_health_of_observing_has_the_rate_of_the_last_minute() -> None:
    observing = ev.Connection(t=0.0, subject="orders.>", observing=True)
    events = [*_connected(), observing, *(ev.Observed(t=1.0 + second, messages=120 * second) for second in range(61))]
    found = _now(events, 61.0, Feed())
    assert (found.word, found.phrase) == ("CONNECTED", "observing orders.>, 120/s")


def test_health_of_observing_a_forbidden_subject() -> None:
    """The counts arrive all the same; after a reconnect the server may allow it."""
    refused = 'Permissions Violation for Subscription to "orders.>"'
    events = [*_connected(), ev.Connection(t=0.0, subject="orders.>", observing=True), ev.Observed(t=2.0)]
    assert _now(events, 3.0, Feed()).level == "ok"
    events.append(ev.Observed(t=4.0, refused=refused))
    assert _now(events, 5.0, Feed())[:3] == ("degraded", "NOT DELIVERING", refused)
    events.append(ev.Observed(t=6.0))
    assert _now(events, 7.0, Feed()).level == "ok"


def test_health_of_a_minute_without_messages_has_none_of_those_before() -> None:
    partly = _tally(60.0, attempted=80, sent=80, delivered=50, undelivered=30)
    events = [*_connected(), _tally(10.0, attempted=10, sent=10, delivered=10), partly, ev.Paused(t=61.0)]
    assert _now(events, 100.0, Feed()).word == "PARTLY DELIVERED"
    assert _now(events, 140.0, Feed()).phrase == "publishing paused"


def test_health_of_observing_without_messages_has_no_rate_of_earlier_ones() -> None:
    observing = ev.Connection(t=0.0, subject="orders.>", observing=True)
    events = [*_connected(), observing, *(ev.Observed(t=float(second), messages=120 * second) for second in range(61))]
    assert _now(events, 300.0, Feed()).phrase == "observing orders.>, 0/s"


@pytest.mark.parametrize("now", [62.0, 63.5, 66.0])
def test_rate_is_over_the_time_it_counts(now: float) -> None:
    """The last minute is up to a second longer: the slice it begins in is counted whole."""
    observing = ev.Connection(t=0.0, subject="orders.>", observing=True)
    counts = (ev.Observed(t=half / 2 + 0.25, messages=half * 50) for half in range(int(2 * now - 0.5) + 1))
    assert _now([*_connected(), observing, *counts], now, Feed()).phrase == "observing orders.>, 100/s"


def test_health_of_cancelled_attempts_has_no_failure() -> None:
    started = ev.DialStart(t=1.0, dial=1, attempt=1, server="nats://a:4222", reason="initial")
    cancelled = ev.DialEnd(t=2.0, dial=1, outcome="cancelled", cause="cancelled")
    assert _now([*_start(), started, cancelled], 3.0, Feed()).phrase == "1 attempt in 3 s"


@pytest.mark.parametrize(
    ("cause", "phrase"),
    [
        ("closed", "closed on request"),
        ("drained", "the connection was drained"),
        ("cancelled", "the dial was cancelled"),
    ],
)
def test_health_of_a_closed_connection_has_the_reason_in_words(cause: str, phrase: str) -> None:
    events = [
        *_connected(),
        ev.StatusChanged(t=2.0, status="CLOSED", previous="CONNECTED"),
        ev.Closed(t=2.0, cause=cause),
    ]
    assert _now(events, 3.0, Feed()).phrase == phrase


def test_health_of_a_replay_begins_with_replay() -> None:
    assert _now([*_connected(), _DELIVERED], 60.5, Feed(replay=True)).headline == "REPLAY CONNECTED"


def test_health_is_silent_also_when_other_data_arrives() -> None:
    events = [*_connected(), ev.Silent(t=62.0, since=60.0, missed=2), ev.Discovered(t=63.0, servers=["nats://b:4222"])]
    assert _now(events, 64.0).level == "degraded"


def test_headline_counts_the_messages_sent_during_a_silence_too() -> None:
    silent = [*_connected(), _tally(59.0, sent=59, in_flight=2), ev.Silent(t=62.0, since=60.0, missed=3)]
    assert _now(silent, 62.0).phrase == "3 unanswered, no PONG"
    assert _now([*silent, _tally(64.0, sent=64, in_flight=5)], 64.0).phrase == "5 unanswered, no PONG"


def test_health_is_not_delivering_within_three_seconds() -> None:
    good = [*_connected(), _DELIVERED]
    revoked = [*good, _tally(61.0, attempted=61, sent=60, delivered=60, rejected=1)]
    assert _now(revoked, 61.0).phrase == "1 of 61 was rejected in the last minute"
    later = [*revoked, _tally(63.0, attempted=63, sent=60, delivered=60, rejected=3)]
    assert _now(later, 63.0).word == "NOT DELIVERING"


def test_health_is_not_delivering_where_messages_are_not_acknowledged() -> None:
    stream = _connected(verification="ack", stream="S")
    waiting = [*stream, _tally(2.0, attempted=8, sent=8, in_flight=8)]
    assert _now(waiting, 4.0).word == "CONNECTED"
    again = [*waiting, _tally(5.0, attempted=9, sent=9, in_flight=9)]
    assert _now(again, 5.0)[:3] == ("degraded", "NOT DELIVERING", "9 messages not acknowledged")
    acknowledged = [*again, _tally(8.0, attempted=9, sent=9, delivered=9, resent=8)]
    assert _now(acknowledged, 8.0).word == "CONNECTED"
    sent = [*acknowledged, ev.Published(t=20.0, seq=10, outcome="sent")]
    counted = [*acknowledged, _tally(20.0, attempted=10, sent=10, delivered=9, in_flight=1)]
    for events in (sent, counted):
        assert _now(events, 22.0).word == "CONNECTED", "the next message was just sent"
        assert _now(events, 23.0).word == "NOT DELIVERING"


def test_health_recovers_from_a_refusal_also_where_no_delivery_is_verified() -> None:
    """At the second message that is not refused: a refusal takes a round trip."""
    events = [*_connected(), ev.Unverified(t=1.0, reason="--no-echo"), _tally(2.0, attempted=1, rejected=1)]
    for t in (10.0, 20.0):
        sent = 1 + int(t / 10)
        events.append(_tally(t, attempted=sent, sent=1, unverified=1, rejected=sent - 1))
        events.append(_tally(t + 0.1, attempted=sent, rejected=sent))
        assert _now(events, t + 0.1).word == "NOT DELIVERING"
    published = [ev.Published(t=t, seq=int(t), outcome="sent") for t in (30.0, 40.0)]
    assert _now([*events, published[0]], 39.9).word == "NOT DELIVERING"
    assert _now([*events, *published], 40.0).word == "PARTLY DELIVERED"
    assert _now([*events, *published], 90.0).phrase == "delivery not verified: --no-echo"
    refused = [*events, *published, _tally(40.1, attempted=5, sent=1, unverified=1, rejected=4)]
    assert _now(refused, 50.1).word == "NOT DELIVERING"


def test_health_is_not_delivering_at_once_where_nothing_was_ever_delivered() -> None:
    assert _now([*_connected(), _tally(2.0, attempted=1, rejected=1)], 2.0).word == "NOT DELIVERING"


def test_health_with_alternating_results_stays_partly_delivered() -> None:
    events = _connected()
    for second in range(2, 60, 4):
        events.append(
            _tally(float(second), attempted=second, sent=second, delivered=second // 2, undelivered=second // 2)
        )
    assert _now(events, 61.0).word == "PARTLY DELIVERED"


def test_health_of_buffered_messages_while_connected_is_not_delivering() -> None:
    events = [
        *_connected(verification="ack", stream="NOPE"),
        ev.AsyncError(t=1.5, text="stream NOPE does not exist"),
        _tally(4.0, attempted=3, buffered=3),
    ]
    assert _now(events, 4.0).phrase == "stream NOPE does not exist"


@pytest.mark.parametrize(("most", "expected"), [(-1, "2 attempts"), (60, "2 of 61 attempts")])
def test_health_counts_attempts_against_a_finite_limit(most: int, expected: str) -> None:
    events = [*_start(most), *_failed(1, 1.0), *_failed(2, 2.0)]
    assert _now(events, 3.0).phrase.startswith(expected)


@pytest.mark.parametrize(
    "place", [lambda text: [ev.AsyncError(t=2.0, text=text)], lambda text: [ev.Unverified(t=2.0, reason=text)]]
)
def test_health_escapes_and_shortens_what_a_server_sent(place: Callable[[str], _Events]) -> None:
    events = [*_connected(), *place("\x1b[31m" + "x" * 5_000), _tally(5.0, attempted=3, rejected=3)]
    phrase = _now(events, 5.0).phrase
    assert "\x1b" not in phrase
    assert len(phrase) < 600


def test_partly_delivered_names_the_error_of_what_was_rejected() -> None:
    """Not one that came later: the messages waited for its end."""
    events = [
        *_connected(),
        _tally(5.0, attempted=5, sent=5, delivered=5),
        ev.AsyncError(t=5.9, text="stream full"),
        _tally(6.0, attempted=6, sent=5, delivered=5, rejected=1),
        ev.AsyncError(t=8.0, text="stream missing"),
        _tally(9.0, attempted=9, sent=5, delivered=5, rejected=1, buffered=3),
    ]
    assert _now(events, 12.0).phrase == "stream missing"
    again = [*events, _tally(12.0, attempted=12, sent=11, delivered=11, rejected=1)]
    assert _now(again, 12.5).phrase == "1 of 12 was rejected in the last minute: stream full"
