"""A probe in the test's own process, and the events it tells, awaited one after another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from natsmon.config.server_urls import parse_server
from natsmon.config.settings import Server, Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.probe import Probe
from natsmon.state import State
from natsmon.stream import events as ev

E = TypeVar("E", bound=ev.Event)
WAIT = 8.0
"""Seconds after which a test that waits for an event fails; none of them takes a tenth of it."""


class Events:
    """Every event told, in order. ``until`` moves on through them, as a reader does."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.closed = False
        self.state = State()
        """What a view knows after the events that were read."""
        self._read = 0
        self._told = asyncio.Event()

    def __call__(self, event: ev.AnyEvent) -> None:
        self.seen.append(event)
        self._told.set()

    def close(self) -> None:
        """No event will follow."""
        self.closed = True
        self._told.set()

    async def until(self, kind: type[E], predicate: Callable[[E], bool] = lambda _: True, within: float = WAIT) -> E:
        """The next event of a kind that meets the predicate; what came before it is passed over."""
        event: E = await self._until(lambda event: isinstance(event, kind) and predicate(event), kind.__name__, within)
        return event

    async def until_counts(self, predicate: Callable[[ev.Tally], bool]) -> ev.Tally:
        """The totals as soon as they meet the predicate, whether a tally tells them or single messages do."""
        await self._until(
            lambda event: isinstance(event, ev.Tally | ev.Published | ev.Echoed) and predicate(self.state.tally),
            "such counts",
            WAIT,
        )
        return self.state.tally

    async def _until(self, met: Callable[[Any], bool], what: str, within: float) -> Any:
        try:
            async with asyncio.timeout(within):
                while True:
                    while self._read < len(self.seen):
                        event = self.seen[self._read]
                        self._read += 1
                        self.state.apply(event)
                        if met(event):
                            return event
                    if self.closed:
                        raise AssertionError(f"the stream ended without {what}: {self}")
                    self._told.clear()
                    await self._told.wait()
        except TimeoutError:
            raise AssertionError(f"no {what} in {within:g} s: {self}") from None

    async def until_status(self, status: ev.Status) -> ev.StatusChanged:
        return await self.until(ev.StatusChanged, lambda event: event.status == status)

    def of(self, kind: type[E]) -> list[E]:
        """Every event of a kind that was told so far, whether it was passed over or not."""
        return [event for event in self.seen if isinstance(event, kind)]

    @property
    def last_tally(self) -> ev.Tally:
        return self.of(ev.Tally)[-1]

    def __str__(self) -> str:
        return "\n".join(map(str, self.seen[-40:]))


def check(seen: list[Any]) -> None:
    """What holds for every stream that ended: sums, times, the chain of statuses, an end for every dial."""
    assert isinstance(seen[0], ev.Session)
    status: ev.Status = "DISCONNECTED"
    under_way: int | None = None
    now = 0.0
    for event in seen:
        assert event.t >= now, event
        now = event.t
        match event:
            case ev.Tally():
                check_sums(event)
            case ev.StatusChanged():
                assert event.previous == status, event
                assert event.status != status, event
                status = event.status
            case ev.DialStart():
                assert under_way is None, event
                assert status in ("CONNECTING", "RECONNECTING"), event
                under_way = event.dial
            case ev.DialStage():
                assert event.dial == under_way, event
                assert event.elapsed >= 0
            case ev.DialEnd():
                assert event.dial == under_way, event
                assert sum(event.stages.values()) <= event.total + 0.001, event
                under_way = None
            case ev.Waiting():
                assert under_way is None, event
                assert event.delay == event.base + event.jitter
            case ev.Outage():
                assert event.began <= event.ended <= event.t, event
                assert min(event.detected_after, event.dials, event.buffered, event.lost, event.duplicate) >= 0
    assert under_way is None


def check_sums(tally: ev.Tally) -> None:
    assert tally.attempted == tally.sent + tally.buffered + tally.rejected, tally
    assert tally.sent == tally.echoed + tally.in_flight + tally.lost, tally
    assert min(tally.sent, tally.buffered, tally.rejected, tally.echoed, tally.in_flight, tally.lost) >= 0, tally


def settings(*servers: str | Server, **changes: Any) -> Settings:
    """Quick settings for these servers, in this order."""
    quick: dict[str, Any] = {
        "servers": tuple(parse_server(s) if isinstance(s, str) else s for s in servers),
        "interval": 0.025,
        "connect_timeout": 2.0,
        "reconnect_wait": 0.05,
        "reconnect_jitter": 0.0,
        "max_reconnects": -1,
        "randomize": False,
        "rtt_interval": 0.05,
        "drain_timeout": 1.0,
    }
    return Settings(**quick | changes)


async def freeze(server: NatsServer) -> None:
    """Stop a server, and wait until none of its threads can say another word."""
    await asyncio.to_thread(server.stop)


@dataclass
class Listening:
    """A probe that runs, and what it tells."""

    probe: Probe
    events: Events
    run: asyncio.Task[int]

    def obey(self, command: ev.AnyCommand) -> None:
        self.probe.obey(command)

    async def ended(self) -> int:
        """The exit code, once it has ended."""
        return await asyncio.wait_for(asyncio.shield(self.run), WAIT)


@asynccontextmanager
async def listening(wanted: Settings, *, stay: bool = True) -> AsyncIterator[Listening]:
    """A probe with these settings. At the end it is closed, and all it told must make sense."""
    events = Events()
    probe = Probe(wanted, events)
    run = asyncio.ensure_future(probe.run(stay=stay))
    run.add_done_callback(lambda _: events.close())
    try:
        yield Listening(probe, events, run)
    finally:
        probe.close("the test ends")
        await asyncio.wait_for(run, WAIT)
    check(events.seen)
    assert isinstance(events.seen[-1], ev.End)
