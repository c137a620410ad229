"""A cluster of nats-servers on loopback, each behind a relay that its clients connect through."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from natsmon.lab.nats_server import HOST, NatsServer
from natsmon.lab.relay import Relay
from natsmon.lab.relayed_connection import Tap

LAME_DUCK = 'lame_duck_duration: "30s"\nlame_duck_grace_period: "3s"'
"""Configuration of a lame duck mode in which clients can be seen to be warned, then closed one by one."""


def join(servers: Sequence[NatsServer]) -> None:
    """Make servers that have not started the routes of one another, so that they may start in any order."""
    for server in servers:
        server.reserve_cluster_port()
        server.routes = tuple(other for other in servers if other is not server)
    if sys.platform != "linux":  # elsewhere no other process can listen on a port that is bound
        for server in servers:
            server.reserved.close()


@dataclass
class Node:
    """A server, the relay before it, and the faults that are in effect."""

    server: NatsServer
    relay: Relay
    active: list[str] = field(default_factory=list)
    """Names of the faults that last until "resume" or "start", in the order in which they came."""

    def __str__(self) -> str:
        return f"{self.server.name} ({self.relay.url.removeprefix('nats://')})"

    @property
    def condition(self) -> str:
        """What is wrong with it: "running", "not running", or the active faults."""
        if not self.server.running:
            return "not running"
        return ", ".join(self.active) or "running"

    @property
    def connections(self) -> str:
        number = self.relay.connections
        return f"{number} connection{'' if number == 1 else 's'}"

    def notice_exit(self) -> None:
        """Refuse connections while the server is not running, as its own port would."""
        if not self.server.running:
            self.relay.refuse()

    def kill(self) -> None:
        self.server.kill()
        self.notice_exit()

    def start(self) -> None:
        self.server.start()
        self.relay.heal()
        self.active.clear()

    def resume(self) -> None:
        self.server.cont()
        self.relay.heal()
        self.active = [name for name in self.active if name == "lame duck"]


class Cluster:
    """Servers that advertise their relays: clients get no direct address. A single server is no cluster.

    Args:
        size: Number of servers.
        name: Of the cluster; servers are named after it and numbered from 1.
        binary: The nats-server program.
        folder: Where the servers' folders are.
        configure: Returns what a server's configuration has besides, for its number from 0 and its folder.
        tap: Returns the tap of a server's relay, for its number from 0.
        latency: Seconds each way through a relay.
    """

    def __init__(
        self,
        size: int,
        *,
        name: str = "nats",
        binary: Path | None = None,
        folder: Path | None = None,
        configure: Callable[[int, Path], str] = lambda _number, _folder: "",
        tap: Callable[[int], Tap | None] = lambda _: None,
        latency: float = 0.0,
    ) -> None:
        self.nodes: list[Node] = []
        self._held = ExitStack()
        for number in range(size):
            server = NatsServer(binary, name=f"{name}-{number + 1}", cluster=name if size > 1 else "", folder=folder)
            self._held.callback(server.close)
            server.config = configure(number, server.folder)
            self.nodes.append(Node(server, Relay(tap=tap(number), latency=latency)))

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self, give_up: Callable[[], bool] = lambda: False) -> Self:
        """Start all; they form a cluster soon after. ``give_up`` is called while waiting; True ends the wait."""
        servers = [node.server for node in self.nodes]
        join(servers)
        for node in self.nodes:
            self._held.enter_context(node.relay)
            node.server.config += f'\nclient_advertise: "{HOST}:{node.relay.port}"'
            node.server.launch()
        for node in self.nodes:
            node.server.wait_until_ready(give_up)
            node.relay.target = node.server.port
        return self

    def close(self) -> None:
        """End the servers and the relays. May be called again."""
        self._held.close()
