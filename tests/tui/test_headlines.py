"""The headline of every situation of health, as it stands on an 80x24 and on a 120x36 screen."""

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from syrupy.assertion import SnapshotAssertion

from natsmon.stream import events as ev
from natsmon.tui.model.moment import Moment
from natsmon.tui.panels import status_panel
from natsmon.wording.health import Feed
from tests.harness.situations import every_situation, situation
from tests.tui import latency_streams, outage_streams, streams
from tests.tui.drawn import moment_of, texts
from tests.tui.streams import Stream
from tests.tui.test_status import failing, silent


def rejected() -> Stream:
    stream = streams.connected().add(ev.AsyncError(t=80.0, text="publish to hello denied"))
    for _ in range(4):
        stream.wait(1.0)
        stream.count("attempted")
        stream.count("rejected")
        stream.add(ev.Tally(t=stream.t, **stream.totals))
    return stream


def partly() -> Stream:
    stream = streams.connected()
    for name, by in (("attempted", 30), ("sent", 30), ("undelivered", 30)):
        stream.count(name, by)
    stream.add(ev.Tally(t=stream.t, **stream.totals))
    stream.count("delivered")
    return stream.add(ev.Tally(t=stream.t, **stream.totals)).run(20)


def paused() -> Stream:
    stream = streams.connected()
    return stream.add(ev.Paused(t=stream.t))


def observing() -> Stream:
    stream = Stream(name="watcher").become("CONNECTING", "initial").connect()
    stream.events[1] = replace(stream.events[1], observing=True, subject="orders.>")
    stream.add(ev.Observed(t=stream.t))
    for second in range(1, 61):
        stream.wait(1.0).add(ev.Observed(t=stream.t, messages=120 * second, publishers=2))
    return stream


HEADLINES: dict[str, Callable[[], Moment]] = {
    "replay": lambda: replace(moment_of(streams.connected()), replay=True),
    "monitor_stopped": lambda: moment_of(streams.connected(), how="stopped"),
    "no_data": lambda: replace(moment_of(streams.connected()), data_age=12.3),
    "closed": lambda: moment_of(streams.gave_up()),
    "draining_silent": lambda: moment_of(silent(4.0).become("DRAINING")),
    "draining": lambda: moment_of(streams.connected().become("DRAINING")),
    "connecting": lambda: moment_of(failing(5)),
    "reconnecting": lambda: moment_of(streams.outage()),
    "silent": lambda: moment_of(silent(14.0)),
    "not_delivering": lambda: moment_of(rejected()),
    "partly_delivered": lambda: moment_of(partly()),
    "lame_duck": lambda: moment_of(outage_streams.upgrade()),
    "paused_or_observing": lambda: moment_of(paused()),
    "observing": lambda: moment_of(observing()),
    "unverified": lambda: moment_of(latency_streams.unverified()),
    "delivering": lambda: moment_of(streams.connected()),
}


@pytest.mark.parametrize("width", [78, 118], ids=["80x24", "120x36"])
@pytest.mark.parametrize("name", HEADLINES)
def test_headline_of_each_situation(name: str, width: int, snapshot: SnapshotAssertion) -> None:
    assert [line.rstrip() for line in texts(status_panel.rows(HEADLINES[name](), width, 2))] == snapshot


def test_headlines_cover_every_situation() -> None:
    moments = [moment() for moment in HEADLINES.values()]
    feeds = [Feed(each.replay, each.data_age, each.stream == "stopped") for each in moments]
    found = {situation(each.state, each.now, feed) for each, feed in zip(moments, feeds, strict=True)}
    assert found == set(every_situation())


def test_headline_has_the_shape_and_colour_of_its_level() -> None:
    marks = {"ok": ("●", "good"), "degraded": ("▲", "warn"), "down": ("✗", "bad")}
    for name, moment in HEADLINES.items():
        health = moment().health
        assert health is not None
        shape, role = status_panel.rows(moment(), 118, 2)[0][0]
        assert (shape.strip(), role) == marks[health.level], name


@pytest.mark.parametrize(
    ("width", "phrase"),
    [
        (90, "lost 15:08:42: PINGs not answered; 1 attempt: connection refused; next dial in 0.7 s"),
        (70, "lost 15:08:42: PINGs not answered; 1 attempt: connection refused"),
        (58, "1 attempt: connection refused"),
    ],
)
def test_headline_without_room_keeps_why_the_dials_fail(width: int, phrase: str) -> None:
    shown = texts(status_panel.rows(moment_of(streams.outage()), width, 2))[1]
    assert shown.split("  ")[1] == phrase
