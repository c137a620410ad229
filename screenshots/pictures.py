"""What each picture shows: what is done to the servers and pressed until the screen is as wanted."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from textual.pilot import Pilot

from natsmon.lab.cluster import Node
from natsmon.state import State
from natsmon.tui.app import NatsmonApp

PATIENCE = 90.0


@dataclass
class Stage:
    """The dashboard, connected, and the servers it may be connected to."""

    app: NatsmonApp
    pilot: Pilot[int]
    nodes: Sequence[Node]

    async def until(self, condition: Callable[[State], bool]) -> None:
        """Wait until the state on the screen is as wanted; the screen has been drawn by then."""
        end = time.monotonic() + PATIENCE
        while not condition(self.app.viewed.state):
            if time.monotonic() > end:
                raise TimeoutError(f"still {self.app.viewed.state.status} after {PATIENCE:g} s")
            await self.pilot.pause(0.05)
        await self.pilot.pause(0.2)

    async def until_over(self) -> None:
        """The probe has ended."""
        while self.app.viewed.stream == "live":
            await self.pilot.pause(0.05)

    async def round_trips(self, more: int) -> None:
        seen = len(self.app.viewed.state.rtts)
        await self.until(lambda state: len(state.rtts) >= seen + more)

    @property
    def node(self) -> Node:
        """The one that natsmon is on."""
        on = self.app.viewed.state.connected
        return next(node for node in self.nodes if on is not None and node.relay.url == on.server)

    async def outage(self, dials: int) -> None:
        """The server is killed, and comes back after so many dials in vain."""
        reconnects = self.app.viewed.state.reconnects
        node = self.node
        await asyncio.to_thread(node.kill)
        await self.until(lambda state: state.outage is not None and state.outage.dials >= dials)
        await asyncio.to_thread(node.start)
        await self.until(lambda state: state.reconnects > reconnects)

    async def retirement(self) -> None:
        """The server announces its shutdown, ends, and is started again."""
        reconnects = self.app.viewed.state.reconnects
        node = self.node
        node.server.lame_duck()
        while node.server.running:
            await self.pilot.pause(0.05)
        await asyncio.to_thread(node.start)
        await self.until(lambda state: state.reconnects > reconnects)


async def connected(stage: Stage) -> None:
    await stage.round_trips(40)


async def dialing(stage: Stage) -> None:
    """The server is down from the beginning: what was tried, and when the next dial comes."""
    await asyncio.to_thread(stage.node.kill)
    await stage.pilot.press("r")
    await stage.until(lambda state: state.waiting is not None and state.dial_count >= 4)


async def outage(stage: Stage) -> None:
    """Two outages behind it, a third under way."""
    await stage.round_trips(12)
    for dials in (2, 4):
        await stage.outage(dials)
        await stage.round_trips(8)
    await asyncio.to_thread(stage.node.kill)
    await stage.until(lambda state: state.outage is not None and state.outage.dials >= 3)
    await stage.until(lambda state: state.waiting is not None)


async def cancelled(stage: Stage) -> None:
    await stage.round_trips(5)
    await asyncio.to_thread(stage.node.kill)
    await stage.until(lambda state: state.outage is not None and state.outage.dials >= 3)
    await stage.until(lambda state: state.waiting is not None)
    await stage.pilot.press("c")
    await stage.until(lambda state: state.closed is not None)


async def one_dial(stage: Stage) -> None:
    """The dial after an outage, opened."""
    await stage.outage(2)
    await stage.pilot.press("enter")


async def outages(stage: Stage) -> None:
    """A server that was killed, one that shut down in lame duck mode, and one that was killed for longer."""
    await stage.round_trips(6)
    await stage.outage(1)
    await stage.round_trips(6)
    await stage.retirement()
    await stage.round_trips(6)
    await stage.outage(3)
    await stage.round_trips(6)
    await stage.pilot.press("o")


async def one_outage(stage: Stage) -> None:
    await stage.round_trips(6)
    await stage.outage(3)
    await stage.round_trips(3)
    await stage.pilot.press("o", "enter")


async def upgrade(stage: Stage) -> None:
    """One server after the other."""
    for _ in stage.nodes:
        await stage.round_trips(5)
        await stage.retirement()
    await stage.round_trips(5)
    await stage.pilot.press("u")


async def latency(stage: Stage) -> None:
    await stage.round_trips(12)
    await stage.outage(2)
    await stage.round_trips(20)
    await stage.pilot.press("l")


async def show_help(stage: Stage) -> None:
    await stage.round_trips(3)
    await stage.pilot.press("question_mark")


PICTURES: dict[str, Callable[[Stage], Awaitable[None]]] = {
    "connected": connected,
    "dialing": dialing,
    "outage": outage,
    "cancelled": cancelled,
    "dial": one_dial,
    "outages": outages,
    "one-outage": one_outage,
    "upgrade": upgrade,
    "latency": latency,
    "help": show_help,
}
ON_A_CLUSTER = ("upgrade",)
