"""The dials that a connector would make against servers that never answer.

The connector itself runs, on an event loop whose clock jumps to the next timer. The policy exists once.
"""

import asyncio
import random
import selectors
from typing import Any, NamedTuple

import msgspec

from natsmon.config.settings import Settings
from natsmon.dial.stream import Stream
from natsmon.probe.connection.connection_user import ConnectionUser
from natsmon.probe.connection.connector import Connector
from natsmon.stream import events as ev
from natsmon.stream.emitter import Emit, Emitter
from natsmon.stream.sink import Sink

_LONGEST = 1_000
"""Dials of a plan; one without a limit of reconnects has 70."""
_ENDLESS = 70


class PlannedDial(NamedTuple):
    """One dial; times are seconds since the start."""

    attempt: int
    pool_pass: int
    server: str
    at: float
    base: float
    """The wait before it, without jitter."""
    jitter: float


class Plan(Sink):
    """The dials in order, and when natsmon gives up."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._wait = (0.0, 0.0)
        self.dials: list[PlannedDial] = []
        self.gave_up: float | None = None
        """Seconds since the start; None where it never gives up, or not within the dials listed."""
        self.reason = ""
        self.on_full: Any = None

    def put(self, event: ev.AnyEvent, _line: bytes) -> None:
        match event:
            case ev.Waiting():
                self._wait = (event.base, event.jitter)
            case ev.DialStart():
                self.dials.append(PlannedDial(event.attempt, event.pool_pass, event.server, event.t, *self._wait))
                self._wait = (0.0, 0.0)
                if len(self.dials) >= self._most:
                    self.on_full()
            case ev.Closed() if event.cause == "gave_up":
                self.gave_up, self.reason = event.t, event.text


def plan(settings: Settings, jitter: float) -> Plan:
    """Run the connector against servers that never answer; ``jitter`` is the part, 0 to 1, that every wait has."""
    with asyncio.Runner(loop_factory=_JumpingLoop) as runner:
        return runner.run(_plan(settings, jitter))


async def _plan(settings: Settings, jitter: float) -> Plan:
    planned = Plan(_ENDLESS if settings.max_reconnects < 0 else _LONGEST)
    emit, rng = Emit(_LoopEmitter([planned]), 0), _FixedJitter(jitter)
    settings = msgspec.structs.replace(settings, randomize=False)
    connector = Connector(settings, ConnectionUser(), emit, dialer=_NeverAnswers(), rng=rng)
    planned.on_full = connector.close
    await connector.run(stay=False)
    return planned


class _JumpSelector(selectors.DefaultSelector):
    """Waits by moving the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready and timeout is not None:
            self.now += timeout
        return ready


class _JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jump = _JumpSelector()
        super().__init__(self._jump)

    def time(self) -> float:
        return self._jump.now


class _LoopEmitter(Emitter):
    def now(self) -> float:
        return round(asyncio.get_running_loop().time(), 6)


class _NeverAnswers:
    async def dial(self, _address: tuple[str, int], *, deadline: float | None, trace: Any) -> Stream:
        await asyncio.get_running_loop().create_future()
        raise AssertionError


class _FixedJitter(random.Random):
    def __init__(self, part: float) -> None:
        super().__init__(0)
        self._part = part

    def uniform(self, a: float, b: float) -> float:
        return a + (b - a) * self._part
