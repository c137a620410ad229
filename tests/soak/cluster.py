"""Three nodes that know each other, each with a proxy natsmon dials, a tap on it, and a witness behind it."""

import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from natsmon.lab.fault_relay import FaultProxy
from natsmon.lab.nats_server import NatsServer
from tests.probe.streams import acquaint
from tests.soak.claims import WITHIN, Stuck
from tests.soak.subscriber import Subscriber
from tests.soak.wire import Wire

NODES = 3
SUBJECT = "soak"
_POLL = 0.002
_LAME_DUCK = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "10ms"'
"""The shortest a server allows; with two clients it drops them within a second each all the same."""


@dataclass
class Node:
    number: int
    server: NatsServer
    proxy: FaultProxy
    wire: Wire
    subscriber: Subscriber


class Cluster:
    """Use as a context; at its end all of it is gone."""

    def __init__(self, configure: Callable[[Path], str], latency: float) -> None:
        """``configure`` gives what a node's configuration has besides, for its folder; ``latency`` is one way."""
        self.nodes: list[Node] = []
        self._configure = configure
        self._latency = latency
        self._held = ExitStack()

    def __enter__(self) -> Self:
        try:
            servers = [self._server(number) for number in range(NODES)]
            acquaint(servers)
            self.nodes += [self._add(number, server) for number, server in enumerate(servers)]
            self.until_whole()
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def _server(self, number: int) -> NatsServer:
        setpriv = shutil.which("setpriv")
        server = NatsServer(
            name=f"node-{number}",
            cluster="soak",
            prefix=(setpriv, "--pdeathsig", "KILL") if setpriv else (),
        )
        server.config = f"{_LAME_DUCK}\n{self._configure(server.folder)}"
        self._held.callback(server.close)
        return server

    def _add(self, number: int, server: NatsServer) -> Node:
        server.start()
        wire = Wire(number)
        proxy = self._held.enter_context(FaultProxy(server.port, wire))
        proxy.delay(self._latency)
        subscriber = Subscriber(server.port, SUBJECT)
        self._held.callback(subscriber.close)
        return Node(number, server, proxy, wire, subscriber.start())

    def behind(self, url: str) -> Node:
        """The node whose proxy this is the URL of."""
        return next(node for node in self.nodes if node.proxy.url == url)

    @property
    def youngest(self) -> int:
        """The highest number that has passed any wire."""
        return max(node.wire.youngest for node in self.nodes)

    def until_whole(self) -> None:
        """All nodes are up and know each other, and every witness listens."""
        for node in self.nodes:
            until(partial(_knows_its_cluster, node.server), f"{node.server} to know its cluster")
            if not node.subscriber.until_subscribed(WITHIN):
                raise Stuck(f"the subscriber of {node.server} is not subscribed")

    def mend(self) -> None:
        """Every node is up and going, in whatever state a cycle left it that did not end."""
        for node in self.nodes:
            node.proxy.heal()
            if node.server.running:
                node.server.cont()
            else:
                node.server.start()

    def until_settled(self, url: str) -> None:
        """No node has anything left of a connection that has ended; natsmon is on the one with this URL."""
        for node in self.nodes:
            wanted = 1 if node.proxy.url == url else 0
            until(partial(_has_connections, node.proxy, wanted), f"ended connections to {node.server}")

    def until_passed_on(self, name: str) -> None:
        """Whatever any node had to pass on to another has arrived there."""
        barriers = {f"{name} {node.number}".encode() for node in self.nodes}
        for node in self.nodes:
            node.subscriber.raise_barrier(f"{name} {node.number}".encode())
        for node in self.nodes:
            if not node.subscriber.until_barriers(barriers, WITHIN):
                raise Stuck(f"{node.server} did not pass everything on: {node.subscriber.witness.barriers}")


def until(met: Callable[[], bool], what: str) -> None:
    """Of a process, or another's state, nobody tells: it is looked at again and again."""
    deadline = time.monotonic() + WITHIN
    while not met():
        if time.monotonic() > deadline:
            raise Stuck(f"{WITHIN:g} s went by without {what}")
        time.sleep(_POLL)


def _knows_its_cluster(server: NatsServer) -> bool:
    try:
        return len(server.info().get("connect_urls", ())) == NODES
    except OSError:
        return False


def _has_connections(proxy: FaultProxy, wanted: int) -> bool:
    return proxy.connections == wanted
