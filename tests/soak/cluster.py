"""Three nodes that know each other, each with a relay natsmon dials, a tap on it, and a witness behind it."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from natsmon.lab.cluster import Cluster
from natsmon.lab.nats_server import NatsServer
from natsmon.lab.relay import Relay
from tests.harness.polling import wait_until, wait_until_formed
from tests.soak.claims import WITHIN, Stuck
from tests.soak.subscriber import Subscriber
from tests.soak.wire import Wire

NODES = 3
SUBJECT = "soak"
_RAISED_EVERY = 1.0
"""Seconds until a barrier that has not arrived is raised again."""
_LAME_DUCK = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "10ms"'
"""The shortest a server allows; with two clients it drops them within a second each all the same."""


@dataclass
class Witnessed:
    """A node with its witnesses."""

    number: int
    server: NatsServer
    relay: Relay
    wire: Wire
    subscriber: Subscriber


class WitnessedCluster:
    """Three nodes, each with a tap on its relay and a subscriber. Use as a context."""

    def __init__(self, configure: Callable[[Path], str], latency: float) -> None:
        """``configure`` returns what a node's configuration has besides, for its folder; ``latency`` is one way."""
        self.nodes: list[Witnessed] = []
        self._wires = [Wire(number) for number in range(NODES)]
        self._cluster = Cluster(
            NODES,
            name="soak",
            configure=lambda _, folder: f"{_LAME_DUCK}\n{configure(folder)}",
            tap=self._wires.__getitem__,
            latency=latency,
        )
        self._held = ExitStack()

    def __enter__(self) -> Self:
        try:
            for number, node in enumerate(self._held.enter_context(self._cluster).nodes):
                subscriber = Subscriber(node.server.port, SUBJECT)
                self._held.callback(subscriber.close)
                self.nodes.append(Witnessed(number, node.server, node.relay, self._wires[number], subscriber.start()))
            self.until_whole()
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def behind(self, url: str) -> Witnessed:
        """The node whose relay this is the URL of."""
        return next(node for node in self.nodes if node.relay.url == url)

    @property
    def youngest(self) -> int:
        """The highest number that has passed any wire."""
        return max(node.wire.youngest for node in self.nodes)

    def until_whole(self) -> None:
        """All nodes are up and know each other, and every witness listens."""
        wait_until_formed([node.server for node in self.nodes])
        for node in self.nodes:
            if not node.subscriber.until_subscribed(WITHIN):
                raise Stuck(f"the subscriber of {node.server} is not subscribed")

    def mend(self) -> None:
        """Every node is up and going, in whatever state a cycle left it that did not end."""
        for node in self.nodes:
            node.relay.heal()
            if node.server.running:
                node.server.cont()
            else:
                node.server.start()

    def until_settled(self, url: str) -> None:
        """No node has anything left of a connection that has ended; natsmon is on the one with this URL."""
        for node in self.nodes:
            wanted = 1 if node.relay.url == url else 0
            wait_until(partial(_has_connections, node.relay, wanted), f"end of connections to {node.server}", WITHIN)

    def until_passed_on(self, name: str) -> None:
        """Whatever any node had to pass on to another has arrived there.

        A node passes a barrier on once the other node's subscription has reached it: until then they are raised again.
        """
        barriers = {f"{name} {node.number}".encode() for node in self.nodes}
        deadline = time.monotonic() + WITHIN
        left = self.nodes
        while left:
            if time.monotonic() > deadline:
                raise Stuck(f"{left[0].server} did not receive every barrier: {left[0].subscriber.witness.barriers}")
            for node in self.nodes:
                node.subscriber.raise_barrier(f"{name} {node.number}".encode())
            left = [node for node in self.nodes if not node.subscriber.until_barriers(barriers, _RAISED_EVERY)]


def _has_connections(relay: Relay, wanted: int) -> bool:
    return relay.connections == wanted
