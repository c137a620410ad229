"""A probe in the test's own process, and the events it emits, awaited one after another."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from natsmon.config.server_urls import parse_server
from natsmon.config.settings import Server, Settings
from natsmon.lab.nats_server import NatsServer
from natsmon.probe.monitored_connection import MonitoredConnection
from natsmon.probe.probe import Probe
from natsmon.state import State, Tracks
from natsmon.stream import commands
from natsmon.stream import events as ev
from tests.harness.time_limits import IN_TIME, WAIT

E = TypeVar("E", bound=ev.Event)


class Events:
    """A sink that keeps every event, in order. ``until`` moves on through them, as a reader does."""

    failure = ""
    ended = False

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.closed = False
        self._tracks = Tracks()
        self._read = 0
        self._changed = asyncio.Event()

    @property
    def state(self) -> State:
        """The state of connection 0 after the events that were read."""
        return self._tracks.first.state

    def put(self, event: ev.AnyEvent, line: bytes) -> None:
        """Keep an event."""
        self.seen.append(event)
        self._changed.set()

    def close(self, timeout: float = 0.0) -> bool:
        """No event follows."""
        self.closed = True
        self._changed.set()
        return True

    async def until(self, kind: type[E], predicate: Callable[[E], bool] = lambda _: True, within: float = WAIT) -> E:
        """The next event of a kind that meets the predicate; what came before it is passed over."""
        event: E = await self._until(lambda event: isinstance(event, kind) and predicate(event), kind.__name__, within)
        return event

    async def until_counts(self, predicate: Callable[[ev.Tally], bool]) -> ev.Tally:
        """The totals as soon as they meet the predicate, from tallies and from single messages."""
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
                        self._tracks.apply(event)
                        if met(event):
                            return event
                    if self.closed:
                        raise AssertionError(f"the stream ended without {what}: {self}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {what} in {within:g} s: {self}") from None

    async def until_status(self, status: ev.Status) -> ev.StatusChanged:
        return await self.until(ev.StatusChanged, lambda event: event.status == status)

    def of(self, kind: type[E]) -> list[E]:
        """Every event of a kind so far, passed over or not."""
        return [event for event in self.seen if isinstance(event, kind)]

    @property
    def last_tally(self) -> ev.Tally:
        return self.of(ev.Tally)[-1]

    def __str__(self) -> str:
        return "\n".join(map(str, self.seen[-40:]))


def check(seen: list[Any]) -> None:
    """What holds for every stream that ended: sums, times, the chain of statuses, an end for every dial."""
    assert isinstance(seen[0], ev.Session)
    assert isinstance(seen[1], ev.Connection)
    now = 0.0
    closed: set[int] = set()
    for event in seen:
        assert event.t >= now, event
        now = event.t
        if isinstance(event, ev.Connection) and event.replaces is not None:
            closed.add(event.replaces)
        assert isinstance(event, ev.SessionEvent) or event.conn not in closed, event
    for conn in {event.conn for event in seen}:
        _check_connection([event for event in seen if event.conn == conn and not isinstance(event, ev.SessionEvent)])


def _check_connection(seen: list[Any]) -> None:
    assert isinstance(seen[0], ev.Connection)
    status: ev.Status = "DISCONNECTED"
    under_way: int | None = None
    for event in seen:
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
    tallies = [event for event in seen if isinstance(event, ev.Tally)]
    assert tallies[-1].in_flight == 0, "closed, with messages in flight"


def check_sums(tally: ev.Tally) -> None:
    assert tally.attempted == tally.sent + tally.buffered + tally.rejected, tally
    assert tally.sent == (tally.delivered + tally.in_flight + tally.undelivered + tally.lost + tally.unverified), tally
    assert min(tally.sent, tally.buffered, tally.rejected, tally.delivered, tally.in_flight, tally.lost) >= 0, tally
    assert min(tally.undelivered, tally.unverified) >= 0, tally


def settings(*servers: str | Server, **changes: Any) -> Settings:
    """Quick settings for these servers, in this order."""
    quick: dict[str, Any] = {
        "servers": tuple(parse_server(s) if isinstance(s, str) else s for s in servers),
        "interval": 0.025,
        "connect_timeout": IN_TIME,
        "reconnect_wait": 0.05,
        "reconnect_jitter": 0.0,
        "max_reconnects": -1,
        "randomize": False,
        "rtt_interval": 0.05,
        "drain_timeout": IN_TIME,
        "subject": "hello",
        "timeout": IN_TIME,
    }
    return Settings(**quick | changes)


async def freeze(server: NatsServer) -> None:
    """Stop a server, and wait until every thread of it is stopped."""
    await asyncio.to_thread(server.stop)


@dataclass
class Listening:
    """A running probe with one connection, and its events."""

    probe: Probe
    events: Events
    run: asyncio.Task[int]

    @property
    def connection(self) -> MonitoredConnection:
        return self.probe.connections[0]

    def execute(self, command: commands.AnyCommand) -> None:
        self.probe.execute(command)

    async def ended(self) -> int:
        """The exit code, once it has ended."""
        return await asyncio.wait_for(asyncio.shield(self.run), WAIT)


@asynccontextmanager
async def listening(wanted: Settings, *, stay: bool = True) -> AsyncIterator[Listening]:
    """Run a probe with these settings. At the end it is closed, and its events are checked."""
    events = Events()
    probe = Probe([wanted], [events])
    run = asyncio.ensure_future(probe.run(stay=stay))
    run.add_done_callback(lambda _: events.close())
    await asyncio.sleep(0)  # it begins, and has dialed nothing yet
    try:
        yield Listening(probe, events, run)
    finally:
        probe.close("the test ends")
        await asyncio.wait_for(run, WAIT)
    check(events.seen)
    assert isinstance(events.seen[-1], ev.End)
