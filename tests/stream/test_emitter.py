"""Emitter: stamps of events, also after the machine was suspended or its clock was set."""

from datetime import datetime

import pytest

from natsmon.stream import emitter as emitter_module
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emitter
from natsmon.wording.plain_log import PlainLog
from tests.harness.listening import Events

HOUR = 3600.0
NOON = 1_750_000_000.0


class Clocks:
    """The clocks of a machine, which stand still until a test moves them."""

    CLOCK_BOOTTIME = 7

    def __init__(self) -> None:
        self._monotonic = self._boottime = 500.0
        self._wall = NOON
        self.stalls: list[float] = []
        """Seconds for which the process gets no processor before it reads the monotonic clock, the next one first."""

    def monotonic(self) -> float:
        self.pass_by(self.stalls.pop(0) if self.stalls else 0.0)
        return self._monotonic

    def time(self) -> float:
        return self._wall

    def clock_gettime(self, which: int) -> float:
        assert which == self.CLOCK_BOOTTIME
        return self._boottime

    def pass_by(self, seconds: float) -> None:
        """Let time pass, on every clock."""
        self._monotonic += seconds
        self._boottime += seconds
        self._wall += seconds

    def shift(self, seconds: float, *, suspended: bool = True) -> None:
        """Move the wall clock against the monotonic clock, as a suspend or a set clock does."""
        self._wall += seconds
        self._boottime += seconds if suspended else 0.0


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(emitter_module, "time", clocks)
    return clocks


def emitting() -> tuple[Emitter, Events]:
    sink = Events()
    emitter = Emitter([sink])
    emitter.begin("x", {})
    return emitter, sink


def test_clock_event_follows_a_suspend(clocks: Clocks) -> None:
    emitter, sink = emitting()
    emitter.emit(ev.Paused())
    clocks.shift(HOUR)
    emitter.emit(ev.Resumed())
    emitter.emit(ev.Alive())
    _, _, clock, resumed, _ = sink.seen
    assert clock.t == resumed.t == 0.0
    assert (clock.wall, clock.suspended) == (NOON + HOUR, HOUR)


def test_clock_event_follows_a_clock_that_was_set_back(clocks: Clocks) -> None:
    emitter, sink = emitting()
    clocks.shift(-HOUR, suspended=False)
    emitter.emit(ev.Alive())
    (clock,) = sink.of(ev.Clock)
    assert (clock.wall, clock.suspended) == (NOON - HOUR, 0.0)


def test_small_drift_has_no_clock_event(clocks: Clocks) -> None:
    emitter, sink = emitting()
    clocks.shift(0.4, suspended=False)
    emitter.emit(ev.Alive())
    assert sink.of(ev.Clock) == []


def test_stall_between_two_readings_is_no_drift(clocks: Clocks) -> None:
    emitter, sink = emitting()
    clocks.stalls = [0.0, 3.0]  # after the time of the event, and after the wall clock
    emitter.emit(ev.Alive())
    assert not clocks.stalls
    assert sink.of(ev.Clock) == []


@pytest.mark.usefixtures("far_east")
def test_plain_log_has_the_wall_clock_after_a_suspend(clocks: Clocks) -> None:
    emitter, sink = emitting()
    emitter.emit(ev.Paused())
    clocks.shift(HOUR)
    emitter.emit(ev.Resumed())
    log = PlainLog()
    lines = [line.decode() for event in sink.seen if (line := log.line(event)) is not None]
    paused, suspended, resumed = (datetime.fromisoformat(line.partition("  ")[0]) for line in lines)
    assert resumed == suspended
    assert (resumed - paused).total_seconds() == HOUR
    assert resumed.timestamp() == NOON + HOUR
