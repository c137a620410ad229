"""Emitter: stamps of events, also after the machine was suspended or its clock was set."""

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from natsmon.stream import events as ev
from natsmon.stream.emitter import Emitter
from natsmon.wording.plain_log import PlainLog
from tests.harness.listening import Events

HOUR = 3600.0
Shift = Callable[..., None]


@pytest.fixture
def shift(monkeypatch: pytest.MonkeyPatch) -> Shift:
    """Moves the wall clock against the monotonic clock, as a suspend or a set clock does."""
    wall, clock = time.time, time.clock_gettime
    moved = {"wall": 0.0, "suspended": 0.0}
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    monkeypatch.setattr(time, "time", lambda: wall() + moved["wall"])
    monkeypatch.setattr(
        time, "clock_gettime", lambda which: clock(which) + (moved["suspended"] if which == boottime else 0.0)
    )

    def shift(seconds: float, *, suspended: bool = True) -> None:
        moved["wall"] += seconds
        moved["suspended"] += seconds if suspended else 0.0

    return shift


def emitting() -> tuple[Emitter, Events]:
    sink = Events()
    emitter = Emitter([sink])
    emitter.begin("x", {})
    return emitter, sink


def test_clock_event_follows_a_suspend(shift: Shift) -> None:
    emitter, sink = emitting()
    emitter.emit(ev.Paused())
    shift(HOUR)
    emitter.emit(ev.Resumed())
    emitter.emit(ev.Alive())
    _, _, clock, resumed, _ = sink.seen
    assert clock.t == resumed.t < HOUR
    assert clock.wall == pytest.approx(time.time(), abs=60)
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert clock.suspended == pytest.approx(HOUR, abs=1)


def test_clock_event_follows_a_clock_that_was_set_back(shift: Shift) -> None:
    emitter, sink = emitting()
    shift(-HOUR, suspended=False)
    emitter.emit(ev.Alive())
    (clock,) = sink.of(ev.Clock)
    assert clock.wall == pytest.approx(time.time(), abs=60)
    assert clock.suspended == pytest.approx(0.0, abs=1)


def test_small_drift_has_no_clock_event(shift: Shift) -> None:
    emitter, sink = emitting()
    shift(0.4, suspended=False)
    emitter.emit(ev.Alive())
    assert sink.of(ev.Clock) == []


@pytest.mark.usefixtures("far_east")
def test_plain_log_has_the_wall_clock_after_a_suspend(shift: Shift) -> None:
    emitter, sink = emitting()
    emitter.emit(ev.Paused())
    shift(HOUR)
    emitter.emit(ev.Resumed())
    log = PlainLog()
    lines = [line.decode() for event in sink.seen if (line := log.line(event)) is not None]
    paused, suspended, resumed = (datetime.fromisoformat(line.partition("  ")[0]) for line in lines)
    assert resumed - paused == pytest.approx(suspended - paused)
    assert (resumed - paused).total_seconds() == pytest.approx(HOUR, abs=60)
    assert resumed.timestamp() == pytest.approx(time.time(), abs=60)
